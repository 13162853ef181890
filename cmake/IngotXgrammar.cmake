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

# Its parser takes as long as a grammar makes it, and cannot be interrupted. So copies of its files
# are compiled in which the loops that a grammar can make long count their work, as
# src/text/grammar/parser_hooks.h says.
function(ingot_xgrammar_read name)
  file(READ "${INGOT_XGRAMMAR_DIR}/cpp/${name}" text)
  set(ingot_xgrammar_text "#include \"text/grammar/parser_hooks.h\"\n${text}" PARENT_SCOPE)
  set(ingot_xgrammar_name "${name}" PARENT_SCOPE)
endfunction()
# Adds what to all lines that read place, behind them.
function(ingot_xgrammar_add place what)
  string(REPLACE "${place}" "${place}${what}" text "${ingot_xgrammar_text}")
  if(text STREQUAL ingot_xgrammar_text)
    message(FATAL_ERROR "${ingot_xgrammar_name} of xgrammar ${INGOT_XGRAMMAR_VERSION} does not have "
      "\"${place}\", where its work is to be counted.")
  endif()
  set(ingot_xgrammar_text "${text}" PARENT_SCOPE)
endfunction()
function(ingot_xgrammar_write)
  set(copy "${CMAKE_BINARY_DIR}/xgrammar/${ingot_xgrammar_name}")
  set(old "")
  if(EXISTS "${copy}")
    file(READ "${copy}" old)
  endif()
  if(NOT old STREQUAL ingot_xgrammar_text)
    file(WRITE "${copy}" "${ingot_xgrammar_text}")
  endif()
  list(REMOVE_ITEM ingot_xgrammar_sources "${INGOT_XGRAMMAR_DIR}/cpp/${ingot_xgrammar_name}")
  set(ingot_xgrammar_sources "${ingot_xgrammar_sources};${copy}" PARENT_SCOPE)
endfunction()

set(ingot_xgrammar_queue "while (!tmp_process_state_queue_.empty()) {")
string(CONCAT ingot_xgrammar_count
  " ::ingot::text::SpendParserWork(16, ::ingot::text::RowsHold(rule_id_to_completable_states_) + "
  "::ingot::text::RowsHold(scanable_state_history_) + tmp_states_to_be_added_.size() + "
  "tmp_process_state_queue_.size());")
ingot_xgrammar_read(earley_parser.cc)
ingot_xgrammar_add("${ingot_xgrammar_queue}" "${ingot_xgrammar_count}")
ingot_xgrammar_add(
  "const auto& parent_states_map = rule_id_to_completable_states_[state.rule_start_pos];"
  " ::ingot::text::SpendParserWork(parent_states_map.size(), 0);")
ingot_xgrammar_add("if (parent_state_iter.first != state.rule_id) continue;"
  " ::ingot::text::SpendParserWork(rule_id_to_completable_states_.Back().size(), 0);")
ingot_xgrammar_add("// Scan all the scanable states.\n"
  "  ::ingot::text::SpendParserWork(latest_states.size(), 0);\n")
ingot_xgrammar_write()
ingot_xgrammar_read(grammar_matcher.cc)
ingot_xgrammar_add("${ingot_xgrammar_queue}" "${ingot_xgrammar_count}")
ingot_xgrammar_write()
# Its threads work on the budget of whoever compiles.
ingot_xgrammar_read(grammar_compiler.cc)
ingot_xgrammar_add("thread_pool->Execute([add_adaptive_token_mask, state, is_root_rule"
  ", budget = ::ingot::text::CurrentParseBudget()")
ingot_xgrammar_add(", budget = ::ingot::text::CurrentParseBudget()]() {"
  " const ::ingot::text::ParseBudgetScope scope(budget);")
# Without a vocabulary, where nothing but the size of a grammar is asked for, no token is unknown.
ingot_xgrammar_add("compiled_grammar_impl->tokenizer_info = tokenizer_info_;\n  "
  "if (tokenizer_info_.GetVocabSize() != 0) ")
ingot_xgrammar_write()

add_library(ingot_xgrammar STATIC ${ingot_xgrammar_sources})
# cpp/ and picojson are for src/text/grammar/xgrammar_glue.cc, which looks into compiled grammars.
target_include_directories(ingot_xgrammar SYSTEM PUBLIC
  "${INGOT_XGRAMMAR_DIR}/include" "${INGOT_XGRAMMAR_DIR}/3rdparty/dlpack/include"
  "${INGOT_XGRAMMAR_DIR}/3rdparty/picojson" "${INGOT_XGRAMMAR_DIR}")
# With XGRAMMAR_LOG_CUSTOMIZE it calls two functions of ours for what it would print to stderr.
target_compile_definitions(ingot_xgrammar PUBLIC
  XGRAMMAR_ENABLE_CPPTRACE=0 XGRAMMAR_ENABLE_INTERNAL_CHECK=0 XGRAMMAR_LOG_CUSTOMIZE=1)
target_include_directories(ingot_xgrammar PRIVATE "${INGOT_XGRAMMAR_DIR}/cpp"
  "${CMAKE_SOURCE_DIR}/src")
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
