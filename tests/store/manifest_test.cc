#include "store/manifest.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/strings.h"

namespace ingot::store {
namespace {

using core::StrCat;
using ::testing::HasSubstr;

const std::string kDigest =
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

std::string LayerText(std::string_view extra = "") {
  return StrCat(R"({"mediaType":"application/vnd.ollama.image.tensor","digest":")", kDigest,
                R"(","size":3)", extra, "}");
}

std::string ManifestText(std::string_view layers, std::string_view extra = "") {
  return StrCat(
      R"({"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",)",
      R"("config":)", LayerText(), R"(,"layers":[)", layers, "]", extra, "}");
}

Manifest Example() {
  const Digest digest = Digest::Of("abc");
  return Manifest{
      .config = {std::string(kConfigMediaType), digest, 3, "", ""},
      .layers = {{std::string(kTensorMediaType), digest, 3, "", "model.embed_tokens.weight"},
                 {std::string(kJsonMediaType), Digest::Of(""), 0, "base:latest", "config.json"},
                 {std::string(kLicenseMediaType), digest, 3, "", ""}}};
}

std::string ErrorOf(std::string_view text) {
  const auto manifest = ParseManifest(text);
  EXPECT_FALSE(manifest.ok()) << text;
  return std::string(manifest.status().message());
}

TEST(Manifest, IsWrittenAsOneLineInTheOrderOfTheFormat) {
  Manifest manifest = Example();
  manifest.layers.resize(2, manifest.config);
  manifest.layers[0].name = "a<b>&c";
  EXPECT_EQ(
      EncodeManifest(manifest),
      StrCat(
          R"({"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",)",
          R"("config":{"mediaType":"application/vnd.docker.container.image.v1+json","digest":")",
          kDigest, R"(","size":3},"layers":[)",
          R"({"mediaType":"application/vnd.ollama.image.tensor","digest":")", kDigest,
          R"(","size":3,"name":"a\u003cb\u003e\u0026c"},)",
          R"({"mediaType":"application/vnd.ollama.image.json","digest":"sha256:)",
          R"(e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0,)",
          R"("from":"base:latest","name":"config.json"}]})", "\n"));
}

TEST(Manifest, ReadsBackWhatItWrote) {
  const auto manifest = ParseManifest(EncodeManifest(Example()));
  ASSERT_TRUE(manifest.ok()) << manifest.status().message();
  EXPECT_EQ(*manifest, Example());
  EXPECT_EQ(manifest->TotalSize(), 9u);
  ASSERT_NE(manifest->Find(kJsonMediaType, "config.json"), nullptr);
  EXPECT_EQ(manifest->Find(kJsonMediaType, "tokenizer.json"), nullptr);
  EXPECT_EQ(manifest->Find(kLicenseMediaType)->size, 3u);
}

TEST(Manifest, KeepsTheBytesItWasReadFrom) {
  const std::string text =
      " " + ManifestText(LayerText(R"(,"annotations":{"dtype":["BF16",{"x":null}]})"),
                         R"( , "subject" : [1, -2.5e3, true] )");
  const auto raw = ParseRawManifest(text);
  ASSERT_TRUE(raw.ok()) << raw.status().message();
  EXPECT_EQ(raw->bytes, text);
  EXPECT_EQ(raw->id, Digest::Of(text));
  EXPECT_EQ(raw->manifest.layers.size(), 1u);
}

TEST(Manifest, AcceptsWhatOtherWritersLeaveOut) {
  const auto no_list =
      ParseManifest(StrCat(R"({"schemaVersion":2,"config":)", LayerText(), R"(,"layers":null})"));
  ASSERT_TRUE(no_list.ok()) << no_list.status().message();
  EXPECT_TRUE(no_list->layers.empty());
  EXPECT_TRUE(ParseManifest(ManifestText("")).ok());
}

