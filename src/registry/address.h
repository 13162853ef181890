// Which network addresses a stranger's redirect may not lead to. Pure functions.
#ifndef INGOT_REGISTRY_ADDRESS_H_
#define INGOT_REGISTRY_ADDRESS_H_

#include <sys/socket.h>

#include <string_view>

namespace ingot::registry {

// Not an address of the public internet: this machine, its local networks, a carrier's network,
// multicast and reserved ranges, also where they are written inside an IPv6 address. Anything that
// is neither IPv4 nor IPv6 counts as private.
bool IsPrivateAddress(const sockaddr& address);

// The same of a host that is written as an address, and of names that mean this machine or a local
// network by convention (localhost, *.local, *.internal, names without a dot). False for others:
// those have to be resolved first.
bool IsPrivateHost(std::string_view host);

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_ADDRESS_H_
