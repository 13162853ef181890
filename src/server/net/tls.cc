#include "server/net/tls.h"

#include <sys/stat.h>

#include <cerrno>
#include <string>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "core/log.h"
#include "core/strings.h"

namespace ingot::server {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using core::Result;
using core::Status;
using core::StrCat;

std::string Shown(const std::string& file) { return core::Printable(file, 1000); }

Status CheckReadable(const std::string& file) {
  struct stat info = {};
  if (stat(file.c_str(), &info) != 0) return core::ErrnoStatus(errno, Shown(file));
  if (!S_ISREG(info.st_mode)) return core::InvalidArgument(StrCat(Shown(file), ": is no file"));
  return Status::Ok();
}

void WarnOfReaders(const std::string& file) {
  struct stat info = {};
  // A group may be meant to read it, as for certificates that several services share.
  if (stat(file.c_str(), &info) != 0 || (info.st_mode & (S_IRWXO | S_IWGRP)) == 0) return;
  core::LogWarning("others may read or write the private key: run chmod 600 on it",
                   {{"file", Shown(file)}});
}

}  // namespace

Result<std::unique_ptr<asio::ssl::context>> LoadTls(const TlsOptions& options) {
  INGOT_TRY(CheckReadable(options.certificate));
  INGOT_TRY(CheckReadable(options.key));
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  error_code error;
  context->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                           asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 |
                           asio::ssl::context::no_tlsv1_1,
                       error);
  if (!error) context->use_certificate_chain_file(options.certificate, error);
  if (error) {
    return core::InvalidArgument(
        StrCat(Shown(options.certificate), ": no PEM certificate for TLS: ", error.message()));
  }
  // Without this the library would ask whoever sits at the terminal.
  bool wants_passphrase = false;
  context->set_password_callback(
      [&wants_passphrase](size_t, asio::ssl::context::password_purpose) {
        wants_passphrase = true;
        return std::string();
      },
      error);
  if (!error) context->use_private_key_file(options.key, asio::ssl::context::pem, error);
  if (wants_passphrase) {
    return core::InvalidArgument(StrCat(Shown(options.key), ": the key has a passphrase"))
        .WithHint("A server starts unattended: give it a key without one (openssl pkey).");
  }
  if (error &&
      ERR_GET_REASON(static_cast<unsigned long>(error.value())) == X509_R_KEY_VALUES_MISMATCH) {
    return core::InvalidArgument(StrCat(Shown(options.key), ": is not the key of the certificate ",
                                        Shown(options.certificate)));
  }
  if (error) {
    return core::InvalidArgument(
        StrCat(Shown(options.key), ": no PEM key for TLS: ", error.message()));
  }
  if (SSL_CTX_check_private_key(context->native_handle()) != 1) {
    ERR_clear_error();
    return core::InvalidArgument(StrCat(Shown(options.key), ": is not the key of the certificate ",
                                        Shown(options.certificate)));
  }
  // What was captured above is gone when this returns, and no key is read again.
  context->set_password_callback(
      [](size_t, asio::ssl::context::password_purpose) { return std::string(); }, error);
  WarnOfReaders(options.key);
  return context;
}

}  // namespace ingot::server
