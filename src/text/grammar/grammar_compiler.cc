#include "text/grammar/grammar_compiler.h"

#include <algorithm>
#include <list>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>

#include <xgrammar/compiler.h>
#include <xgrammar/tokenizer_info.h>

#include "core/log.h"
#include "core/strings.h"
#include "core/thread_pool.h"
#include "text/grammar/compiled_grammar.h"
#include "text/grammar/parse_budget.h"
#include "text/grammar/parser_hooks.h"
#include "text/grammar/tool_grammar.h"
#include "text/grammar/xgrammar_glue.h"

namespace ingot::text {

using core::Result;
using core::Status;
using core::StrCat;

namespace {

// Of rules that different grammars share (a JSON string, white space), kept within xgrammar.
constexpr int64_t kRuleCacheBytes = int64_t{48} << 20;
constexpr int kMaxThreads = 8;
constexpr std::string_view kAnyObject = R"({"type":"object"})";

std::string_view What(GrammarKind kind) {
  switch (kind) {
    case GrammarKind::kJson:
      return "the JSON grammar";
    case GrammarKind::kSchema:
      return "the schema";
    case GrammarKind::kRegex:
      return "the pattern";
    case GrammarKind::kEbnf:
      return "the grammar";
    case GrammarKind::kTools:
      return "the grammar of tool calls";
  }
  return "the grammar";
}

Status Check(const GrammarSpec& spec, const GrammarLimits& limits) {
  switch (spec.kind) {
    case GrammarKind::kJson:
      return Status::Ok();
    case GrammarKind::kSchema:
      return CheckSchema(spec.text, limits);
    case GrammarKind::kRegex:
    case GrammarKind::kEbnf:
      return CheckPattern(spec.kind, spec.text, limits);
    case GrammarKind::kTools:
      // Its schemas were checked when it was made; no more than all of them may be.
      if (spec.text.size() <= 4 * limits.schema_bytes) return Status::Ok();
      return core::Exhausted(StrCat("the tools have ", spec.text.size(),
                                    " bytes, over the limit of ", 4 * limits.schema_bytes));
  }
  return core::Internal("a grammar of unknown kind");
}

std::string_view SchemaOf(const GrammarSpec& spec) {
  return spec.kind == GrammarKind::kJson ? kAnyObject : std::string_view(spec.text);
}

xgrammar::Grammar Convert(const GrammarSpec& spec, const xgrammar::TokenizerInfo& vocabulary,
                          int whitespace) {
  switch (spec.kind) {
    case GrammarKind::kJson:
    case GrammarKind::kSchema:
      return xgrammar::Grammar::FromJSONSchema(std::string(SchemaOf(spec)), true, std::nullopt,
                                               std::nullopt, true, whitespace);
    case GrammarKind::kRegex:
      return xgrammar::Grammar::FromRegex(spec.text);
    case GrammarKind::kEbnf:
      return xgrammar::Grammar::FromEBNF(spec.text);
    case GrammarKind::kTools:
      break;
  }
  auto made = xgrammar::Grammar::FromStructuralTag(spec.text, vocabulary);
  if (auto* grammar = std::get_if<xgrammar::Grammar>(&made)) return *grammar;
  throw std::runtime_error(std::visit([](const auto& error) { return std::string(error.what()); },
                                      std::get<xgrammar::StructuralTagError>(made)));
}

xgrammar::CompiledGrammar CompileFully(xgrammar::GrammarCompiler& compiler, const GrammarSpec& spec,
                                       int whitespace) {
  switch (spec.kind) {
    case GrammarKind::kJson:
    case GrammarKind::kSchema:
      return compiler.CompileJSONSchema(std::string(SchemaOf(spec)), true, std::nullopt,
                                        std::nullopt, true, whitespace);
    case GrammarKind::kRegex:
      return compiler.CompileRegex(spec.text);
    case GrammarKind::kEbnf:
      return compiler.CompileGrammar(spec.text);
    case GrammarKind::kTools:
      break;
  }
  return compiler.CompileStructuralTag(spec.text);
}

using GrammarPtr = std::shared_ptr<const CompiledGrammar>;

}  // namespace

std::vector<std::string> GrammarVocabulary(const Tokenizer& tokenizer) {
  std::vector<std::string> vocabulary(tokenizer.id_end());
  for (TokenId id = 0; id < tokenizer.id_end(); ++id) {
    if (!tokenizer.IsSpecial(id)) {
      vocabulary[id] = std::string(tokenizer.TokenBytes(id));
    } else if (IsCallMark(tokenizer.TokenText(id).value_or(""))) {
      // xgrammar takes a token without text for one that nothing lets through. No text has this
      // byte, so only a grammar that asks for the token by its number does.
      vocabulary[id] = StrCat("\xff", *tokenizer.TokenText(id));
    }
  }
  return vocabulary;
}

// What outlives the compiler for as long as work that was given up goes on.
struct GrammarCompiler::Shared {
  Shared(xgrammar::TokenizerInfo info, const GrammarLimits& the_limits)
      : limits(the_limits),
        vocabulary(std::move(info)),
        prober(xgrammar::TokenizerInfo(std::vector<std::string>{}, xgrammar::VocabType::RAW, 0,
                                       std::vector<int32_t>{}),
               1, false),
        compiler(vocabulary, std::clamp(core::ThreadPool::DefaultThreads(), 1, kMaxThreads), true,
                 kRuleCacheBytes) {}

