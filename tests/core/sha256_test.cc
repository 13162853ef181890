#include "core/sha256.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "core/env.h"
#include "core/sha256_blocks.h"

namespace ingot::core {
namespace {

// FIPS 180-4 examples.
constexpr const char* kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr std::string_view kTwoBlocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
constexpr const char* kTwoBlocksDigest =
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
constexpr const char* kMillionA =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

std::mt19937_64 Random(uint64_t seed) { return std::mt19937_64(seed); }

std::vector<std::byte> RandomBytes(std::mt19937_64& random, size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

std::string OpenSslDigest(std::span<const std::byte> data) {
  Sha256Bytes digest = {};
  unsigned size = 0;
  EXPECT_EQ(EVP_Digest(data.data(), data.size(), reinterpret_cast<unsigned char*>(digest.data()),
                       &size, EVP_sha256(), nullptr),
            1);
  return HexLower(digest);
}

TEST(Sha256Test, KnownAnswers) {
  EXPECT_EQ(HexLower(Sha256::Of({})), kEmpty);
  EXPECT_EQ(HexLower(Sha256::Of(AsBytes("abc"))), kAbc);
  EXPECT_EQ(HexLower(Sha256::Of(AsBytes(kTwoBlocks))), kTwoBlocksDigest);
}

TEST(Sha256Test, PiecesOfAnySizeGiveTheSameDigestAndFinishStartsAnew) {
  const std::string text(1'000'000, 'a');
  Sha256 hash;
  for (const size_t step : {1u, 63u, 64u, 65u, 4096u, 1'000'000u}) {
    for (size_t i = 0; i < text.size(); i += step) {
      hash.Update(AsBytes(std::string_view(text).substr(i, step)));
    }
    EXPECT_EQ(HexLower(hash.Finish()), kMillionA) << step;
  }
  EXPECT_EQ(HexLower(hash.Finish()), kEmpty);
}

TEST(Sha256Test, AgreesWithOpenSslForEveryLengthAroundBlocks) {
  std::mt19937_64 random = Random(1);
  const std::vector<std::byte> bytes = RandomBytes(random, 300);
  for (size_t size = 0; size <= bytes.size(); ++size) {
    const auto data = std::span(bytes).first(size);
    EXPECT_EQ(HexLower(Sha256::Of(data)), OpenSslDigest(data)) << size;
  }
}

TEST(Sha256Test, StreamsOfAnyNumberAndLengthAdvanceTogetherAndAlone) {
  std::mt19937_64 random = Random(2);
  for (size_t count = 1; count <= 40; ++count) {
    std::vector<std::vector<std::byte>> streams;
    std::vector<Sha256> hashes(count);
    std::vector<size_t> at(count, 0);
    for (size_t s = 0; s < count; ++s) streams.push_back(RandomBytes(random, random() % 9000));
    bool left = true;
    while (left) {
      left = false;
      std::vector<Sha256::Piece> pieces;
      for (size_t s = 0; s < count; ++s) {
        // Some come with nothing, some with a few bytes, some with all that they have left.
        const size_t most = std::array<size_t, 4>{0, 70, 1000, 9000}[random() % 4];
        const size_t size = std::min(most == 0 ? 0 : random() % most, streams[s].size() - at[s]);
        const auto data = std::span(streams[s]).subspan(at[s], size);
        at[s] += size;
        if (random() % 8 == 0) {
          hashes[s].Update(data);
        } else {
          pieces.push_back({.hash = &hashes[s], .data = data});
        }
        left = left || at[s] < streams[s].size();
      }
      Sha256::UpdateTogether(pieces);
    }
    for (size_t s = 0; s < count; ++s) {
      EXPECT_EQ(HexLower(hashes[s].Finish()), OpenSslDigest(streams[s])) << count << " " << s;
      EXPECT_EQ(HexLower(hashes[s].Finish()), kEmpty);
    }
  }
}

TEST(Sha256Test, EveryKernelComputesTheSame) {
  if (Sha256Kernels().empty()) {
    EXPECT_EQ(Sha256::MostTogether(), 1u);
    return;
  }
  constexpr size_t kBlocks = 5;
  std::mt19937_64 random = Random(3);
  for (const Sha256Kernel& kernel : Sha256Kernels()) {
    std::vector<Sha256State> states(kernel.streams);
    std::vector<Sha256State> expected(kernel.streams);
    std::vector<std::vector<std::byte>> bytes;
    std::vector<Sha256State*> state_of;
    std::vector<const std::byte*> data_of;
    for (size_t s = 0; s < kernel.streams; ++s) {
      for (uint32_t& word : states[s]) word = static_cast<uint32_t>(random());
      expected[s] = states[s];
      bytes.push_back(RandomBytes(random, kBlocks * kSha256Block));
    }
    for (size_t s = 0; s < kernel.streams; ++s) {
      state_of.push_back(&states[s]);
      data_of.push_back(bytes[s].data());
      Sha256State* const one = &expected[s];
      const std::byte* const data = bytes[s].data();
      Sha256Kernels().front().compress(&one, &data, kBlocks);
    }
    kernel.compress(state_of.data(), data_of.data(), kBlocks);
    EXPECT_EQ(states, expected) << kernel.name;
  }
}

}  // namespace
}  // namespace ingot::core
