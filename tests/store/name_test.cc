#include "store/name.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::store {
namespace {

using ::testing::HasSubstr;

ModelName Must(std::string_view text) {
  auto name = ModelName::Parse(text);
  EXPECT_TRUE(name.ok()) << text << ": " << name.status().message();
  return *std::move(name);
}

std::string ErrorOf(std::string_view text) {
  const auto name = ModelName::Parse(text);
  EXPECT_FALSE(name.ok()) << text;
  return std::string(name.status().message());
}

TEST(ModelName, FillsInWhatIsMissing) {
  EXPECT_EQ(Must("llama3").Full(), "registry.ollama.ai/library/llama3:latest");
  EXPECT_EQ(Must("llama3:8b").Full(), "registry.ollama.ai/library/llama3:8b");
  EXPECT_EQ(Must("me/llama3").Full(), "registry.ollama.ai/me/llama3:latest");
  EXPECT_EQ(Must("example.com/me/llama3:x").Full(), "example.com/me/llama3:x");
}

TEST(ModelName, AColonLeftOfTheLastSlashIsAPort) {
  const ModelName name = Must("localhost:5000/me/llama3");
  EXPECT_EQ(name.host(), "localhost:5000");
  EXPECT_EQ(name.tag(), "latest");
  EXPECT_EQ(Must("localhost:5000/me/llama3:q4_K_M").tag(), "q4_K_M");
}

TEST(ModelName, PeelsTheSchemeOff) {
  EXPECT_EQ(Must("http://localhost:5000/me/m").scheme(), Scheme::kHttp);
  EXPECT_EQ(Must("http://localhost:5000/me/m").Full(), "localhost:5000/me/m:latest");
  EXPECT_EQ(Must("HTTPS://example.com/me/m:t").scheme(), Scheme::kHttps);
  EXPECT_EQ(Must("example.com/me/m:t").scheme(), Scheme::kHttps);
  EXPECT_THAT(ErrorOf("ftp://example.com/me/m"), HasSubstr("unknown scheme \"ftp\""));
}

TEST(ModelName, ShortFormDropsDefaultsFromTheLeft) {
  EXPECT_EQ(Must("llama3").Short(), "llama3:latest");
  EXPECT_EQ(Must("registry.ollama.ai/library/llama3:8b").Short(), "llama3:8b");
  EXPECT_EQ(Must("Registry.Ollama.AI/Library/llama3").Short(), "llama3:latest");
  EXPECT_EQ(Must("me/llama3").Short(), "me/llama3:latest");
  // The namespace stays where the host does: example.com/llama3 would read as a namespace.
  EXPECT_EQ(Must("example.com/library/llama3").Short(), "example.com/library/llama3:latest");
}

TEST(ModelName, ShortFormReadsBackTheSame) {
  for (const char* text : {"a", "A.b-c_d:1.2", "n/a", "h/n/a:t", "h:1/n/a", "_/_/_:_"}) {
    EXPECT_EQ(Must(Must(text).Short()), Must(text)) << text;
  }
}

TEST(ModelName, IsSafeAsAPath) {
  EXPECT_EQ(Must("me/m:t").RelativePath(), std::filesystem::path("registry.ollama.ai/me/m/t"));
  for (const char* text : {"..", "../m", "a/../m", "m:..", "/etc/passwd", "a//m", "h/n/m:../../x",
                           ".hidden", "m:.hidden", "h/n.n/m", "a/b/c/d", "a\\b", "m:a/b"}) {
    EXPECT_FALSE(ModelName::Parse(text).ok()) << text;
  }
  EXPECT_FALSE(ModelName::Parse(std::string_view("m\0x", 3)).ok());
}

TEST(ModelName, ASeparatorPromisesBothSides) {
  EXPECT_THAT(ErrorOf("m:"), HasSubstr("the tag is empty"));
  EXPECT_THAT(ErrorOf(":t"), HasSubstr("the model is empty"));
  EXPECT_THAT(ErrorOf("n/"), HasSubstr("the model is empty"));
  EXPECT_THAT(ErrorOf("/m"), HasSubstr("the namespace is empty"));
  EXPECT_THAT(ErrorOf("/n/m"), HasSubstr("the host is empty"));
  EXPECT_THAT(ErrorOf("http:///n/m"), HasSubstr("the host is empty"));
  EXPECT_THAT(ErrorOf(""), HasSubstr("it is empty"));
}

TEST(ModelName, ErrorNamesThePartAndTheCharacter) {
  EXPECT_THAT(ErrorOf("my.name/m"), HasSubstr("the namespace \"my.name\" holds \".\""));
  EXPECT_THAT(ErrorOf("m:a b"), HasSubstr("the tag \"a b\" holds \" \""));
  EXPECT_THAT(ErrorOf("-m"), HasSubstr("the model \"-m\" begins with \"-\""));
  EXPECT_THAT(ErrorOf("m\x1b[2J"), HasSubstr("\\x1b"));
  const auto digest = ModelName::Parse("m@sha256:abc");
  ASSERT_FALSE(digest.ok());
  EXPECT_THAT(std::string(digest.status().hint()), HasSubstr("digest"));
}

TEST(ModelName, BoundsTheLengthOfEveryPart) {
  const std::string eighty(80, 'a'), host(350, 'h');
  EXPECT_TRUE(ModelName::Parse(host + "/" + eighty + "/" + eighty + ":" + eighty).ok());
  EXPECT_THAT(ErrorOf(eighty + "a"), HasSubstr("the model is 81 characters long, at most 80"));
  EXPECT_THAT(ErrorOf("m:" + eighty + "a"), HasSubstr("the tag is 81"));
  EXPECT_THAT(ErrorOf(eighty + "a/m"), HasSubstr("the namespace is 81"));
  EXPECT_THAT(ErrorOf(host + "h/n/m"), HasSubstr("the host is 351"));
}

TEST(ModelName, CaseIsKeptButDoesNotTellModelsApart) {
  EXPECT_EQ(Must("Me/LLaMA3:Q4").Full(), "registry.ollama.ai/Me/LLaMA3:Q4");
  EXPECT_TRUE(Must("Me/LLaMA3:Q4").SameModel(Must("me/llama3:q4")));
  EXPECT_FALSE(Must("Me/LLaMA3:Q4") == Must("me/llama3:q4"));
  EXPECT_FALSE(Must("me/llama3:q4").SameModel(Must("me/llama3:q8")));
}

TEST(ModelName, FromPartsTakesNoDefaults) {
  EXPECT_TRUE(ModelName::FromParts("h", "n", "m", "t").ok());
  EXPECT_FALSE(ModelName::FromParts("", "n", "m", "t").ok());
  EXPECT_FALSE(ModelName::FromParts("h", "n", "m", ".DS_Store").ok());
}

}  // namespace
}  // namespace ingot::store
