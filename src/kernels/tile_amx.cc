#if defined(__x86_64__)

#if !defined(__clang__)
// GCC 12 takes the deliberately undefined registers of its own intrinsics for mistakes.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <type_traits>

#include "kernels/tiles.h"
#include "quant/float_types.h"
#include "quant/fp8.h"
#include "quant/simd/layout.h"

// What follows is compiled for these instructions; what came before is not, so that no function
// shared with other files can end up using them. Tiles are no part of it: see AmxTiles.
#if defined(__clang__)
#pragma clang attribute push(                                                                           \
        __attribute__((target(                                                                          \
                "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512bf16,avx512vnni"))), \
            apply_to = function)
#else
#pragma GCC target( \
        "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512bf16,avx512vnni")
#endif

#include "kernels/simd/tile_codes_avx512.h"
#include "kernels/simd/tile_many.h"

namespace ingot::kernels {
namespace {

constexpr size_t kTiles = 8;

// What LDTILECFG reads.
struct TileSetting {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(TileSetting) == 64);

constexpr TileSetting kSetting = [] {
  TileSetting setting;
  for (size_t i = 0; i < kTiles; ++i) {
    setting.row_bytes[i] = 64;
    setting.rows[i] = kTileSide;
  }
  return setting;
}();

// The instructions themselves, not the compilers' functions for them: GCC 12 does not know that
// those read and write memory (nor how much of the setting is read), so it may move stores past a
// load of what they store. No compiler touches tile registers by itself: nothing is ever spilled.
// Tiles are a thread's own, and the system keeps them when it switches.
struct AmxTiles {
  static constexpr size_t kRowBytes = 64;

  class Session {
   public:
    Session() { asm volatile("ldtilecfg %0" : : "m"(kSetting) : "memory"); }
    // Without tiles in use a switch of threads saves less, and the core may use less power.
    ~Session() { asm volatile("tilerelease" : : : "memory"); }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
  };

  template <int kTile>
  static void Zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(kTile) : "memory");
  }
  template <int kTile>
  static void Load(const void* from) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2"
                 :
                 : "r"(from), "r"(kRowBytes), "i"(kTile)
                 : "memory");
  }
  template <int kTile>
  static void Store(void* to) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)"
                 :
                 : "r"(to), "r"(kRowBytes), "i"(kTile)
                 : "memory");
  }
  template <int kSum, int kA, int kB>
  static void Dot() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0"
                 :
                 : "i"(kSum), "i"(kA), "i"(kB)
                 : "memory");
  }
};

bool Serves(const Matrix& matrix) {
  return matrix.dense() ? matrix.type == FloatType::kBF16 : matrix.format.bits != 7;
}

}  // namespace

const TileForm kAmxTiles = {.name = "amx_bf16",
                            .serves = Serves,
                            .pack = tiles::Pack,
                            .many = tiles::Many<AmxTiles, tiles::Avx512Codes>};

}  // namespace ingot::kernels

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
