// Capabilities by name, up to CAP_CHECKPOINT_RESTORE (Linux 5.9). Pure data.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace warder::policy {

/// In the order of their numbers, without "CAP_".
[[nodiscard]] std::span<const std::string_view> capability_names();
/// The number of "CHOWN" or "CAP_CHOWN", or nothing.
[[nodiscard]] std::optional<int> capability_number(std::string_view name);

}  // namespace warder::policy
