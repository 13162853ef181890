#include "ops/cpu/choice.h"

#include <atomic>
#include <cstdlib>
#include <string_view>

#include "core/cpu.h"
#include "core/strings.h"
#include "ops/array.h"

namespace ingot::ops::cpu {
namespace {

constexpr std::string_view kPlain = "plain";
constexpr std::string_view kOwn = "own";

std::string_view Wanted() {
  const char* value = std::getenv("INGOT_KERNELS");
  return value == nullptr ? std::string_view() : core::Trim(value);
}

std::atomic<bool>& Plain() {
  static std::atomic<bool> plain = Wanted() == kPlain;
  return plain;
}

}  // namespace

bool PlainFormsWanted() { return Plain().load(std::memory_order_relaxed); }

bool KernelsInUse() { return !PlainFormsWanted() && mx::default_device() == mx::Device::cpu; }

core::Status CheckChoice() {
  const std::string_view wanted = Wanted();
  if (!wanted.empty() && wanted != kPlain && wanted != kOwn) {
    return core::InvalidArgument(
               core::StrCat("INGOT_KERNELS is ", core::Quoted(wanted), ", which is unknown"))
        .WithHint("Use own or plain.");
  }
  return core::CheckIsaChoice();
}

PlainForms::PlainForms() : before_(Plain().exchange(true)) {}
PlainForms::~PlainForms() { Plain() = before_; }

}  // namespace ingot::ops::cpu
