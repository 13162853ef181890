// Checks on the head of a request, before anybody else looks at it. Pure, but for NewRequestId;
// any thread.
#ifndef INGOT_SERVER_NET_HEAD_H_
#define INGOT_SERVER_NET_HEAD_H_

#include <string>
#include <string_view>

#include "server/http_types.h"
#include "server/net/http_server.h"

namespace ingot::server {

// Fills in method, target, path and query. The reply's status is 200 where all is well; otherwise
// it is what to answer.
Reply ReadTarget(std::string_view method, std::string_view target, const HttpLimits& limits,
                 Request& request);

// What HTTP demands of headers that say where a request ends and whom it is for.
Reply CheckHead(const Request& request, bool http10, bool chunked);

// "req_" and 24 hexadecimal digits that nobody can guess.
std::string NewRequestId();

}  // namespace ingot::server

#endif  // INGOT_SERVER_NET_HEAD_H_
