// Directories of what can always be made again: below the state root, their owner's alone. The host process of a command.
#pragma once

#include <string>

#include "linux/fd.h"

namespace warder::runtime {

/// Opens the directory, which is made where it is absent. Invalid where it is not ours alone, or cannot be made: go without it.
[[nodiscard]] Fd open_cache_directory(const std::string& path);

/// Removes the oldest files until at most this many are left. Best effort.
void limit_cache_directory(BorrowedFd directory, std::size_t most);

}  // namespace warder::runtime
