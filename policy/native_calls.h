// The system calls that warder never looks at, and why each kind may be so. Pure data.
#pragma once

#include <span>
#include <string_view>

namespace warder::policy {

struct NativeCalls {
  std::string_view reason;
  std::string_view names;  ///< separated by single spaces
};

[[nodiscard]] std::span<const NativeCalls> native_calls();

}  // namespace warder::policy
