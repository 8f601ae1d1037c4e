// What the policy compiler may know of the container's file tree before it exists: the rootfs on the host and the mounts of
// config.json that will cover parts of it. The host process of `create`; reads only, below a descriptor of the rootfs.
#pragma once

#include "linux/fd.h"
#include "policy/lower.h"
#include "runtime/config/spec.h"

namespace warder::runtime {

/// `rootfs` and `spec` must outlive the value.
[[nodiscard]] policy::ContainerFacts rootfs_facts(BorrowedFd rootfs, const Spec& spec);

}  // namespace warder::runtime