TEST(Manifest, RefusesAnotherSchema) {
  EXPECT_THAT(ErrorOf("[]"), HasSubstr("a manifest is a JSON object"));
  EXPECT_THAT(ErrorOf(""), HasSubstr("a manifest is a JSON object"));
  EXPECT_THAT(ErrorOf(R"({"schemaVersion":1})"), HasSubstr("schemaVersion is 1"));
  EXPECT_THAT(ErrorOf(R"({"mediaType":"application/vnd.oci.image.index.v1+json"})"),
              HasSubstr("mediaType is"));
  EXPECT_THAT(ErrorOf("{}"), HasSubstr("\"schemaVersion\" is missing"));
  EXPECT_THAT(ErrorOf(R"({"schemaVersion":2})"), HasSubstr("\"config\" is missing"));
  EXPECT_THAT(ErrorOf(ManifestText("") + "x"), HasSubstr("byte"));
}

TEST(Manifest, RefusesAHalfWrittenFile) {
  const std::string whole = EncodeManifest(Example());
  for (size_t size = 0; size + 1 < whole.size(); ++size) {
    EXPECT_FALSE(ParseManifest(whole.substr(0, size)).ok()) << size;
  }
}

TEST(Manifest, ChecksEveryFieldOfALayer) {
  const std::string head = R"({"mediaType":"a/b","digest":")" + kDigest + R"(","size":)";
  EXPECT_THAT(ErrorOf(ManifestText(head + "-1}")), HasSubstr("layer 0: size"));
  EXPECT_THAT(ErrorOf(ManifestText(head + "1.5}")), HasSubstr("layer 0: size"));
  EXPECT_THAT(ErrorOf(ManifestText(head + "1e3}")), HasSubstr("layer 0: size"));
  EXPECT_THAT(ErrorOf(ManifestText(head + "\"3\"}")), HasSubstr("layer 0: size"));
  EXPECT_THAT(ErrorOf(ManifestText(head + "1125899906842625}")), HasSubstr("largest blob"));
  EXPECT_THAT(ErrorOf(ManifestText(head + "99999999999999999999}")), HasSubstr("layer 0: size"));
  EXPECT_THAT(ErrorOf(ManifestText(LayerText() + "," + R"({"mediaType":"a/b","size":1})")),
              HasSubstr("layer 1: the key \"digest\" is missing"));
  EXPECT_THAT(ErrorOf(ManifestText(R"({"mediaType":"a/b","size":1,"digest":"../../x"})")),
              HasSubstr("layer 0: invalid digest"));
  EXPECT_THAT(ErrorOf(ManifestText(R"({"mediaType":"ab","size":1})")),
              HasSubstr("not a media type"));
  EXPECT_THAT(ErrorOf(ManifestText(R"({"mediaType":"a/\u001b","size":1})")),
              HasSubstr("not a media type"));
  EXPECT_THAT(ErrorOf(ManifestText(LayerText(R"(,"name":"a\u0007b")"))),
              HasSubstr("control character"));
  EXPECT_THAT(
      ErrorOf(ManifestText(LayerText(StrCat(R"(,"name":")", std::string(1025, 'n'), "\"")))),
      HasSubstr("1025 bytes long"));
  EXPECT_THAT(ErrorOf(ManifestText("3")), HasSubstr("layer 0"));
}

TEST(Manifest, RefusesKeysThatTwoReadersWouldReadDifferently) {
  EXPECT_THAT(ErrorOf(ManifestText(LayerText(R"(,"size":4)"))), HasSubstr("appears twice"));
  EXPECT_THAT(ErrorOf(ManifestText(LayerText(R"(,"Size":4)"))), HasSubstr("spelled unlike"));
  EXPECT_THAT(ErrorOf(ManifestText("", R"(,"layers":[])")), HasSubstr("appears twice"));
  EXPECT_THAT(ErrorOf(ManifestText("", R"(,"LAYERS":[])")), HasSubstr("spelled unlike"));
}

TEST(Manifest, BoundsWhatItReads) {
  EXPECT_FALSE(ParseManifest(ManifestText("", R"(,"x":)" + std::string(100'000, '['))).ok());
  std::string layers = LayerText();
  layers.reserve(kMaxManifestLayers * (layers.size() + 1) + 1);
  const std::string one = "," + layers;
  for (size_t i = 0; i < kMaxManifestLayers; ++i) layers += one;
  EXPECT_THAT(ErrorOf(ManifestText(layers)), HasSubstr("more than 200000 layers"));
}

}  // namespace
}  // namespace ingot::store
