// /dev of the container: the default nodes, those of config.json, and the links that every program expects. P2.
//
// /dev is opened once and must be a real directory of the root; everything is made fresh in it by descriptor, and what an image
// ships under a name that we need is replaced (CVE-2026-41579, -47766). Where nodes cannot be made (user namespace) the host's
// are bound.
#pragma once

#include <span>

#include "linux/fd.h"
#include "linux/result.h"
#include "runtime/config/spec.h"

namespace warder::runtime {

enum class NodeMethod : std::uint8_t { make, bind_from_host };

/// The default nodes (null, zero, full, random, urandom, tty), then `devices` (which win over the defaults), then the links fd,
/// stdin, stdout, stderr, core and ptmx. `host_dev`: the host's /dev, below which nodes to bind are opened.
Result<void> make_devices(BorrowedFd root, std::span<const Device> devices, NodeMethod method, BorrowedFd host_dev);

/// True for the device that every mask is made of: a character device 1:3.
[[nodiscard]] bool is_null_device(BorrowedFd fd);

}  // namespace warder::runtime
