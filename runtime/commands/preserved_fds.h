// --preserve-fds. The host process of `create`, `run` and `exec`.
#pragma once

#include <cstdint>

#include "linux/result.h"

namespace warder::runtime {

/// An error where one of the descriptors 3 to 3+count-1 is not open: the workload would get something else under its number.
/// Call it before anything is opened.
Result<void> check_preserved_fds(std::uint32_t count);

}  // namespace warder::runtime
