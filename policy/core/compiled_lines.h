// The lines of a compiled profile that may decide something. Pure.
#pragma once

#include <vector>

#include "policy/core/compiled.h"

namespace warder::policy {

/// Where the entries of `paths`, `connect` and `bind` stand, each once, by file and line. The text belongs to the block.
[[nodiscard]] std::vector<Origin> lines_of(const Compiled& policy);

}  // namespace warder::policy
