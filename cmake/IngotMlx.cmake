# MLX as the set-up unpacked it: the target ingot_mlx for the rooms that use arrays, and where a
# program finds the library, in the build tree and once installed.
#
# The wheel's own CMake package names what its builder had (a CUDA toolkit, one Xcode's
# frameworks) and asks for it again; our rooms need the headers and the library alone.

set(INGOT_MLX_VERSION 0.32.4)
set(INGOT_MLX_WHEELS "cpu=mlx-cpu;cuda=mlx-cuda-13;metal=mlx-metal")

set(ingot_mlx_wheel "")
foreach(pair IN LISTS INGOT_MLX_WHEELS)
  if(pair MATCHES "^${INGOT_MLX}=(.*)$")
    set(ingot_mlx_wheel "${CMAKE_MATCH_1}")
  endif()
endforeach()
if(NOT ingot_mlx_wheel)
  message(FATAL_ERROR "INGOT_MLX=${INGOT_MLX} is none of cpu, cuda and metal")
endif()

set(INGOT_MLX_DIR "${INGOT_DEPS_DIR}/${ingot_mlx_wheel}-${INGOT_MLX_VERSION}")
set(ingot_mlx_library
  "${INGOT_MLX_DIR}/mlx/lib/${CMAKE_SHARED_LIBRARY_PREFIX}mlx${CMAKE_SHARED_LIBRARY_SUFFIX}")
set(ingot_mlx_header "${INGOT_MLX_DIR}/mlx/include/mlx/version.h")
if(NOT EXISTS "${ingot_mlx_library}" OR NOT EXISTS "${ingot_mlx_header}")
  message(FATAL_ERROR "MLX ${INGOT_MLX_VERSION} (${INGOT_MLX}) is not at ${INGOT_MLX_DIR}.\n"
    "Run `make deps INGOT_MLX=${INGOT_MLX}`, or configure with -DINGOT_WITH_MLX=OFF to build only "
    "the rooms that need no arrays.")
endif()

# The headers must be of the version that the directory is named after.
file(STRINGS "${ingot_mlx_header}" ingot_mlx_numbers REGEX "MLX_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
string(REGEX REPLACE "[^;]*(MAJOR|MINOR|PATCH) " "" ingot_mlx_numbers "${ingot_mlx_numbers}")
list(JOIN ingot_mlx_numbers "." ingot_mlx_found)
if(NOT ingot_mlx_found STREQUAL INGOT_MLX_VERSION)
  message(FATAL_ERROR "${INGOT_MLX_DIR} holds MLX ${ingot_mlx_found}, not ${INGOT_MLX_VERSION}; "
    "delete it and run `make deps`")
endif()

add_library(ingot_mlx SHARED IMPORTED)
set_target_properties(ingot_mlx PROPERTIES
  IMPORTED_LOCATION "${ingot_mlx_library}"
  # An imported target's headers are system headers: our warnings, which are errors, spare them.
  INTERFACE_INCLUDE_DIRECTORIES "${INGOT_MLX_DIR}/mlx/include")
if(APPLE)
  set_target_properties(ingot_mlx PROPERTIES IMPORTED_SONAME "@rpath/libmlx.dylib")
endif()
if(INGOT_MLX STREQUAL "cuda")
  # libcuda.so.1 comes with the driver, which the machine that builds need not have.
  target_link_options(ingot_mlx INTERFACE -Wl,--allow-shlib-undefined)
endif()

# Where the wheel lies below the prefix of an installation. libmlx finds the libraries that came
# with it by paths relative to its own, so the wheel's layout is kept.
set(INGOT_MLX_INSTALL_DIR "lib/ingot")
if(APPLE)
  set(ingot_origin "@executable_path")
else()
  set(ingot_origin "$ORIGIN")
endif()

# In the build tree CMake adds libraries' own directories to run paths.
function(ingot_install program)
  set_target_properties(${program} PROPERTIES
    INSTALL_RPATH "${ingot_origin}/../${INGOT_MLX_INSTALL_DIR}/mlx/lib")
  ingot_install_files(${program})
endfunction()

# The program that opens a library, and the library.
function(ingot_install_late program library)
  set_target_properties(${program} PROPERTIES
    BUILD_RPATH "$<TARGET_FILE_DIR:${library}>"
    INSTALL_RPATH "${ingot_origin}/../${INGOT_MLX_INSTALL_DIR}")
  set_target_properties(${library} PROPERTIES
    INSTALL_RPATH "${ingot_origin}/mlx/lib")
  install(TARGETS ${library} LIBRARY DESTINATION "${INGOT_MLX_INSTALL_DIR}")
  ingot_install_files(${program})
endfunction()

function(ingot_install_files program)
  install(TARGETS ${program} RUNTIME DESTINATION bin)
  install(FILES "${CMAKE_SOURCE_DIR}/LICENSE" "${CMAKE_SOURCE_DIR}/README.md"
          DESTINATION share/doc/ingot)
  install(DIRECTORY "${INGOT_MLX_DIR}/" DESTINATION "${INGOT_MLX_INSTALL_DIR}"
    PATTERN "mlx/share" EXCLUDE
    # Headers matter at run time to CUDA alone, which compiles kernels when it meets them.
    PATTERN "mlx/include" EXCLUDE
    PATTERN "__pycache__" EXCLUDE)
  if(INGOT_MLX STREQUAL "cuda")
    install(DIRECTORY "${INGOT_MLX_DIR}/mlx/include" DESTINATION "${INGOT_MLX_INSTALL_DIR}/mlx")
  endif()
endfunction()
