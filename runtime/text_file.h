// Whole text files of the host: config.json, state.json, pid files. The host process of a command; never a path of a container.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::runtime {

/// A config.json with every field filled is far smaller.
inline constexpr std::size_t largest_text_file = std::size_t{16} << 20U;

/// Reads a file below `directory` (AT_FDCWD for a path of the caller). EFBIG beyond largest_text_file. Opens FIFOs and devices
/// too: `--process /dev/stdin` is common.
Result<std::string> read_text_file(BorrowedFd directory, const std::string& path);
/// The rest of an open descriptor.
Result<std::string> read_text(BorrowedFd file);

/// Creates or replaces: written beside it and renamed over it, so that a reader never sees half of it.
Result<void> replace_text_file(BorrowedFd directory, const std::string& path, std::string_view text, mode_t mode);

}  // namespace warder::runtime
