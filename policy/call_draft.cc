#include "policy/call_draft.h"

#include "policy/groups.h"

namespace warder::policy {

CallDraft::CallDraft(const std::vector<const Profile*>& profiles)
    : chain(profiles), live(std::ranges::any_of(chain, &Profile::live)) {
  lowered.refusals.resize(chain.size());
  lowered.undivided.resize(chain.size());
  lowered.unaddressed.resize(chain.size());
}

void CallDraft::add(int number, std::vector<ArgumentTest> tests, FilterAction action, int error) {
  if (action == FilterAction::notify) lowered.needs_listener = true;
  lowered.rules.push_back({number, std::move(tests), action, static_cast<std::uint16_t>(error)});
}

void CallDraft::report(int number, FilterAction action, int error, std::string when, std::string reason, const Source& source) {
  lowered.reports.push_back({number, std::string(syscall_name(number)),
                             action == FilterAction::notify ? Enforcer::notify : Enforcer::bpf, std::move(when),
                             std::move(reason), action == FilterAction::error ? error : 0, source});
}

bool CallDraft::is_handed_over(int number) const {
  return std::ranges::any_of(lowered.rules, [&](const FilterRule& rule) {
    return rule.number == number && rule.tests.empty() && rule.action == FilterAction::notify;
  });
}

}  // namespace warder::policy
