// Times as the log has them. Pure.
#ifndef INGOT_SERVER_SECONDS_TEXT_H_
#define INGOT_SERVER_SECONDS_TEXT_H_

#include <string>

namespace ingot::server {

// "0.0125", "93.2000": to a tenth of a millisecond, for those who compare and add up.
std::string SecondsText(double seconds);

}  // namespace ingot::server

#endif  // INGOT_SERVER_SECONDS_TEXT_H_
