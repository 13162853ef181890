// What the commands on the store share. One thread.
#ifndef INGOT_CLI_STORE_ACCESS_H_
#define INGOT_CLI_STORE_ACCESS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "core/status.h"
#include "store/store.h"

namespace ingot::cli {

// The store that --models or the environment names.
core::Result<store::Store> OpenStore(Session& session);

// "3 hours ago", "2 weeks ago", "in 5 minutes".
std::string HowLongAgo(int64_t then_ns, int64_t now_ns);

// "1 blob", "1204 blobs".
std::string Counted(uint64_t count, std::string_view noun);

// A path that is fit for a terminal.
std::string Shown(const core::Path& path);

// Text of several lines from a model: as it is where output is a file or a pipe, without control
// characters (but for line ends) where it is a terminal. Ends with a newline unless empty.
std::string TextFor(Session& session, std::string_view text);

// Short names of models, for messages: "a:latest, b:latest".
std::string ShortNames(const std::vector<store::ModelName>& names);
core::Json ShortNamesJson(const std::vector<store::ModelName>& names);

}  // namespace ingot::cli

#endif  // INGOT_CLI_STORE_ACCESS_H_
