// What this build calls itself.
#ifndef INGOT_CLI_VERSION_H_
#define INGOT_CLI_VERSION_H_

#include <string>

namespace ingot::cli {

std::string Version();      // "0.1.0"
std::string VersionLine();  // "ingot version 0.1.0"

}  // namespace ingot::cli

#endif  // INGOT_CLI_VERSION_H_
