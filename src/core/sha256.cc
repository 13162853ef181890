#include "core/sha256.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <openssl/evp.h>

#include "core/sha256_blocks.h"

namespace ingot::core {
namespace {

// The first 32 bits of the fractional parts of the square roots of the first eight primes.
constexpr Sha256State kBeginning = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
constexpr size_t kMostStreams = 16;  // of any kernel

void Compress(Sha256State& state, const std::byte* data, size_t blocks) {
  Sha256State* const states[] = {&state};
  Sha256Kernels().front().compress(states, &data, blocks);
}

// Whole blocks of one stream.
struct Run {
  Sha256State* state;
  const std::byte* data;
  size_t blocks;
};

// As many blocks of the first runs as the shortest of them has; drops those that are done.
void CompressSome(std::vector<Run>& runs) {
  const std::span<const Sha256Kernel> kernels = Sha256Kernels();
  const Sha256Kernel* kernel = kernels.data();
  for (const Sha256Kernel& other : kernels) {
    if (other.worthwhile <= runs.size()) kernel = &other;
  }
  const size_t count = std::min(runs.size(), kernel->streams);
  const std::span<Run> taken = std::span(runs).first(count);
  const size_t blocks = std::ranges::min(taken, {}, &Run::blocks).blocks;
  // What no run is there for hashes the first one's data, into nothing.
  std::array<Sha256State, kMostStreams> nothing;
  std::array<Sha256State*, kMostStreams> states;
  std::array<const std::byte*, kMostStreams> data;
  for (size_t s = 0; s < kernel->streams; ++s) {
    if (s >= count) nothing[s] = kBeginning;
    states[s] = s < count ? taken[s].state : &nothing[s];
    data[s] = taken[s < count ? s : 0].data;
  }
  kernel->compress(states.data(), data.data(), blocks);
  for (Run& run : taken) {
    run.data += blocks * kSha256Block;
    run.blocks -= blocks;
  }
  std::erase_if(runs, [](const Run& run) { return run.blocks == 0; });
}

}  // namespace

struct Sha256::Impl {
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };

  Impl() {
    if (Sha256Kernels().empty()) context.reset(EVP_MD_CTX_new());
    Start();
  }

  // OpenSSL fails here only for want of memory or of the algorithm itself; a wrong digest must
  // never come of it.
  static void Require(int ok) {
    if (ok != 1) std::abort();
  }

  void Start() {
    if (Sha256Kernels().empty()) {
      Require(EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr));
    }
    state = kBeginning;
    length = 0;
  }

  // Takes what is no whole block, before and after; the whole blocks between are left to the
  // caller.
  Run TakeEnds(std::span<const std::byte> data) {
    const size_t held = length % kSha256Block;
    length += data.size();
    if (held > 0) {
      const size_t taken = std::min(data.size(), kSha256Block - held);
      std::memcpy(begun.data() + held, data.data(), taken);
      if (held + taken < kSha256Block) return {&state, nullptr, 0};
      Compress(state, begun.data(), 1);
      data = data.subspan(taken);
    }
    const size_t blocks = data.size() / kSha256Block;
    const auto rest = data.subspan(blocks * kSha256Block);
    if (!rest.empty()) std::memcpy(begun.data(), rest.data(), rest.size());
    return {&state, data.data(), blocks};
  }

  // A one, zeros, and the number of bits in the last eight bytes of a block.
  Sha256Bytes End() {
    const uint64_t bits = length * 8;
    const size_t held = length % kSha256Block;
    std::array<std::byte, 2 * kSha256Block> last = {};
    std::copy_n(begun.begin(), held, last.begin());
    last[held] = std::byte{0x80};
    const size_t blocks = held + 1 + sizeof bits <= kSha256Block ? 1 : 2;
    for (size_t i = 0; i < sizeof bits; ++i) {
      last[blocks * kSha256Block - 1 - i] = static_cast<std::byte>(bits >> (8 * i));
    }
    Compress(state, last.data(), blocks);
    Sha256Bytes digest;
    for (size_t i = 0; i < digest.size(); ++i) {
      digest[i] = static_cast<std::byte>(state[i / 4] >> (24 - 8 * (i % 4)));
    }
    return digest;
  }

  std::unique_ptr<EVP_MD_CTX, Free> context;  // where there are no kernels; else what follows
  Sha256State state = kBeginning;
  uint64_t length = 0;                          // bytes so far
  std::array<std::byte, kSha256Block> begun{};  // the block that is not whole yet
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Update(std::span<const std::byte> data) {
  if (impl_->context != nullptr) {
    Impl::Require(EVP_DigestUpdate(impl_->context.get(), data.data(), data.size()));
    return;
  }
  const Run run = impl_->TakeEnds(data);
  if (run.blocks > 0) Compress(*run.state, run.data, run.blocks);
}

void Sha256::UpdateTogether(std::span<const Piece> pieces) {
  if (MostTogether() == 1) {
    for (const Piece& piece : pieces) piece.hash->Update(piece.data);
    return;
  }
  std::vector<Run> runs;
  runs.reserve(pieces.size());
  for (const Piece& piece : pieces) {
    const Run run = piece.hash->impl_->TakeEnds(piece.data);
    if (run.blocks > 0) runs.push_back(run);
  }
  // The longest first: so the most are together for the longest time.
  std::ranges::sort(runs, std::ranges::greater(), &Run::blocks);
  while (!runs.empty()) CompressSome(runs);
}

size_t Sha256::MostTogether() {
  return Sha256Kernels().empty() ? 1 : Sha256Kernels().back().streams;
}

Sha256Bytes Sha256::Finish() {
  Sha256Bytes digest;
  if (impl_->context != nullptr) {
    unsigned size = 0;
    Impl::Require(EVP_DigestFinal_ex(impl_->context.get(),
                                     reinterpret_cast<unsigned char*>(digest.data()), &size));
  } else {
    digest = impl_->End();
  }
  impl_->Start();
  return digest;
}

Sha256Bytes Sha256::Of(std::span<const std::byte> data) {
  Sha256 hash;
  hash.Update(data);
  return hash.Finish();
}

std::string HexLower(std::span<const std::byte> bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::byte b : bytes) {
    out.push_back(kHex[std::to_integer<unsigned>(b) >> 4]);
    out.push_back(kHex[std::to_integer<unsigned>(b) & 15]);
  }
  return out;
}

}  // namespace ingot::core
