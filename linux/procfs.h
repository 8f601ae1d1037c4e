// Small readers of procfs below a descriptor of its root, so that no mount of the workload can stand in for it. Any process.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "linux/fd.h"

namespace warder::kernel {

/// Opens PROCFS/ID/NAME with O_CLOEXEC. An invalid Fd with errno set where that fails.
Fd open_process_file(BorrowedFd procfs, pid_t id, std::string_view name, int flags);

/// Reads a whole generated file into a buffer, from its start: the size, or -errno. The text is cut where the buffer ends.
ssize_t read_afresh(BorrowedFd file, char* buffer, std::size_t size);

/// Cuts the next line off `text` (without its newline). False at the end.
bool next_line(std::string_view& text, std::string_view& line);
/// Cuts the next word off `line`; words are separated by blanks. Empty at the end.
std::string_view next_word(std::string_view& line);
/// A number without sign in base 8, 10 or 16, whole word; anything else is 0.
std::uint64_t number(std::string_view word, unsigned base = 10);

}  // namespace warder::kernel