  const GrammarLimits limits;
  const xgrammar::TokenizerInfo vocabulary;
  xgrammar::GrammarCompiler prober;  // without a vocabulary
  xgrammar::GrammarCompiler compiler;

  // Least recently used last. The mutex guards all below; nobody waits for long while holding it.
  struct Entry {
    std::string key;
    GrammarPtr grammar;
    size_t bytes = 0;
  };
  mutable std::mutex mutex;
  std::list<Entry> entries;
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key;
  CacheStats stats;
  ParseBudget* running = nullptr;  // of the work that is under way
  bool closing = false;            // nobody waits for it any more

  // What is compiled from here on spends from budget.
  void Begin(ParseBudget* budget) {
    const std::lock_guard guard(mutex);
    running = budget;
    if (closing && budget != nullptr) budget->Cancel();
  }

  void Close() {
    const std::lock_guard guard(mutex);
    closing = true;
    if (running != nullptr) running->Cancel();
  }

  GrammarPtr Find(const std::string& key) {
    const std::lock_guard guard(mutex);
    const auto found = by_key.find(key);
    if (found == by_key.end()) return nullptr;
    ++stats.hits;
    entries.splice(entries.begin(), entries, found->second);
    return found->second->grammar;
  }

  void Keep(std::string key, GrammarPtr grammar) {
    const std::lock_guard guard(mutex);
    ++stats.compiled;
    const size_t bytes = grammar->bytes();
    if (by_key.contains(key) || bytes > limits.cache_bytes) return;
    stats.bytes += bytes;
    entries.push_front({std::move(key), std::move(grammar), bytes});
    by_key.emplace(entries.front().key, entries.begin());
    while (stats.bytes > limits.cache_bytes) {
      stats.bytes -= entries.back().bytes;
      by_key.erase(entries.back().key);
      entries.pop_back();
    }
  }
};

struct GrammarCompiler::Job {
  std::shared_ptr<Shared> shared;
  GrammarSpec spec;
  std::string key;
  Status status;
  GrammarPtr grammar;

  void Run() {
    grammar = shared->Find(key);  // while this waited, somebody else may have been here for it
    if (grammar != nullptr) return;
    ParseBudget budget(shared->limits.parse_work, shared->limits.parse_states);
    shared->Begin(&budget);
    status = CatchGrammarErrors([&] { return Compile(budget); });
    shared->Begin(nullptr);
    if (status.ok()) shared->Keep(key, grammar);
  }

