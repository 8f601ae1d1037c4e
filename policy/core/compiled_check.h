// The one look at a compiled block that makes all later ones safe. Pure; reads every byte once at most.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "policy/core/compiled_format.h"

namespace warder::policy {

/// What is wrong with the block, or nullptr: header, alignment, every range inside the block, every index inside its table, the
/// trie's nodes in depth-first order.
[[nodiscard]] const char* block_fault(std::span<const std::byte> block);

}  // namespace warder::policy
