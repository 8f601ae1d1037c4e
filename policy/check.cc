#include "policy/check.h"

#include <sys/socket.h>

#include <algorithm>

#include "policy/address_sets.h"
#include "policy/decide.h"
#include "policy/pattern.h"
#include "policy/pattern_sets.h"

namespace warder::policy {
namespace {

std::string line_of(const Source& source) { return "line " + std::to_string(source.line); }

void lint(std::vector<Finding>& findings, const Source& source, std::string text) {
  findings.push_back({source, std::move(text), true});
}

/// An entry that the later entries of its own file cover can never decide. (Covering a lower layer is what layers are for.)
void lint_dead_paths(const std::vector<PathEntry>& entries, std::vector<Finding>& findings) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    std::vector<std::string> later;
    const PathEntry* last = nullptr;
    for (std::size_t j = i + 1; j < entries.size() && entries[j].layer == entries[i].layer; ++j) {
      later.push_back(entries[j].pattern);
      if (last == nullptr && patterns_overlap(entries[j].pattern, entries[i].pattern)) last = &entries[j];
    }
    if (last != nullptr && patterns_cover(later, entries[i].pattern)) {
      lint(findings, entries[i].source,
           "'" + entries[i].pattern + "' never decides: what it matches is decided from " + line_of(last->source) +
               " on; the last match counts, so put the general entry first");
    }
  }
}

void lint_paths(const Profile& profile, std::vector<Finding>& findings) {
  if (!profile.paths) return;
  if (profile.paths->empty()) lint(findings, profile.paths_source, "paths has no entry: every path is refused");
  lint_dead_paths(*profile.paths, findings);
  for (const auto& entry : *profile.paths) {
    if (entry.pattern == "/**" && entry.allow.covers(rights_rw)) {
      lint(findings, entry.source, "'/**' may be written: name the trees that the workload writes, and give '/**' rx");
    }
    if (entry.allow.any(Rights(Right::mkdev)) && match_path(entry.pattern, "/") == Match::top_only) {
      lint(findings, entry.source, "'" + entry.pattern + "' may make device nodes everywhere; name the directory");
    }
  }
  if (const PathRights root = path_rights(profile, "/"); root.hidden) {
    lint(findings, root.entry->source, "'/' itself is hidden: most programs need to see it; add \"/\": ro behind");
  }
}

void lint_addresses(const std::optional<std::vector<AddressRule>>& rules, const Source& section, std::string_view what,
                    std::vector<Finding>& findings) {
  if (!rules) return;
  if (rules->empty()) lint(findings, section, std::string(what) + " has no entry: every address is refused");
  bool any_allowed = false;
  for (std::size_t i = 0; i < rules->size(); ++i) {
    const AddressRule& rule = (*rules)[i];
    if (!rule.allow && !any_allowed) {
      lint(findings, rule.source, "'" + rule.text + "' denies what nothing before it allows; the last match counts");
    }
    any_allowed = any_allowed || rule.allow;
    const auto dead =
        std::find_if(rules->begin() + static_cast<std::ptrdiff_t>(i) + 1, rules->end(), [&](const AddressRule& later) {
          return later.layer == rule.layer && later.source.line != rule.source.line && address_covers(later, rule);
        });
    if (dead != rules->end()) {
      lint(findings, rule.source, "'" + rule.text + "' never decides: " + line_of(dead->source) + " covers it");
    }
  }
}

void lint_syscalls(const std::vector<SyscallRule>& rules, std::vector<Finding>& findings) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    for (std::size_t j = i + 1; j < rules.size(); ++j) {
      const bool contradict =
          rules[i].layer == rules[j].layer && rules[i].word == rules[j].word && rules[i].allow != rules[j].allow;
      if (contradict) lint(findings, rules[i].source, "'" + rules[i].word + "' is both allowed and denied; it is denied");
    }
  }
}

/// The families in which a rule can be about a socket.
std::vector<int> families_of(const AddressRule& rule) {
  if (rule.transport == Transport::unix_path || rule.transport == Transport::unix_abstract) return {AF_UNIX};
  if (rule.any_address || !rule.name.empty()) return {AF_INET, AF_INET6};
  // An IPv6 socket reaches IPv4 addresses too.
  return rule.ipv6 ? std::vector{AF_INET6} : std::vector{AF_INET, AF_INET6};
}

void lint_unreachable(const std::optional<std::vector<AddressRule>>& rules, const Network& network,
                      std::vector<Finding>& findings) {
  if (!rules || !network.families) return;
  const auto listed = [&](int family) { return std::ranges::find(*network.families, family) != network.families->end(); };
  for (const auto& rule : *rules) {
    if (!rule.allow || std::ranges::any_of(families_of(rule), listed)) continue;
    lint(findings, rule.source,
         "'" + rule.text + "' is out of reach: families (" + line_of(network.families_source) +
             ") lists none in which such a socket could be made");
  }
}

/// Settings of which one leaves the other nothing to do.
void lint_combinations(const Profile& profile, std::vector<Finding>& findings) {
  const Source whole = profile.layers.empty() ? Source{} : profile.layers.back().source;
  if (profile.live && profile.audit == Audit::cheap) {
    lint(findings, whole, "audit: cheap does nothing beside live: true, which hands every call to the supervisor");
  }
  if (profile.mode != Mode::enforce && profile.on_deny.action != DenyAction::refuse) {
    lint(findings, profile.on_deny.source, "on-deny: the action is never taken, because the mode refuses nothing");
  }
  if (profile.mode == Mode::learn && profile.audit == Audit::cheap) {
    lint(findings, whole, "audit: cheap does nothing beside mode: learn, which records every use");
  }
}

}  // namespace

std::vector<Finding> lint_profile(const Profile& profile) {
  std::vector<Finding> findings;
  lint_combinations(profile, findings);
  lint_unreachable(profile.network.connect, profile.network, findings);
  lint_unreachable(profile.network.bind, profile.network, findings);
  lint_paths(profile, findings);
  lint_addresses(profile.network.connect, profile.network.connect_source, "connect", findings);
  lint_addresses(profile.network.bind, profile.network.bind_source, "bind", findings);
  lint_syscalls(profile.syscalls, findings);
  return findings;
}

}  // namespace warder::policy
