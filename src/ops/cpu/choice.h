// Whether operations run on our CPU kernels or in their plain form, which is MLX's operations put
// together: what the kernels are tested and measured against.
//
// INGOT_KERNELS=plain asks for the plain forms, INGOT_KERNELS=own (or nothing) for the kernels;
// tests and benchmarks switch while they run. Any thread may ask; who switches is alone.
#ifndef INGOT_OPS_CPU_CHOICE_H_
#define INGOT_OPS_CPU_CHOICE_H_

#include "core/status.h"

namespace ingot::ops::cpu {

// False, too, where arrays go to another device than the CPU.
bool KernelsInUse();
// Whether plain forms were asked for, on whatever device.
bool PlainFormsWanted();
// OK, or why the value of INGOT_KERNELS or of INGOT_CPU cannot be followed. Programs ask once at
// start-up and stop there.
core::Status CheckChoice();

// Plain forms for as long as it lives.
class PlainForms {
 public:
  PlainForms();
  ~PlainForms();
  PlainForms(const PlainForms&) = delete;
  PlainForms& operator=(const PlainForms&) = delete;

 private:
  bool before_;
};

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_CHOICE_H_
