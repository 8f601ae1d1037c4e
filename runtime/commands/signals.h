// Names of signals. No system calls.
#pragma once

#include <optional>
#include <string_view>

namespace warder::runtime {

/// "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3", "SIGRTMAX-1": the number, 0 (only look whether it is there) to 64. Nothing for
/// anything else.
[[nodiscard]] std::optional<int> parse_signal(std::string_view word);

}  // namespace warder::runtime
