// `ingot doctor`: looks at what the program depends on and says what is wrong before it matters.
#include <sys/resource.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/gpu_facts.h"
#include "cli/version.h"
#include "core/cpu.h"
#include "core/map_guard.h"
#include "core/memory.h"
#include "core/strings.h"
#include "core/thread_pool.h"
#include "ops/backend.h"

namespace ingot::cli {
namespace {

enum class Verdict { kFine, kWarning, kFailure };

struct Finding {
  std::string subject;
  Verdict verdict = Verdict::kFine;
  std::string detail;
  std::string advice;  // what to do, when something is not fine
};

constexpr std::string_view VerdictName(Verdict verdict) {
  constexpr std::array<std::string_view, 3> kNames = {"ok", "warning", "failure"};
  return kNames[static_cast<size_t>(verdict)];
}

Finding CheckProgram(Session&) { return {"program", Verdict::kFine, VersionLine(), ""}; }

Finding CheckProcessor(Session&) {
  std::vector<std::string> forms;
  for (const core::Isa isa : core::SupportedIsas()) forms.emplace_back(core::IsaName(isa));
  Finding finding{"processor", Verdict::kFine,
                  core::StrCat("kernels for ", core::Join(forms, ", "), "; using ",
                               core::IsaName(core::ActiveIsa())),
                  ""};
  if (const core::Status choice = core::CheckIsaChoice(); !choice.ok()) {
    finding.verdict = Verdict::kFailure;
    finding.detail = choice.message();
    finding.advice = choice.hint();
  } else if (forms.size() == 1) {
    finding.verdict = Verdict::kWarning;
    finding.advice = "No vector instructions that we have kernels for: expect it to be slow.";
  }
  return finding;
}

Finding CheckThreads(Session&) {
  const int threads = core::ThreadPool::Shared().threads();
  return {"threads", Verdict::kFine,
          core::StrCat(threads, " of ", core::ThreadPool::DefaultThreads(),
                       " processors that this process may use"),
          ""};
}

Finding CheckMemory(Session& session) {
  const core::Result<core::MemoryInfo> memory = core::ReadMemoryInfo(session.env());
  if (!memory.ok()) {
    return {"memory", Verdict::kWarning, std::string(memory.status().message()), ""};
  }
  Finding finding{"memory", Verdict::kFine,
                  core::StrCat(core::HumanBytes(memory->available), " available of ",
                               core::HumanBytes(memory->total)),
                  ""};
  if (memory->available < uint64_t{2} << 30) {
    finding.verdict = Verdict::kWarning;
    finding.advice = "Little is free: only small models will fit.";
  }
  return finding;
}

Finding CheckMlx(Session&) {
  const core::Result<ops::BackendInfo> backend = ops::Backend();
  if (!backend.ok()) {
    return {"MLX", Verdict::kFailure, std::string(backend.status().message()),
            std::string(backend.status().hint())};
  }
  std::string detail =
      core::StrCat(backend->mlx_version, " (", backend->kind, "), ",
                   backend->device.empty() ? "no device" : "device " + backend->device);
  if (!backend->device_name.empty()) {
    detail += core::StrCat(", ", core::Printable(backend->device_name));
  }
  if (backend->memory_bytes) detail += ", " + core::HumanBytes(*backend->memory_bytes);
  return {"MLX", Verdict::kFine, detail, ""};
}

// A build that computes on the CPU is fine; a GPU that it leaves alone is worth a word.
Finding CheckUnusedGpu(Session& session) {
  Finding finding{"GPU", Verdict::kFine, "this build computes on the CPU", ""};
  if (const auto driver = LoadedNvidiaDriver(session.env())) {
    finding.detail += core::StrCat("; NVIDIA's driver ", *driver, " is loaded");
    finding.advice = "A build with INGOT_MLX=cuda would use the GPU.";
  }
  return finding;
}

Finding CheckGpu(Session& session) {
  const core::Result<ops::BackendInfo> backend = ops::Backend();
  if (!backend.ok()) return {"GPU", Verdict::kFailure, "MLX could not start", ""};
  if (backend->kind == "cpu") return CheckUnusedGpu(session);
  std::vector<std::string> facts;
  std::vector<std::string> missing;
  if (!backend->architecture.empty()) facts.push_back(core::Printable(backend->architecture));
  if (backend->free_bytes) facts.push_back(core::HumanBytes(*backend->free_bytes) + " free");
  if (!backend->gpu) missing.emplace_back("a GPU that MLX can use");
  if (backend->kind == "cuda") {
    const auto driver = LoadedNvidiaDriver(session.env());
    if (driver) facts.push_back("driver " + *driver);
    if (!driver) missing.emplace_back("NVIDIA's driver (/proc/driver/nvidia/version)");
    const auto headers = CudaHeaders(session.env(), backend->library);
    if (headers) facts.push_back("CUDA headers in " + core::Printable(*headers));
    if (!headers) missing.emplace_back("CUDA's headers: set CUDA_HOME to where include/ is");
  }
  Finding finding{"GPU", Verdict::kFine, core::Join(facts, ", "), ""};
  if (!missing.empty()) {
    finding.verdict = backend->gpu ? Verdict::kWarning : Verdict::kFailure;
    finding.advice = "Missing: " + core::Join(missing, "; ") + ".";
    if (!backend->gpu && backend->kind == "cuda") {
      finding.advice += " Install NVIDIA's driver, 580 or later, or use a build for the CPU.";
    }
  }
  return finding;
}

Finding CheckLimits(Session&) {
  rlimit files = {};
  getrlimit(RLIMIT_NOFILE, &files);
  Finding finding{"limits", Verdict::kFine,
                  core::StrCat(core::MappingLimit(), " mapped files, ", uint64_t{files.rlim_cur},
                               " open files"),
                  ""};
  if (core::MappingLimit() < 4096) {
    finding.verdict = Verdict::kWarning;
    finding.advice = "Raise vm.max_map_count: a model may have tens of thousands of blobs.";
  }
  return finding;
}

constexpr std::array kChecks = {&CheckProgram, &CheckProcessor, &CheckThreads, &CheckMemory,
                                &CheckMlx,     &CheckGpu,       &CheckLimits};

void PrintFindings(Session& session, const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    session.Print(core::StrCat(
        "  ", finding.subject, std::string(11 - std::min<size_t>(10, finding.subject.size()), ' '),
        finding.verdict == Verdict::kFine ? "" : core::StrCat(VerdictName(finding.verdict), ": "),
        finding.detail, "\n"));
    if (!finding.advice.empty()) {
      session.Print(core::StrCat("             ", finding.advice, "\n"));
    }
  }
}

void PrintFindingsJson(Session& session, const std::vector<Finding>& findings) {
  core::Json list = core::Json::array();
  for (const Finding& finding : findings) {
    core::Json entry = {{"subject", finding.subject},
                        {"verdict", VerdictName(finding.verdict)},
                        {"detail", finding.detail}};
    if (!finding.advice.empty()) entry["advice"] = finding.advice;
    list.push_back(std::move(entry));
  }
  session.PrintJson({{"version", Version()}, {"checks", std::move(list)}});
}

Exit RunDoctor(Session& session, bool json) {
  std::vector<Finding> findings;
  bool failed = false;
  for (const auto check : kChecks) {
    findings.push_back(check(session));
    failed |= findings.back().verdict == Verdict::kFailure;
  }
  (json ? PrintFindingsJson : PrintFindings)(session, findings);
  return failed ? Exit::kFailure : Exit::kOk;
}

}  // namespace

void AddDoctorCommand(CLI::App& app, Session& session) {
  CLI::App& command = AddCommand(app, "doctor", "Check that this machine has what Ingot needs",
                                 kMachineGroup, "  ingot doctor\n  ingot doctor --json");
  const auto json = std::make_shared<bool>(false);
  command.add_flag("--json", *json, "Print JSON");
  command.callback(
      [&session, json] { session.action = [json](Session& s) { return RunDoctor(s, *json); }; });
}

}  // namespace ingot::cli
