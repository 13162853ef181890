// One connection of a client: reads requests one after another and sends their answers. Included by
// the two files of this folder that know Asio.
//
// Everything here happens on the network's thread, unless said otherwise.
#ifndef INGOT_SERVER_NET_CONNECTION_H_
#define INGOT_SERVER_NET_CONNECTION_H_

#include <atomic>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "server/net/http_server.h"

namespace ingot::server {

// What all connections of a server share.
struct NetShared {
  NetShared(Dispatcher& d, WorkerPool& p, const HttpLimits& l)
      : dispatcher(d), pool(p), limits(l) {}
  boost::asio::io_context io{1};
  Dispatcher& dispatcher;
  WorkerPool& pool;
  const HttpLimits limits;
  std::unique_ptr<boost::asio::ssl::context> tls;  // null: plain
  std::atomic<bool> draining{false};
  std::atomic<size_t> connections{0};
  // Of a connection, the last ones counting most; 0: none has ended yet.
  std::atomic<double> usual_seconds{0};
};

class Connection {
 public:
  virtual ~Connection() = default;
  virtual void Start() = 0;
  // Ends it now if no request is under way.
  virtual void CloseIfIdle() = 0;
  virtual void Abort() = 0;
};

std::shared_ptr<Connection> MakeConnection(boost::asio::ip::tcp::socket socket, NetShared& shared);

}  // namespace ingot::server

#endif  // INGOT_SERVER_NET_CONNECTION_H_
