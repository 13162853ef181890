# Token masks against the Python package, bit for bit. The driver runs ours.
add_executable(ingot_grammar_driver "${CMAKE_CURRENT_LIST_DIR}/driver.cc")
target_link_libraries(ingot_grammar_driver PRIVATE ingot_text)
add_test(NAME text_grammar_diff
         COMMAND "${CMAKE_SOURCE_DIR}/.deps/venv/bin/python"
                 "${CMAKE_SOURCE_DIR}/tools/reference/grammar_diff.py"
                 --driver "$<TARGET_FILE:ingot_grammar_driver>")
set_tests_properties(text_grammar_diff PROPERTIES LABELS text TIMEOUT 600)
