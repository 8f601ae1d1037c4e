// What is taken away from the container after its mounts are made: masked paths, read-only paths, read-only trees. P2.
#pragma once

#include <span>
#include <string>

#include "linux/fd.h"
#include "linux/result.h"
#include "runtime/container/mounts.h"

namespace warder::runtime {

/// Covers each path: a directory with an empty read-only tmpfs, anything else with the null device. A path that does not exist
/// needs no mask; every other failure is fatal. `null_device` is the host's, held and checked by the runtime, so that a link
/// named /dev/null in an image masks nothing (CVE-2025-31133).
Result<void> mask_paths(BorrowedFd root, const MadeMounts& mounts, BorrowedFd null_device, std::span<const std::string> paths);

/// Mounts each existing path over itself, read-only with everything below it.
Result<void> make_paths_read_only(BorrowedFd root, const MadeMounts& mounts, std::span<const std::string> paths);

}  // namespace warder::runtime
