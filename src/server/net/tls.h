// Makes what TLS needs of a certificate and its key. Included by the files of this folder that know
// Asio.
#ifndef INGOT_SERVER_NET_TLS_H_
#define INGOT_SERVER_NET_TLS_H_

#include <memory>

#include <boost/asio/ssl/context.hpp>

#include "core/status.h"
#include "server/net/http_server.h"

namespace ingot::server {

// TLS 1.2 and newer. kInvalidArgument, naming the file, for what is no certificate, no key, a key
// that wants a passphrase, or the key of another certificate. A key that others may read is logged.
core::Result<std::unique_ptr<boost::asio::ssl::context>> LoadTls(const TlsOptions& options);

}  // namespace ingot::server

#endif  // INGOT_SERVER_NET_TLS_H_
