// The table behind groups.h: every x86-64 system call with its number, in the order of the numbers.
#pragma once

#include <span>
#include <string_view>

namespace warder::policy {

struct NumberedName {
  int number = 0;
  std::string_view name;
};
[[nodiscard]] std::span<const NumberedName> numbered_names();

}  // namespace warder::policy
