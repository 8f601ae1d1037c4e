// What PID 1 decides by, out of its own reach. Before the first thread; no privileges.
#pragma once

#include <cstddef>
#include <span>

#include "linux/result.h"

namespace warder::supervisor {

/// A copy of these bytes, aligned to a page, that stays for the life of the process and that nothing in it can change any more:
/// mapped read-only, and since Linux 6.10 (mseal(2)) so that the mapping can be neither made writable nor replaced.
Result<std::span<const std::byte>> keep_read_only(std::span<const std::byte> bytes);

}  // namespace warder::supervisor
