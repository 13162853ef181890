// What is sent to Metal: looked at as text, since nothing here can compile it as that (clang reads
// it as C++ in `tools/check_gpu.py metal`). Goldens are written anew by
// `build/release/bin/ingot_make_kernels metal tests/ops/gpu/goldens`.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "ops/gpu/language.h"
#include "tests/ops/gpu/cases.h"
#include "tests/ops/gpu/whole_source.h"

namespace ingot::testing {
namespace {

namespace mx = ops::mx;
using ops::gpu::Language;

const std::filesystem::path kGoldens =
    std::filesystem::path(INGOT_SOURCE_DIR) / "tests/ops/gpu/goldens";

// By file name.
std::map<std::string, std::string> MetalSources() {
  std::map<std::string, std::string> sources;
  const ops::gpu::Launch record = [&](const KernelCall& call) {
    sources[std::string(call.text->name) + ".metal"] = MetalSource(call);
    std::vector<ops::Array> outputs;
    for (size_t i = 0; i < call.shapes.size(); ++i) {
      outputs.push_back(mx::zeros(call.shapes[i], call.types[i]));
    }
    return outputs;
  };
  for (const KernelCase& test : AllKernelCases()) test.own(record);
  return sources;
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// The brackets that are open at the end, or the first that closes what is not open.
std::string Unbalanced(const std::string& text) {
  const std::map<char, char> closes = {{')', '('}, {']', '['}, {'}', '{'}};
  std::string open;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 2, "//") == 0) {
      i = text.find('\n', i);
      if (i == std::string::npos) break;
    }
    const char c = text[i];
    if (c == '(' || c == '[' || c == '{') open += c;
    if (!closes.contains(c)) continue;
    if (open.empty() || open.back() != closes.at(c)) return open + c;
    open.pop_back();
  }
  return open;
}

TEST(MetalTextTest, IsTheStoredOneForEveryKernel) {
  std::set<std::string> stored;
  for (const auto& entry : std::filesystem::directory_iterator(kGoldens)) {
    stored.insert(entry.path().filename());
  }
  std::set<std::string> made;
  for (const auto& [file, source] : MetalSources()) {
    made.insert(file);
    EXPECT_EQ(source, ReadFile(kGoldens / file)) << file;
  }
  EXPECT_EQ(made, stored);
}

TEST(MetalTextTest, ClosesWhatItOpens) {
  EXPECT_EQ(Unbalanced("a(b[c]) // )"), "");
  EXPECT_EQ(Unbalanced("a(b[c)]"), "([)");
  for (const auto& [file, source] : MetalSources()) EXPECT_EQ(Unbalanced(source), "") << file;
}

TEST(MetalTextTest, HasNoWordOfTheOtherLanguageAndNoneUnspelled) {
  const auto sources = MetalSources();
  EXPECT_GE(sources.size(), 8u);
  for (const auto& [file, source] : sources) {
    for (const char* word : {"$", "threadIdx", "blockIdx", "__sync", "__shfl", "__shared__",
                             "__device__", "expf(", "logf(", "sqrtf(", "tanhf("}) {
      EXPECT_EQ(source.find(word), std::string::npos) << file << " has " << word;
    }
  }
}

// The words of the text that are names, or could be.
std::set<std::string> Words(const std::string& text) {
  std::set<std::string> words;
  const auto is_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
  };
  for (size_t at = 0; at < text.size(); ++at) {
    if (text.compare(at, 2, "//") == 0) at = std::min(text.find('\n', at), text.size() - 1);
    if (!is_word(text[at])) continue;
    const size_t begin = at;
    while (at < text.size() && is_word(text[at])) ++at;
    words.insert(text.substr(begin, at - begin));
  }
  return words;
}

// Metal has words that C++ and CUDA have not: a variable of that name would be refused there alone.
TEST(MetalTextTest, NamesNothingByAReservedWord) {
  EXPECT_EQ(Words("a_1 + b; // c\nd"), (std::set<std::string>{"a_1", "b", "d"}));
  for (const auto& [file, source] : MetalSources()) {
    const std::set<std::string> words = Words(source);
    EXPECT_TRUE(words.contains("float")) << file;
    for (const char* word : {"thread", "device", "constant", "half", "bfloat", "kernel", "vertex",
                             "fragment", "threadgroup_imageblock", "ray_data", "object_data",
                             "double", "goto", "new", "delete", "throw", "try", "virtual"}) {
      EXPECT_FALSE(words.contains(word)) << file << " has " << word;
    }
  }
}

TEST(SpellingTest, DiffersWhereTheLanguagesDo) {
  EXPECT_EQ(Spell(Language::kCuda, "$shared float x = $exp($swap(y, 4)); $barrier;"),
            "__shared__ float x = expf(__shfl_xor_sync(0xffffffffu, y, 4)); __syncthreads();");
  EXPECT_EQ(Spell(Language::kMetal, "$shared float x = $exp($swap(y, 4)); $barrier;"),
            "threadgroup float x = precise::exp(simd_shuffle_xor(y, 4)); "
            "threadgroup_barrier(mem_flags::mem_threadgroup);");
}

TEST(SpellingTest, TellsLongWordsFromTheShortOnesThatTheyBeginWith) {
  EXPECT_EQ(Spell(Language::kCuda, "$log1p(x) $log(x)"), "log1pf(x) logf(x)");
}

TEST(SpellingTest, LeavesAWordThatItDoesNotKnowForTheCompilerToRefuse) {
  EXPECT_EQ(Spell(Language::kCuda, "$unheard_of(x)"), "$unheard_of(x)");
}

TEST(KernelNameTest, TellsTypesAndTextsApart) {
  std::set<std::string> names;
  const auto add = [&](const ops::gpu::KernelText& text, mx::Dtype type) {
    const KernelCall call{.text = &text,
                          .constants = {},
                          .inputs = {mx::zeros({1}, type)},
                          .shapes = {{1}},
                          .types = {mx::float32},
                          .groups = {1, 1, 1},
                          .threads = {32, 1}};
    names.insert(KernelName(call, Language::kCuda));
  };
  const ops::gpu::KernelText one{"k", {"x"}, {"y"}, "y[0] = x[0];"};
  const ops::gpu::KernelText other{"k", {"x"}, {"y"}, "y[0] = x[1];"};
  add(one, mx::float32);
  add(one, mx::bfloat16);
  add(other, mx::float32);
  EXPECT_EQ(names.size(), 3u);
}

}  // namespace
}  // namespace ingot::testing
