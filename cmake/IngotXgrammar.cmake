# xgrammar as the set-up unpacked its source archive: the target ingot_xgrammar, which src/text
# builds grammars with. Its own CMake project sets global flags, link-time optimisation and Python
# bindings that we do not want; the library itself is a folder of sources.
set(INGOT_XGRAMMAR_VERSION 0.2.8)
set(INGOT_XGRAMMAR_DIR "${INGOT_DEPS_DIR}/xgrammar-${INGOT_XGRAMMAR_VERSION}")
if(NOT EXISTS "${INGOT_XGRAMMAR_DIR}/include/xgrammar/xgrammar.h")
  message(FATAL_ERROR "xgrammar ${INGOT_XGRAMMAR_VERSION} is not at ${INGOT_XGRAMMAR_DIR}.\n"
    "Run `make deps`.")
endif()

file(GLOB_RECURSE ingot_xgrammar_sources "${INGOT_XGRAMMAR_DIR}/cpp/*.cc")
list(FILTER ingot_xgrammar_sources EXCLUDE REGEX "/cpp/tvm_ffi/")
add_library(ingot_xgrammar STATIC ${ingot_xgrammar_sources})
# cpp/ and picojson are for src/text/grammar/xgrammar_glue.cc, which looks into compiled grammars.
target_include_directories(ingot_xgrammar SYSTEM PUBLIC
  "${INGOT_XGRAMMAR_DIR}/include" "${INGOT_XGRAMMAR_DIR}/3rdparty/dlpack/include"
  "${INGOT_XGRAMMAR_DIR}/3rdparty/picojson" "${INGOT_XGRAMMAR_DIR}")
# With XGRAMMAR_LOG_CUSTOMIZE it calls two functions of ours for what it would print to stderr.
target_compile_definitions(ingot_xgrammar PUBLIC
  XGRAMMAR_ENABLE_CPPTRACE=0 XGRAMMAR_ENABLE_INTERNAL_CHECK=0 XGRAMMAR_LOG_CUSTOMIZE=1)
# Our warnings, which are errors, are for our code.
target_compile_options(ingot_xgrammar PRIVATE -w)
if(INGOT_SANITIZE)
  # Accesses are checked; what else is undefined in code that is not ours would stop our tests, and
  # to look for it takes longer to compile than all of our own rooms.
  target_compile_options(ingot_xgrammar PRIVATE -O1 -g0 -fno-sanitize=undefined)
endif()
set_target_properties(ingot_xgrammar PROPERTIES CXX_STANDARD 17)
find_package(Threads REQUIRED)
target_link_libraries(ingot_xgrammar PUBLIC Threads::Threads)
