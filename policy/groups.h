// System calls by name and by group, for x86-64. Pure data: no libseccomp, no kernel headers newer than the build machine's.
//
// The groups have systemd's names and contents (systemd.exec(5), SystemCallFilter=), without the calls that x86-64 does not
// have. `@strict` is warder's own: what the built-in hardening set leaves open because ordinary images use it.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace warder::policy {

/// The highest number that warder knows by name (Linux 6.19). What is above is answered ENOSYS.
inline constexpr int newest_syscall = 470;

struct SyscallGroup {
  std::string_view name;                       ///< "@mount"
  std::string_view about;                      ///< one line for `warder profile groups`
  std::span<const std::string_view> contents;  ///< names of calls and of other groups
};

/// All groups, sorted by name.
[[nodiscard]] std::span<const SyscallGroup> syscall_groups();
/// The number of a call, or nothing where x86-64 has none of this name.
[[nodiscard]] std::optional<int> syscall_number(std::string_view name);
/// The name of a number, or "" where it has none.
[[nodiscard]] std::string_view syscall_name(int number);
/// The numbers that "@group" or "name" stands for, sorted, each once; nothing for an unknown word.
[[nodiscard]] std::optional<std::vector<int>> syscalls_of(std::string_view word);

}  // namespace warder::policy
