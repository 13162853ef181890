# The kernels of src/ops/gpu as C++: written by a program that links them, compiled for
# tests/ops/gpu/emulator.h.
set(gpu_dir "${CMAKE_CURRENT_SOURCE_DIR}/ops/gpu")
add_executable(ingot_make_kernels "${gpu_dir}/make_kernels.cc" "${gpu_dir}/cases.cc"
                                  "${gpu_dir}/whole_source.cc")
target_include_directories(ingot_make_kernels PRIVATE "${CMAKE_SOURCE_DIR}")
target_link_libraries(ingot_make_kernels PRIVATE ingot_ops)
set(emulated "${CMAKE_BINARY_DIR}/generated/emulated_kernels.cc")
file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/generated")
add_custom_command(OUTPUT "${emulated}" COMMAND ingot_make_kernels emulated "${emulated}"
                   DEPENDS ingot_make_kernels VERBATIM)
# Its constants make comparisons that are always true, and more that nobody would write.
set_source_files_properties("${emulated}" PROPERTIES COMPILE_OPTIONS "-w")
target_sources(${INGOT_TEST_TARGET} PRIVATE "${emulated}" "${gpu_dir}/cases.cc"
               "${gpu_dir}/emulator.cc" "${gpu_dir}/whole_source.cc")
