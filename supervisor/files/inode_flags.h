// Requests by ioctl(2) to the file system of a regular file or directory. Workers of PID 1.
#pragma once

#include "supervisor/dispatch.h"
#include "supervisor/walk.h"

namespace warder::supervisor::files {

/// Answers an ioctl on `object`, which is a regular file or a directory. Requests that change the inode need Right::xattr on its
/// name; the known ones are made on a copy of descriptor and argument. Others of a file system's own (btrfs subvolumes, verity)
/// are judged by the object behind the descriptor and then run by the kernel.
void request_of_file(Call& call, unsigned request, Object& object);

}  // namespace warder::supervisor::files
