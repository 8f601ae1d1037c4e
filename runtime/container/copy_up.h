// tmpcopyup: a fresh tmpfs that starts with what the image has at its place. P2; both sides are descriptors of directories.
#pragma once

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::runtime {

/// Copies everything below `from` into the empty directory `to`: files, directories, links and nodes with owner, mode, times and
/// extended attributes (as far as the target takes them), then the same of the directory itself. Follows no link of the source
/// and enters no other mount. Sockets are left out.
Result<void> copy_contents(BorrowedFd from, BorrowedFd to);

}  // namespace warder::runtime
