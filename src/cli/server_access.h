// What the commands that speak to a server share: where it is and with which key. One thread.
#ifndef INGOT_CLI_SERVER_ACCESS_H_
#define INGOT_CLI_SERVER_ACCESS_H_

#include <optional>
#include <string>

#include "core/status.h"
#include "server/address.h"
#include "server/client.h"

namespace ingot::cli {

// The value of an environment variable, unless it is empty.
std::optional<std::string> Variable(const char* name);
// The first of them that is set; empty where none is.
std::string FirstVariable(const char* one, const char* other);
// Which of two variables says a number: `theirs` where ours is not set and it says one; there, 0
// stands for what is usual.
const char* NumberVariable(const char* ours, const char* theirs);

// A client for the server that the environment names; INGOT_API_KEY is its key.
core::Result<server::Client> ServerClient();
// The same, or nullopt unless a server of ours answers there.
std::optional<server::Client> RunningServer();

}  // namespace ingot::cli

#endif  // INGOT_CLI_SERVER_ACCESS_H_
