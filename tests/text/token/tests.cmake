# The tokenizers against the Python package, string by string. The driver runs ours.
add_executable(ingot_token_driver "${CMAKE_CURRENT_LIST_DIR}/driver.cc")
target_link_libraries(ingot_token_driver PRIVATE ingot_text)
foreach(group byte_level sentence_piece words unigram normal pieces split)
  add_test(NAME text_tokenizer_diff_${group}
           COMMAND "${CMAKE_SOURCE_DIR}/.deps/venv/bin/python"
                   "${CMAKE_SOURCE_DIR}/tools/reference/tokenizer_diff.py"
                   --driver "$<TARGET_FILE:ingot_token_driver>" --group ${group})
  set_tests_properties(text_tokenizer_diff_${group} PROPERTIES LABELS text TIMEOUT 1800)
endforeach()
