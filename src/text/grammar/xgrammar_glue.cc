#include "text/grammar/xgrammar_glue.h"

#include <exception>
#include <stdexcept>
#include <utility>

// Not of its public interface: the version is pinned (cmake/IngotXgrammar.cmake).
#include <cpp/grammar_impl.h>

#include "core/log.h"
#include "core/strings.h"
#include "text/grammar/parse_budget.h"

namespace ingot::text {
namespace {

thread_local std::vector<std::string>* collected = nullptr;

// What xgrammar found wrong with its input.
class GrammarError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// "Check failed: (x > 0) is false: the text": only the text is meant for people.
std::string Plain(std::string_view message) {
  constexpr std::string_view kMark = ") is false: ";
  const size_t mark = message.find(kMark);
  if (mark != std::string_view::npos && message.starts_with("Check failed:")) {
    message.remove_prefix(mark + kMark.size());
  }
  return core::Printable(core::Trim(message), 500);
}

}  // namespace

WarningScope::WarningScope() : outer_(std::exchange(collected, &warnings_)) {}
WarningScope::~WarningScope() { collected = outer_; }

core::Status CatchGrammarErrors(const std::function<core::Status()>& work) {
  try {
    return work();
  } catch (const ParseBudgetSpent& spent) {
    return core::Exhausted(spent.what());
  } catch (const std::bad_alloc&) {
    return core::Exhausted("out of memory");
  } catch (const std::exception& error) {
    return core::InvalidArgument(Plain(error.what()));
  }
}

double MaskWork(const xgrammar::CompiledGrammar& compiled) {
  const xgrammar::Grammar grammar = compiled.GetGrammar();
  const xgrammar::CompactFSM& fsm = grammar->complete_fsm;
  double work = 0;
  for (int state = 0; state < fsm.NumStates(); ++state) {
    int bytes = 0;
    for (const xgrammar::FSMEdge& edge : fsm.GetEdges(state)) {
      if (edge.IsCharRange()) bytes += edge.max - edge.min + 1;
    }
    work += bytes / 256.0;
  }
  return work;
}

}  // namespace ingot::text

// xgrammar is built with XGRAMMAR_LOG_CUSTOMIZE and leaves these two to us.
namespace xgrammar {

[[noreturn]] void LogFatalImpl(const std::string&, int, const std::string& message) {
  throw ingot::text::GrammarError(message);
}

void LogMessageImpl(const std::string&, int, int level, const std::string& message) {
  if (level >= XGRAMMAR_LOG_LEVEL_WARNING && ingot::text::collected != nullptr) {
    ingot::text::collected->push_back(message);
  } else {
    ingot::core::LogDebug(message);
  }
}

}  // namespace xgrammar
