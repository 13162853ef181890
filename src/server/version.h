// Which versions the server speaks of. Constant.
#ifndef INGOT_SERVER_VERSION_H_
#define INGOT_SERVER_VERSION_H_

#include <string_view>

namespace ingot::server {

// The version of the original whose API this is: clients look at it to know what they may ask for.
inline constexpr std::string_view kOllamaVersion = "0.19.0";

std::string_view OwnVersion();

// What a client that looks for us finds in the Server header: "Ingot/0.1.0".
inline constexpr std::string_view kServerName = "Ingot";

}  // namespace ingot::server

#endif  // INGOT_SERVER_VERSION_H_
