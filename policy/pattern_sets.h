// Patterns compared as sets of paths: for the override rule and the lints. Pure and exact, at the price of walking the product
// of their automata; not for hot paths.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace warder::policy {

/// Does a path exist that both (faultless, braces allowed) patterns match?
[[nodiscard]] bool patterns_overlap(std::string_view a, std::string_view b);
/// Is every path that `pattern` matches also matched by one of `others`? Says no where the answer would take too long.
[[nodiscard]] bool patterns_cover(std::span<const std::string> others, std::string_view pattern);
/// Bytes of which every byte that some pattern tells from others has a representative: all that are written and their neighbours.
[[nodiscard]] std::string telling_bytes(std::span<const std::string> patterns);

}  // namespace warder::policy
