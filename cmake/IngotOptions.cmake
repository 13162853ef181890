# Build options and the flags every target shares.
option(INGOT_TESTS "Build the tests" ON)
option(INGOT_BENCH "Build the benchmark programs" OFF)
option(INGOT_FUZZ "Build the libFuzzer targets (clang only)" OFF)
option(INGOT_WITH_MLX "Build the rooms that need MLX, and the ingot binary" ON)
set(INGOT_ROOMS "" CACHE STRING "Build these rooms only (all when empty)")
set(INGOT_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them")
set(INGOT_MLX "cpu" CACHE STRING "MLX back end: cpu, cuda or metal")
set(INGOT_DEPS_DIR "${CMAKE_SOURCE_DIR}/.deps" CACHE PATH "Where `make deps` unpacked the pinned packages")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_LINK_DEPENDS_NO_SHARED ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(INGOT_CCACHE ccache)
if(INGOT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${INGOT_CCACHE}")
endif()

# -ffp-contract=off: a compiler that fuses a*b+c changes results between machines; kernels ask for
# fused arithmetic by name. Library assertions stay on in release: much of our input is hostile.
add_compile_options(-Wall -Wextra -Werror -ffp-contract=off -fno-math-errno
                    -fstack-protector-strong "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=")
# GCC 12 sees overlapping copies in `"a" + std::string` where there are none (its bug 105651).
add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
add_compile_definitions(_GLIBCXX_ASSERTIONS)
if(INGOT_SANITIZE)
  # -O1: a fifth less to compile than -O2, and traces that name the function that was written.
  add_compile_options(-fsanitize=${INGOT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
                      -g1 -O1)
  add_link_options(-fsanitize=${INGOT_SANITIZE})
endif()
if(INGOT_SANITIZE MATCHES "address")
  # Without counters in our own code libFuzzer searches blind. Tests have them, too, so that the
  # fuzz preset finds all objects of the asan-ubsan preset in ccache.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
