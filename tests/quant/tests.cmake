# The differential test against mlx.core: Python, with our side as a shared library. It needs the
# machine's own MLX, and a library that loads into a plain interpreter.
if(INGOT_WITH_MLX AND NOT INGOT_SANITIZE AND NOT CMAKE_CROSSCOMPILING)
  add_library(ingot_quant_c_api SHARED "${CMAKE_CURRENT_LIST_DIR}/c_api.cc")
  target_link_libraries(ingot_quant_c_api PRIVATE ingot_quant)
  add_test(NAME quant.mlx_differential
           COMMAND "${CMAKE_SOURCE_DIR}/.deps/venv/bin/python"
                   "${CMAKE_CURRENT_LIST_DIR}/mlx_differential_test.py"
                   "$<TARGET_FILE:ingot_quant_c_api>")
  add_test(NAME quant.mlx_goldens
           COMMAND "${CMAKE_SOURCE_DIR}/.deps/venv/bin/python"
                   "${CMAKE_SOURCE_DIR}/tools/reference/quant_goldens.py" --check)
  set_tests_properties(quant.mlx_differential quant.mlx_goldens PROPERTIES LABELS quant)
endif()
