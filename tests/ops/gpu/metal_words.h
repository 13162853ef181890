// The words of Metal's language that kernels use, so that clang reads them as C++14, on which that
// language is built: `tools/check_gpu.py metal` compiles the generated file with it, no more.
//
// A reserved word stands for nothing, or for what cannot be a name, so that a kernel that takes one
// for a variable does not compile. What is a function of Metal's library is declared with the types
// it has there: there is no double, and no wider type to slip into.
#ifndef INGOT_TESTS_OPS_GPU_METAL_WORDS_H_
#define INGOT_TESTS_OPS_GPU_METAL_WORDS_H_

using int64_t = long;
using uint32_t = unsigned int;
using int32_t = int;
using uint = unsigned int;
using ushort = unsigned short;

struct uint3 {
  uint x, y, z;
};

using float16_t = _Float16;
// Turns into a float unasked, and comes of one where it is said.
class MetalBfloat {
 public:
  MetalBfloat() = default;
  explicit MetalBfloat(float value);
  operator float() const;

 private:
  ushort word_;
};
using bfloat16_t = MetalBfloat;

namespace metal {

enum class mem_flags { mem_none, mem_device, mem_threadgroup };
void threadgroup_barrier(mem_flags flags);

template <typename T>
T simd_shuffle_xor(T value, ushort mask);
template <typename T>
T simd_shuffle(T value, ushort lane);

template <typename To, typename From>
To as_type(From value) {
  static_assert(sizeof(To) == sizeof(From), "as_type keeps the size");
  return __builtin_bit_cast(To, value);
}

// What a variable may hide, but a kernel may not call by mistake.
float step(float edge, float x);
float round(float x);
bool all(bool x);

namespace precise {
float exp(float x);
float log(float x);
float sqrt(float x);
float tanh(float x);
}  // namespace precise

}  // namespace metal

using namespace metal;

#define INFINITY __builtin_inff()

// Address spaces and kinds of functions: words that no name may be.
#define constant
#define device
#define thread
#define threadgroup
#define threadgroup_imageblock
#define ray_data
#define object_data
#define kernel
#define vertex
#define fragment
#define half _Float16
#define bfloat __bf16
// Words of C++ that this language does not have.
#define double does_not_exist
#define goto does_not_exist
#define throw does_not_exist
#define try does_not_exist
#define catch does_not_exist
#define new does_not_exist
#define delete does_not_exist
#define dynamic_cast does_not_exist
#define thread_local does_not_exist
#define virtual does_not_exist

#endif  // INGOT_TESTS_OPS_GPU_METAL_WORDS_H_
