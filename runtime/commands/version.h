// What this build is. No system calls.
#pragma once

#include <string>
#include <string_view>

namespace warder::runtime {

[[nodiscard]] std::string_view warder_version();
/// The commit that was built, "unknown" outside a git tree.
[[nodiscard]] std::string_view warder_commit();
inline constexpr std::string_view spec_version = "1.3.0";
inline constexpr std::string_view oldest_spec_version = "1.0.0";

[[nodiscard]] std::string version_text();

}  // namespace warder::runtime
