#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.h"
#include "cli/version.h"
#include "core/json.h"
#include "tests/cli/run_cli.h"

namespace ingot::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(CliTest, HelpListsEveryCommandAndSucceeds) {
  const Outcome help = Ingot({"--help"});
  EXPECT_EQ(help.exit, 0);
  EXPECT_THAT(help.out, HasSubstr("doctor"));
  EXPECT_THAT(help.out, HasSubstr("INGOT_MODELS"));
  EXPECT_THAT(help.err, IsEmpty());
}

TEST(CliTest, WithoutACommandItTeachesAndFails) {
  const Outcome bare = Ingot({});
  EXPECT_EQ(bare.exit, 2);
  EXPECT_THAT(bare.out, HasSubstr("doctor"));
}

TEST(CliTest, EveryCommandHasHelpWithAnExample) {
  for (const char* command :
       {"run", "embed", "logits", "bench", "ppl", "tokenize", "render", "create", "export", "list",
        "show", "cp", "rm", "verify", "repair", "gc", "doctor", "version"}) {
    const Outcome help = Ingot({command, "--help"});
    EXPECT_EQ(help.exit, 0) << command;
    EXPECT_THAT(help.out, HasSubstr("Examples:")) << command;
    EXPECT_THAT(help.out, HasSubstr(std::string("Usage: ingot ") + command)) << command;
    EXPECT_THAT(help.out, HasSubstr(std::string("\n  ingot ") + command)) << command;
  }
}

TEST(CliTest, AMistypedCommandGetsASuggestion) {
  const Outcome wrong = Ingot({"docter"});
  EXPECT_EQ(wrong.exit, 2);
  EXPECT_THAT(wrong.err, HasSubstr("there is no command \"docter\""));
  EXPECT_THAT(wrong.err, HasSubstr("Did you mean `ingot doctor`?"));
  EXPECT_THAT(wrong.out, IsEmpty());
  const Outcome strange = Ingot({"xyzzy\x1b[2J"});
  EXPECT_EQ(strange.exit, 2);
  EXPECT_THAT(strange.err, Not(HasSubstr("\x1b"))) << "what was typed is not sent to the terminal";
}

TEST(CliTest, AMistypedOptionGetsASuggestion) {
  const Outcome wrong = Ingot({"version", "--jsno"});
  EXPECT_EQ(wrong.exit, 2);
  EXPECT_THAT(wrong.err, HasSubstr("--jsno"));
  EXPECT_THAT(wrong.err, HasSubstr("Did you mean `--json`?"));
}

TEST(CliTest, BadGlobalOptionsAreRefused) {
  EXPECT_EQ(Ingot({"version", "--threads", "0"}).exit, 2);
  EXPECT_EQ(Ingot({"version", "--threads", "many"}).exit, 2);
  const Outcome level = Ingot({"version", "--log-level", "loud"});
  EXPECT_EQ(level.exit, 2);
  EXPECT_THAT(level.err, HasSubstr("log level \"loud\" is unknown"));
  EXPECT_EQ(Ingot({"version", "--log-format", "xml"}).exit, 2);
}

TEST(CliTest, VersionInThreeForms) {
  EXPECT_EQ(Ingot({"--version"}).out, VersionLine() + "\n");
  EXPECT_EQ(Ingot({"version"}).out, VersionLine() + "\n");
  const auto json = core::ParseJson(Ingot({"version", "--json"}).out);
  ASSERT_TRUE(json.ok());
  EXPECT_EQ((*json)["version"], Version());
}

TEST(CliTest, DoctorFindsThisMachineFit) {
  const Outcome doctor = Ingot({"doctor", "--json"});
  EXPECT_EQ(doctor.exit, 0) << doctor.out;
  const auto json = core::ParseJson(doctor.out);
  ASSERT_TRUE(json.ok()) << json.status().message();
  std::vector<std::string> subjects;
  for (const auto& check : (*json)["checks"]) subjects.push_back(check["subject"]);
  EXPECT_THAT(subjects, ::testing::IsSupersetOf({"program", "processor", "memory", "MLX", "GPU"}));
  EXPECT_THAT(Ingot({"doctor"}).out, HasSubstr("0.32.4"));
}

TEST(CliTest, AFullOutputIsAFailure) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> full(std::fopen("/dev/full", "w"),
                                                             &std::fclose);
  ASSERT_NE(full, nullptr);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> err(std::tmpfile(), &std::fclose);
  const char* arguments[] = {"ingot", "version"};
  EXPECT_EQ(cli::Run(2, arguments, core::Env::Posix(), full.get(), err.get()), 1);
  EXPECT_THAT(Slurp(err.get()), HasSubstr("standard output could not be written"));
}

}  // namespace
}  // namespace ingot::cli