  Status Compile(ParseBudget& budget) {
    const GrammarLimits& limits = shared->limits;
    const ParseBudgetScope counted(&budget);
    {
      const WarningScope scope;
      const xgrammar::Grammar converted = Convert(spec, shared->vocabulary, limits.whitespace);
      const xgrammar::CompiledGrammar probe = shared->prober.CompileGrammar(converted);
      if (!scope.warnings().empty()) {
        return core::Unsupported(core::Printable(scope.warnings().front(), 500));
      }
      INGOT_TRY(CheckSize(probe));
    }
    const WarningScope scope;  // the same ones again
    std::unique_ptr<CompiledGrammar::Impl> impl;
    try {
      impl = std::make_unique<CompiledGrammar::Impl>(
          CompileFully(shared->compiler, spec, limits.whitespace), limits);
    } catch (...) {
      shared->compiler.ClearCache();  // or it would keep the failure
      throw;
    }
    core::LogDebug(StrCat("compiling ", What(spec.kind), " took ", budget.spent(), " steps"));
    grammar = std::make_shared<const CompiledGrammar>(std::move(impl));
    return Status::Ok();
  }

  Status CheckSize(const xgrammar::CompiledGrammar& probe) const {
    const GrammarLimits& limits = shared->limits;
    if (probe.MemorySizeBytes() > limits.grammar_bytes) {
      return core::Exhausted(StrCat("it makes a grammar of ", probe.MemorySizeBytes(),
                                    " bytes, over the limit of ", limits.grammar_bytes));
    }
    const double work = MaskWork(probe) * shared->vocabulary.GetVocabSize();
    if (work > static_cast<double>(limits.mask_work)) {
      return core::Exhausted(StrCat("it would take ", static_cast<uint64_t>(work),
                                    " steps to compile, over the limit of ", limits.mask_work))
          .WithHint("Ask for shorter strings and lists, or for fewer different ones.");
    }
    return Status::Ok();
  }
};

GrammarCompiler::GrammarCompiler(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
GrammarCompiler::~GrammarCompiler() { shared_->Close(); }

Result<std::unique_ptr<GrammarCompiler>> GrammarCompiler::Create(
    const std::vector<std::string>& vocabulary, std::span<const TokenId> ends, size_t width,
    const GrammarLimits& limits) {
  // Files count on for what a table was made wide enough for; ids beyond it have no logits.
  if (width > size_t{kMaxTokenId} + 1) {
    return core::InvalidArgument(StrCat("a vocabulary of ", width, " tokens"));
  }
  std::vector<std::string> texts(vocabulary.begin(),
                                 vocabulary.begin() + std::min(vocabulary.size(), width));
  std::vector<int32_t> stops;
  for (const TokenId id : ends) {
    if (id < width) stops.push_back(static_cast<int32_t>(id));
  }
  if (stops.empty()) return core::InvalidArgument("no token ends an answer");
  const size_t last = static_cast<size_t>(*std::max_element(stops.begin(), stops.end()));
  if (last >= texts.size()) texts.resize(last + 1);
  std::unique_ptr<GrammarCompiler> compiler;
  INGOT_TRY(CatchGrammarErrors([&] {
    xgrammar::TokenizerInfo info(texts, xgrammar::VocabType::RAW, static_cast<int>(width),
                                 std::move(stops));
    compiler.reset(new GrammarCompiler(std::make_shared<Shared>(std::move(info), limits)));
    return Status::Ok();
  }));
  return compiler;
}

Result<std::shared_ptr<const CompiledGrammar>> GrammarCompiler::Compile(const GrammarSpec& spec) {
  INGOT_TRY(Check(spec, shared_->limits));
  std::string key = StrCat(static_cast<int>(spec.kind), " ", spec.text);
  if (GrammarPtr found = shared_->Find(key)) return found;
  const auto job = std::make_shared<Job>();
  job->shared = shared_;
  job->spec = spec;
  job->key = std::move(key);
  INGOT_TRY(
      runner_.Run(shared_->limits.compile_time, [job] { job->Run(); }).Context(What(spec.kind)));
  if (!job->status.ok()) return std::move(job->status).Context(What(spec.kind));
  return job->grammar;
}

GrammarCompiler::CacheStats GrammarCompiler::cache_stats() const {
  const std::lock_guard guard(shared_->mutex);
  CacheStats stats = shared_->stats;
  stats.grammars = shared_->entries.size();
  return stats;
}

}  // namespace ingot::text
