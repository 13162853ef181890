#include "ops/cpu/step.h"

#include <exception>
#include <memory>
#include <utility>

#include <mlx/allocator.h>
#include <mlx/scheduler.h>
#include <mlx/transforms.h>

#include "core/log.h"
#include "core/strings.h"
#include "ops/cpu/choice.h"
#include "ops/cpu/rows.h"

namespace ingot::ops::cpu {
namespace {

thread_local StepScope* current = nullptr;

using Memory = std::shared_ptr<Array::Data>;

}  // namespace

StepScope::StepScope(int rows) : stream_(mx::default_stream(mx::Device::cpu)) {
  if (current != nullptr || rows > kMostRows || !KernelsInUse()) return;
  open_ = true;
  current = this;
}

StepScope::~StepScope() {
  try {
    Finish();
  } catch (const std::exception& error) {
    // Only where another exception is on its way already: the step has failed either way.
    core::Log(core::LogLevel::kWarning, core::StrCat("a step that failed: ", error.what()));
  }
}

void StepScope::Finish() {
  if (!open_) return;
  open_ = false;
  current = nullptr;
  mx::synchronize(stream_);
}

StepScope* StepScope::Current() { return current; }

// A result that is written over an input takes that input's memory if nobody else has it.
Array StepScope::Made(const ResultType& result, const std::vector<Array>& inputs) {
  Array out(result.shape, result.type, nullptr, {});
  const Array* old =
      result.in_place_of < 0 ? nullptr : &inputs[static_cast<size_t>(result.in_place_of)];
  if (old != nullptr && old->is_donatable() && old->flags().row_contiguous) {
    out.copy_shared_buffer(*old);
  } else {
    out.set_data(mx::allocator::malloc(out.nbytes()));
    if (old != nullptr) {
      mx::scheduler::enqueue(stream_, [from = Strided(*old), memory = old->data_shared_ptr(),
                                       to = BytesOf(out)] { from.CopyTo(to); });
    }
  }
  out.set_status(Array::Status::evaluated);
  return out;
}

std::vector<Array> StepScope::Start(const std::vector<ResultType>& results,
                                    const std::vector<Array>& inputs, const PrepareAll& prepare) {
  std::vector<Array> lazy;
  for (const Array& input : inputs) {
    if (input.status() == Array::Status::unscheduled) lazy.push_back(input);
  }
  if (!lazy.empty()) mx::async_eval(std::move(lazy));

  std::vector<Array> made;
  made.reserve(results.size());
  for (const ResultType& result : results) made.push_back(Made(result, inputs));
  Task task = prepare(inputs, made);
  // What the task reads and writes stays until it is done, whoever lets go of it before.
  std::vector<Memory> memory;
  memory.reserve(inputs.size() + made.size());
  for (const Array& input : inputs) memory.push_back(input.data_shared_ptr());
  for (const Array& out : made) memory.push_back(out.data_shared_ptr());
  mx::scheduler::enqueue(stream_, [task = std::move(task), memory = std::move(memory)] { task(); });
  return made;
}

}  // namespace ingot::ops::cpu
