// The pattern of an abstract socket name as tokens for the compiled form. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "policy/core/compiled_format.h"

namespace warder::policy {

/// The tokens of a faultless pattern without braces.
[[nodiscard]] std::vector<format::NameToken> name_tokens(std::string_view pattern);

/// Reads the class that opens with '[' at `at` and leaves `at` behind it. A class never holds '/'.
[[nodiscard]] format::ByteClass read_class(std::string_view pattern, std::size_t& at);

}  // namespace warder::policy
