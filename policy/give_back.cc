#include "policy/give_back.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "policy/address_sets.h"
#include "policy/groups.h"
#include "policy/pattern.h"
#include "policy/pattern_sets.h"

namespace warder::policy {
namespace {

bool covers(const PathEntry& entry, const std::string& pattern) { return patterns_cover(std::span(&entry.pattern, 1), pattern); }

/// What the entry at `index` took from the entries before it, about one of its alternatives.
struct Taken {
  Rights rights;
  bool visibility = false;
};
Taken taken_by(const std::vector<PathEntry>& entries, std::size_t index, const std::string& alternative) {
  Taken taken;
  for (std::size_t i = 0; i < index; ++i) {
    if (!patterns_overlap(entries[i].pattern, alternative)) continue;
    taken.rights = taken.rights | entries[i].allow.without(entries[index].allow);
    taken.visibility = taken.visibility || (entries[index].hide && !entries[i].hide);
  }
  return taken;
}

/// Does some later entry decide the whole alternative anew, so that the entry at `index` says nothing about it?
bool decided_later(const std::vector<PathEntry>& entries, std::size_t index, std::size_t end, const std::string& alternative,
                   Rights at_most, bool must_hide) {
  for (std::size_t i = index + 1; i < end; ++i) {
    const bool as_strict = at_most.covers(entries[i].allow) && (!must_hide || entries[i].hide);
    if (as_strict && covers(entries[i], alternative)) return true;
  }
  return false;
}

std::string given_back_text(const PathEntry& upper, const PathEntry& lower, Rights rights) {
  const std::string what = rights.empty() ? "the sight of" : fmt::format("'{}' on", rights_text(rights));
  return fmt::format("gives back {} '{}', which a lower layer took away ({}); accepted: \"{}\": {{allow: …, override: true}}",
                     what, lower.pattern, give_back_place(lower.source), upper.pattern);
}

// What is asked first is cheap; what takes a walk over automata is asked only about a pair that could offend.
void check_alternative(const std::vector<PathEntry>& entries, std::size_t lower, std::size_t first_upper,
                       const std::string& alternative, std::vector<Finding>& findings) {
  const PathEntry& strict = entries[lower];
  std::optional<Taken> taken;
  for (std::size_t i = first_upper; i < entries.size(); ++i) {
    const PathEntry& upper = entries[i];
    const bool gives_nothing = strict.allow.covers(upper.allow) && (upper.hide || !strict.hide);
    if (gives_nothing || !patterns_overlap(upper.pattern, alternative)) continue;
    const bool all_of_it = covers(upper, alternative);
    if (upper.override_lower && all_of_it) return;
    if (upper.override_lower) continue;
    if (!taken) {
      if (decided_later(entries, lower, first_upper, alternative, rights_all, false)) return;  // says nothing itself
      taken = taken_by(entries, lower, alternative);
    }
    const Rights given = all_of_it ? upper.allow.without(strict.allow) : upper.allow & taken->rights;
    const bool shown = !upper.hide && (all_of_it ? strict.hide : taken->visibility);
    if (given.empty() && !shown) continue;
    if (decided_later(entries, i, entries.size(), alternative, strict.allow, strict.hide)) continue;
    findings.push_back({upper.source, given_back_text(upper, strict, given), false});
  }
}

/// The last rule of `rules` that names the call, or null.
const SyscallRule* deciding(const std::vector<SyscallRule>& rules, int number) {
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    if (std::binary_search(rule->numbers.begin(), rule->numbers.end(), number)) return &*rule;
  }
  return nullptr;
}

}  // namespace

std::string give_back_place(const Source& source) {
  return (source.file ? *source.file : std::string("builtin")) + ":" + std::to_string(source.line);
}

void find_paths_given_back(const Profile& profile, std::vector<Finding>& findings) {
  if (!profile.paths || profile.layers.size() < 2) return;
  const auto& entries = *profile.paths;
  for (std::size_t lower = 0; lower < entries.size(); ++lower) {
    const auto first_upper =
        static_cast<std::size_t>(std::find_if(entries.begin() + static_cast<std::ptrdiff_t>(lower), entries.end(),
                                              [&](const PathEntry& entry) { return entry.layer > entries[lower].layer; }) -
                                 entries.begin());
    if (first_upper == entries.size()) return;
    for (const auto& alternative : expand_braces(entries[lower].pattern)) {
      check_alternative(entries, lower, first_upper, alternative, findings);
    }
  }
}

void find_addresses_given_back(const std::optional<std::vector<AddressRule>>& rules, std::vector<Finding>& findings) {
  if (!rules) return;
  for (std::size_t lower = 0; lower < rules->size(); ++lower) {
    const AddressRule& denied = (*rules)[lower];
    if (denied.allow) continue;
    for (std::size_t i = lower + 1; i < rules->size(); ++i) {
      const AddressRule& upper = (*rules)[i];
      if (!upper.allow || upper.layer <= denied.layer || upper.override_lower || !addresses_overlap(upper, denied)) continue;
      const bool denied_again =
          std::any_of(rules->begin() + static_cast<std::ptrdiff_t>(i), rules->end(),
                      [&](const AddressRule& later) { return !later.allow && address_covers(later, denied); });
      if (denied_again) continue;
      findings.push_back({upper.source,
                          "gives back '" + denied.text.substr(denied.text.starts_with('!') ? 1 : 0) +
                              "', which a lower layer took away (" + give_back_place(denied.source) +
                              "); accepted: deny it again below, or \"" + upper.text + "\": {verdict: allow, override: true}",
                          false});
    }
  }
}

void find_calls_given_back(const std::vector<SyscallRule>& lower, const std::vector<SyscallRule>& upper,
                           std::vector<Finding>& findings) {
  for (const auto& rule : upper) {
    if (!rule.allow) continue;
    for (const int number : rule.numbers) {
      const SyscallRule* denied = deciding(lower, number);
      if (denied == nullptr || denied->allow || deciding(upper, number) != &rule) continue;
      findings.push_back({rule.source,
                          "gives back the system call '" + std::string(syscall_name(number)) +
                              "', which a lower layer took away (" + give_back_place(denied->source) +
                              "); accepted: override: true in syscalls",
                          false});
      break;
    }
  }
}

}  // namespace warder::policy
