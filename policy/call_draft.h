// What lowering has said so far about the system calls of a chain of profiles; internal to policy/*_lowering.cc. Each of the
// functions below adds what one part of the language needs. They are called in the order in which they stand here: a number that
// is refused as a whole needs no other rule, and of the rules of one number the first that fits decides.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "policy/call_lowering.h"

namespace warder::policy {

constexpr std::uint64_t mask_of_int = 0xffffffff;  ///< of an argument that the kernel reads as 32 bits

struct CallDraft {
  /// The chain must live as long as the draft.
  explicit CallDraft(const std::vector<const Profile*>& profiles);

  void add(int number, std::vector<ArgumentTest> tests, FilterAction action, int error = 0);
  void report(int number, FilterAction action, int error, std::string when, std::string reason, const Source& source);
  /// Is `number` refused as a whole?
  [[nodiscard]] bool is_settled(int number) const { return std::ranges::find(settled, number) != settled.end(); }
  /// Is every call of `number` handed to the supervisor?
  [[nodiscard]] bool is_handed_over(int number) const;

  const std::vector<const Profile*>& chain;
  CallLowering lowered;
  bool live = false;         ///< a profile of the chain has `live: true`
  std::vector<int> settled;  ///< numbers that are refused as a whole
};

/// `syscalls`, and the calls that `hardening` refuses whatever their arguments are.
void lower_whole_calls(CallDraft& draft);
/// What `hardening` refuses by arguments.
void lower_hardening(CallDraft& draft);
/// `network: families`.
void lower_families(CallDraft& draft);
/// `network: connect` and `bind`, as far as they are not enforced in the cgroup.
void lower_addresses(CallDraft& draft, const GuardableSections& guarded);

/// What a profile says about a number as a whole: the last line that names it, nullptr if none does.
[[nodiscard]] const SyscallRule* last_rule_of(const Profile& profile, int number);

inline bool enforces(const Profile& profile) { return profile.mode == Mode::enforce; }
inline bool learns(const Profile& profile) { return profile.mode == Mode::learn; }

}  // namespace warder::policy
