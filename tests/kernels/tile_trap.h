// Runs the tile instructions of this very program on a processor without them. One that meets an
// instruction it does not know raises SIGILL; while a TileTrap lives, that decodes the instruction,
// does what it would have done with the thread's SoftTiles, and goes on behind it. So the machine
// code is tested as it was compiled: which tiles, which addresses, which setting.
//
// Process-wide: one at a time, made and ended while no other thread multiplies. On a processor with
// tiles that are permitted, the instructions run as they are and nothing is ever trapped.
#ifndef INGOT_TESTS_KERNELS_TILE_TRAP_H_
#define INGOT_TESTS_KERNELS_TILE_TRAP_H_

#if defined(__x86_64__) && defined(__linux__)

#include <ucontext.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstring>

#include "tests/kernels/soft_tiles.h"

namespace ingot::kernels {

class TileTrap {
 public:
  TileTrap() {
    struct sigaction action = {};
    action.sa_sigaction = &Handle;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGILL, &action, &before_);
  }
  ~TileTrap() { sigaction(SIGILL, &before_, nullptr); }
  TileTrap(const TileTrap&) = delete;
  TileTrap& operator=(const TileTrap&) = delete;

  // Products of tiles so far, of all threads.
  static size_t dots() { return dots_.load(); }
  // What products are off by from now on: to see that who relies on them notices.
  static void SetError(float error) { error_.store(error); }

 private:
  // C4, then two bytes of a VEX prefix, the opcode, and what says where the operands are.
  struct Instruction {
    uint8_t opcode;
    uint8_t prefix;  // 0, or 1 to 3 for 66, F3, F2
    uint8_t mod, reg, rm, vvvv;
    size_t length;
    uintptr_t address;  // of an operand in memory
    ptrdiff_t stride;
  };

  static bool Decode(const greg_t* registers, Instruction& out) {
    const auto at = static_cast<uintptr_t>(registers[REG_RIP]);
    uint8_t code[16];
    std::memcpy(code, reinterpret_cast<const void*>(at), 10);  // no tile instruction is longer
    // The map 0F38, no W, 128 bits.
    if (code[0] != 0xc4 || (code[1] & 0x1f) != 2 || (code[2] & 0x84) != 0) return false;
    out.prefix = code[2] & 3;
    out.vvvv = ~(code[2] >> 3) & 15;
    out.opcode = code[3];
    const bool high_reg = (code[1] & 0x80) == 0;
    const bool high_index = (code[1] & 0x40) == 0;
    const bool high_base = (code[1] & 0x20) == 0;
    const uint8_t modrm = code[4];
    out.mod = modrm >> 6;
    out.reg = static_cast<uint8_t>(((modrm >> 3) & 7) | (high_reg ? 8 : 0));
    out.rm = modrm & 7;
    out.length = 5;
    out.stride = 0;
    out.address = 0;
    if (out.mod == 3) return !high_base && !high_index;
    size_t base = out.rm | (high_base ? 8U : 0U);
    bool has_base = !(out.mod == 0 && out.rm == 5);
    const bool next_relative = !has_base;
    if (out.rm == 4) {
      const uint8_t sib = code[out.length++];
      const size_t index = ((sib >> 3) & 7U) | (high_index ? 8U : 0U);
      base = (sib & 7U) | (high_base ? 8U : 0U);
      has_base = !(out.mod == 0 && (sib & 7) == 5);
      if (index != 4) out.stride = static_cast<ptrdiff_t>(Register(registers, index)) << (sib >> 6);
    }
    if (has_base) out.address = static_cast<uintptr_t>(Register(registers, base));
    if (out.mod == 1) {
      out.address += static_cast<uintptr_t>(static_cast<int8_t>(code[out.length]));
      out.length += 1;
    } else if (out.mod == 2 || !has_base) {
      int32_t offset = 0;
      std::memcpy(&offset, code + out.length, 4);
      out.address += static_cast<uintptr_t>(ptrdiff_t{offset});
      out.length += 4;
    }
    if (next_relative) out.address += at + out.length;
    return true;
  }

  static greg_t Register(const greg_t* registers, size_t number) {
    constexpr int kNumbered[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                 REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                 REG_R12, REG_R13, REG_R14, REG_R15};
    return registers[kNumbered[number]];
  }

  static bool Execute(const Instruction& it) {
    constexpr uint8_t kNone = 0, kF3 = 2, kF2 = 3;
    thread_local SoftTiles tiles;
    auto* memory = reinterpret_cast<std::byte*>(it.address);
    const bool in_memory = it.mod != 3;
    const bool by_rows = in_memory && it.rm == 4;  // loads and stores must have an index
    if (it.opcode == 0x5c && it.prefix == kF3 && !in_memory) {
      dots_.fetch_add(1);
      if (!tiles.Dot(it.reg, it.rm, it.vvvv)) return false;
      return error_.load() == 0 || AddError(tiles, it.reg);
    }
    if (it.vvvv != 0) return false;
    if (it.opcode == 0x49 && it.prefix == kNone) {
      if (it.reg != 0) return false;
      if (!in_memory) return it.rm == 0 && tiles.Release();
      return tiles.Configure(reinterpret_cast<const uint8_t*>(memory));
    }
    if (it.opcode == 0x49 && it.prefix == kF2 && !in_memory) {
      return it.rm == 0 && tiles.Zero(it.reg);
    }
    if (it.opcode == 0x4b && it.prefix == kF2 && by_rows) {
      return tiles.Load(it.reg, memory, it.stride);
    }
    if (it.opcode == 0x4b && it.prefix == kF3 && by_rows) {
      return tiles.Store(it.reg, memory, it.stride);
    }
    return false;
  }

  static bool AddError(SoftTiles& tiles, size_t tile) {
    float sums[SoftTiles::kMostRows][SoftTiles::kMostBytes / 4] = {};
    auto* bytes = reinterpret_cast<std::byte*>(sums);
    if (!tiles.Store(tile, bytes, SoftTiles::kMostBytes)) return false;
    sums[3][5] += error_.load();
    return tiles.Load(tile, bytes, SoftTiles::kMostBytes);
  }

  static void Handle(int, siginfo_t*, void* context) {
    greg_t* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    Instruction instruction{};
    if (Decode(registers, instruction) && Execute(instruction)) {
      registers[REG_RIP] += static_cast<greg_t>(instruction.length);
      return;
    }
    // What a processor with tiles would refuse, too, ends the program when it is met again.
    std::signal(SIGILL, SIG_DFL);
  }

  static inline std::atomic<size_t> dots_{0};
  static inline std::atomic<float> error_{0};
  struct sigaction before_ = {};
};

}  // namespace ingot::kernels

#endif

#endif  // INGOT_TESTS_KERNELS_TILE_TRAP_H_
