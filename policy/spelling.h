// Suggestions for misspelt words of a profile. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace warder::policy {

/// The word of `accepted` that `word` most probably was meant to be, or "" where none is near (about a third of the letters
/// wrong).
[[nodiscard]] std::string_view nearest_word(std::string_view word, std::span<const std::string_view> accepted);
/// "unknown WHAT 'word'; accepted: a, b, c; did you mean 'b'?"
[[nodiscard]] std::string unknown_word(std::string_view what, std::string_view word, std::span<const std::string_view> accepted);

}  // namespace warder::policy
