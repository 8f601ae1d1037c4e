#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "policy/call_draft.h"
#include "policy/groups.h"
#include "policy/hardening.h"
#include "policy/path_calls.h"

namespace warder::policy {
namespace {

/// Rare calls without a handler of their own, which `live: true` hands over for a later profile to deny. Not those that every
/// program makes all the time, nor those with which a process becomes the workload.
bool may_be_denied_later(int number) {
  static const std::vector<int> numbers = [] {
    std::vector<int> all;
    for (const char* group : {"@clock", "@cpu-emulation", "@debug", "@keyring", "@module", "@mount", "@obsolete", "@pkey",
                              "@raw-io", "@reboot", "@swap", "@io-uring", "@aio"}) {
      const auto some = syscalls_of(group);
      if (some) all.insert(all.end(), some->begin(), some->end());
    }
    for (const auto& call : path_calls()) std::erase(all, syscall_number(call.call).value_or(-1));
    return all;
  }();
  return std::ranges::find(numbers, number) != numbers.end();
}

/// Nobody refuses it yet: the supervisor is asked so that a later profile may.
void hand_over(CallDraft& draft, int number) {
  const auto live = std::ranges::find_if(draft.chain, &Profile::live);
  const auto place = static_cast<std::size_t>(live - draft.chain.begin());
  const Source source = (*live)->layers.empty() ? Source{} : (*live)->layers.back().source;
  draft.lowered.refusals[place].push_back({number, 0, DenyAction::refuse, false, source});
  draft.add(number, {}, FilterAction::notify);
  draft.report(number, FilterAction::notify, 0, "", "live: true", source);
}

bool deny_whole(CallDraft& draft, std::size_t place, int number, bool settled) {
  const Profile& profile = *draft.chain[place];
  const SyscallRule& rule = *last_rule_of(profile, number);
  const int error = profile.on_deny.error.value_or(EPERM);
  draft.lowered.refusals[place].push_back({number, error, profile.on_deny.action, false, rule.source});
  if (settled) return true;
  FilterAction action = FilterAction::notify;
  if (profile.live) {
    // Every refusal is the supervisor's, so that it can be taken back.
  } else if (enforces(profile) && profile.audit == Audit::cheap && profile.on_deny.action == DenyAction::refuse) {
    action = FilterAction::error;
  } else if (enforces(profile) && profile.audit == Audit::cheap && profile.on_deny.action == DenyAction::kill) {
    action = FilterAction::kill;
  }
  draft.add(number, {}, action, error);
  draft.report(number, action, error, "", "syscalls: deny " + rule.word, rule.source);
  return true;
}

bool harden_whole(CallDraft& draft, std::size_t place, int number, bool settled) {
  const Profile& profile = *draft.chain[place];
  const std::string_view name = syscall_name(number);
  for (const auto& rule : hardening_rules()) {
    if (rule.condition != HardeningCondition::any || rule.call != name) continue;
    if (!hardening_applies(rule, profile)) continue;
    draft.lowered.refusals[place].push_back({number, rule.error, DenyAction::refuse, true, Source{}});
    if (settled) return true;
    // ENOSYS says that there is no such call; programs go another way, and a line for each try would only be noise.
    const bool silent = profile.audit == Audit::cheap || rule.error == ENOSYS;
    const FilterAction action = silent ? FilterAction::error : FilterAction::notify;
    draft.add(number, {}, action, rule.error);
    draft.report(number, action, rule.error, "", "hardening: " + std::string(rule.reason), Source{});
    return true;
  }
  return false;
}

}  // namespace

const SyscallRule* last_rule_of(const Profile& profile, int number) {
  const SyscallRule* found = nullptr;
  for (const auto& rule : profile.syscalls) {
    if (std::ranges::find(rule.numbers, number) != rule.numbers.end()) found = &rule;
  }
  return found;
}

// The first profile of the chain that refuses a number decides how; the others are asked by the supervisor where it decides.
void lower_whole_calls(CallDraft& draft) {
  for (int number = 0; number <= newest_syscall; ++number) {
    bool settled = false;
    for (std::size_t place = 0; place < draft.chain.size(); ++place) {
      const SyscallRule* said = last_rule_of(*draft.chain[place], number);
      if (said == nullptr)
        settled = harden_whole(draft, place, number, settled) || settled;
      else if (!said->allow)
        settled = deny_whole(draft, place, number, settled) || settled;
    }
    if (settled) draft.settled.push_back(number);
    if (!settled && draft.live && may_be_denied_later(number)) hand_over(draft, number);
  }
}

}  // namespace warder::policy
