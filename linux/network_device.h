// Moving a network device into another network namespace: rtnetlink(7). P0; CAP_NET_ADMIN in both namespaces' owners.
#pragma once

#include <string>

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::kernel {

/// Moves the device `name` of the caller's namespace into `namespace_fd` under the name `new_name`, gives it back its permanent
/// addresses of global scope (the kernel drops all at a move) and sets it up. MTU and hardware address stay as they are.
///
/// The calling thread visits the other namespace for a moment and must be the only one of its process. On failure the device may
/// be in either namespace; one that went along ends with its namespace, or goes home if it is a physical one.
Result<void> move_network_device(const std::string& name, BorrowedFd namespace_fd, const std::string& new_name);

}  // namespace warder::kernel
