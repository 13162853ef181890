#include "registry/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include "core/strings.h"

namespace ingot::registry {
namespace {

struct Range4 {
  uint32_t base;
  int bits;
};
// What the registry of special-purpose addresses (RFC 6890 and its successors) takes out of the
// public internet.
constexpr std::array<Range4, 15> kPrivate4 = {{
    {0x00000000, 8},   // this network
    {0x0a000000, 8},   // private
    {0x64400000, 10},  // carrier's translation
    {0x7f000000, 8},   // loopback
    {0xa9fe0000, 16},  // link-local, and where clouds answer with credentials
    {0xac100000, 12},  // private
    {0xc0000000, 24},  // protocol assignments
    {0xc0000200, 24},  // documentation
    {0xc0586300, 24},  // 6to4 relays
    {0xc0a80000, 16},  // private
    {0xc6120000, 15},  // benchmarks
    {0xc6336400, 24},  // documentation
    {0xcb007100, 24},  // documentation
    {0xe0000000, 4},   // multicast
    {0xf0000000, 4},   // reserved and broadcast
}};

bool IsPrivate4(uint32_t address) {
  for (const Range4& range : kPrivate4) {
    if ((address ^ range.base) >> (32 - range.bits) == 0) return true;
  }
  return false;
}

uint32_t Read4(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

bool IsPrivate6(const std::array<uint8_t, 16>& a) {
  // Only 2000::/3 is the public internet; of the rest two forms hold an IPv4 address that counts.
  constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  constexpr std::array<uint8_t, 12> kNat64 = {0, 0x64, 0xff, 0x9b};
  if (std::memcmp(a.data(), kMapped.data(), 12) == 0 ||
      std::memcmp(a.data(), kNat64.data(), 12) == 0) {
    return IsPrivate4(Read4(a.data() + 12));
  }
  if ((a[0] & 0xe0) != 0x20) return true;
  if (a[0] == 0x20 && a[1] == 0x02) return IsPrivate4(Read4(a.data() + 2));  // 6to4
  // 2001::/23 is for protocols (Teredo among them), 2001:db8::/32 for documentation.
  if (a[0] == 0x20 && a[1] == 0x01) {
    return (a[2] & 0xfe) == 0 || (a[2] == 0x0d && a[3] == 0xb8);
  }
  return false;
}

}  // namespace

bool IsPrivateAddress(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in in = {};
    std::memcpy(&in, &address, sizeof in);
    return IsPrivate4(ntohl(in.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 in = {};
    std::memcpy(&in, &address, sizeof in);
    std::array<uint8_t, 16> bytes = {};
    std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
    return IsPrivate6(bytes);
  }
  return true;
}

bool IsPrivateHost(std::string_view host) {
  const std::string name = core::ToLower(host.substr(0, host.find('%')));
  in_addr in4 = {};
  if (inet_pton(AF_INET, name.c_str(), &in4) == 1) return IsPrivate4(ntohl(in4.s_addr));
  std::array<uint8_t, 16> in6 = {};
  if (inet_pton(AF_INET6, name.c_str(), in6.data()) == 1) return IsPrivate6(in6);
  if (name.find('.') == std::string::npos) return true;
  for (const std::string_view tail : {".localhost", ".local", ".internal"}) {
    if (name.ends_with(tail)) return true;
  }
  return false;
}

}  // namespace ingot::registry
