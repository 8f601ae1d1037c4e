#include "policy/decide.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

#include "policy/groups.h"
#include "policy/hardening.h"
#include "policy/pattern.h"
#include "policy/pattern_sets.h"

namespace warder::policy {
namespace {

Origin origin_of(const Source& source) { return {source.file ? std::string_view(*source.file) : "builtin", source.line}; }

Verdict allowed_by(const Source& source) {
  Verdict verdict;
  verdict.allowed = true;
  verdict.origin = origin_of(source);
  return verdict;
}

/// A refusal in the profile's mode: in audit and learn mode only `would_refuse` is left of it.
Verdict refused_by(const Profile& profile, const Source& source, int error) {
  Verdict verdict;
  verdict.would_refuse = true;
  verdict.allowed = profile.mode != Mode::enforce;
  verdict.error = error;
  verdict.action = profile.on_deny.action;
  verdict.origin = origin_of(source);
  return verdict;
}

/// Asks the ceiling first; what it refuses stays refused, what it would refuse or audits stays visible.
template <class Decide>
Verdict under_ceiling(const Profile& profile, const Decide& decide_one) {
  if (!profile.ceiling) return decide_one(profile);
  const Verdict above = under_ceiling(*profile.ceiling, decide_one);
  if (!above.allowed) return above;
  Verdict own = decide_one(profile);
  if (own.allowed && !own.would_refuse && above.would_refuse) {
    own = above;
  } else {
    own.audited = own.allowed && (own.audited || above.audited);
  }
  return own;
}

/// The brace-free patterns of an entry; one that hides also covers what is below.
std::vector<std::string> patterns_of(const PathEntry& entry) {
  std::vector<std::string> patterns = expand_braces(entry.pattern);
  if (entry.hide) {
    const std::size_t written = patterns.size();
    for (std::size_t i = 0; i < written; ++i) {
      if (!patterns[i].ends_with("/**")) patterns.push_back(patterns[i] == "/" ? "/**" : patterns[i] + "/**");
    }
  }
  return patterns;
}

using Positions = std::vector<std::vector<PatternPosition>>;  // of each entry, of each of its patterns

Positions begin_positions(const std::vector<PathEntry>& entries) {
  Positions positions;
  for (const auto& entry : entries) {
    auto& list = positions.emplace_back();
    for (const auto& pattern : patterns_of(entry)) list.emplace_back(pattern);
  }
  return positions;
}

void feed(Positions& positions, std::string_view bytes) {
  for (auto& list : positions) {
    for (auto& position : list) {
      for (const char byte : bytes) position.feed(byte);
    }
  }
}

/// The meaning of an ordered list: the last entry that matches decides.
PathRights rights_at(const std::vector<PathEntry>& entries, const Positions& positions) {
  PathRights found;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto matches = [](const PatternPosition& position) { return position.matches(); };
    const auto matches_the_name = [](const PatternPosition& position) { return position.matches() && !position.top_only(); };
    if (std::any_of(positions[i].begin(), positions[i].end(), matches)) found.entry = &entries[i];
    if (std::any_of(positions[i].begin(), positions[i].end(), matches_the_name)) found.name_entry = &entries[i];
  }
  if (found.entry != nullptr) {
    found.allow = found.entry->allow.without(rights_of_the_name);
    found.audit = found.entry->audit.without(rights_of_the_name);
    found.hidden = found.entry->hide;
  }
  if (found.name_entry != nullptr) {
    found.allow = found.allow | (found.name_entry->allow & rights_of_the_name);
    found.audit = found.audit | (found.name_entry->audit & rights_of_the_name);
  }
  if (found.hidden) found.allow = found.audit = Rights();
  return found;
}

Verdict path_verdict(const Profile& profile, std::string_view canonical, Rights wanted) {
  if (!profile.paths) return allowed_by(profile.paths_source);
  const PathRights rights = path_rights(profile, canonical);
  if (rights.hidden) {
    const bool makes = wanted.any(rights_to_make);
    Verdict verdict = refused_by(profile, rights.entry->source, makes ? EACCES : ENOENT);
    if (!makes) verdict.action = DenyAction::refuse;
    verdict.hidden = !makes && !verdict.allowed;
    return verdict;
  }
  if (!rights.allow.covers(wanted)) {
    const bool only_the_name = rights.allow.covers(wanted.without(rights_of_the_name));
    const PathEntry* entry = only_the_name ? rights.name_entry : rights.entry;
    const int fallback = profile.on_deny.error.value_or(EACCES);
    if (entry == nullptr) return refused_by(profile, profile.paths_source, fallback);
    return refused_by(profile, entry->source, entry->error.value_or(fallback));
  }
  Verdict verdict = allowed_by(rights.entry != nullptr ? rights.entry->source : profile.paths_source);
  verdict.audited = rights.audit.any(wanted);
  return verdict;
}

// Walks all suffixes at once: pairs of matcher states, each visited once.
Verdict move_verdict(const Profile& profile, std::string_view from, std::string_view to) {
  if (!profile.paths) return allowed_by(profile.paths_source);
  const auto& entries = *profile.paths;
  std::vector<std::string> patterns;
  for (const auto& entry : entries) patterns.push_back(entry.pattern);
  const std::string alphabet = telling_bytes(patterns);
  using Pair = std::pair<Positions, Positions>;
  Pair start{begin_positions(entries), begin_positions(entries)};
  feed(start.first, from == "/" ? "" : from);
  feed(start.second, to == "/" ? "" : to);
  feed(start.first, "/");
  feed(start.second, "/");
  std::set<std::pair<Pair, bool>> seen{{start, true}};  // the flag: the last byte was a slash
  std::vector<std::pair<Pair, bool>> open{{start, true}};
  constexpr std::size_t most_states = 20000;  // beyond, refusing is the safe answer
  while (!open.empty()) {
    const auto [pair, after_slash] = std::move(open.back());
    open.pop_back();
    if (!after_slash) {
      const PathRights before = rights_at(entries, pair.first);
      const PathRights after = rights_at(entries, pair.second);
      if (!before.allow.covers(after.allow) || (before.hidden && !after.hidden) || seen.size() > most_states) {
        const PathEntry* entry = before.entry != nullptr ? before.entry : after.entry;
        Verdict verdict = refused_by(profile, entry != nullptr ? entry->source : profile.paths_source, EXDEV);
        verdict.action = DenyAction::refuse;
        return verdict;
      }
    }
    for (const char byte : alphabet) {
      if (byte == '/' && after_slash) continue;
      std::pair<Pair, bool> next{pair, byte == '/'};
      feed(next.first.first, std::string_view(&byte, 1));
      feed(next.first.second, std::string_view(&byte, 1));
      if (seen.insert(next).second) open.push_back(std::move(next));
    }
  }
  return allowed_by(profile.paths_source);
}

bool same_prefix(const std::array<std::uint8_t, 16>& a, const std::array<std::uint8_t, 16>& b, unsigned bits) {
  for (unsigned bit = 0; bit < bits; ++bit) {
    if (((a[bit / 8] ^ b[bit / 8]) >> (7 - bit % 8) & 1U) != 0) return false;
  }
  return true;
}

bool rule_matches(const AddressRule& rule, const Endpoint& endpoint) {
  if (rule.transport != endpoint.transport) return false;
  switch (rule.transport) {
    case Transport::unix_path:
      return match_path(rule.name, endpoint.name) != Match::no;
    case Transport::unix_abstract:
      return match_name(rule.name, endpoint.name);
    case Transport::tcp:
    case Transport::udp:
      break;
    case Transport::other:
      return false;
  }
  if (endpoint.port < rule.port_low || endpoint.port > rule.port_high) return false;
  if (!rule.name.empty()) return std::ranges::find(endpoint.hosts, rule.name) != endpoint.hosts.end();
  return rule.any_address || (rule.ipv6 == endpoint.ipv6 && same_prefix(rule.address, endpoint.address, rule.prefix));
}

Verdict address_verdict(const Profile& profile, NetOperation operation, const Endpoint& endpoint) {
  const bool outgoing = operation == NetOperation::connect || operation == NetOperation::send;
  const auto& rules = outgoing ? profile.network.connect : profile.network.bind;
  const Source& section = outgoing ? profile.network.connect_source : profile.network.bind_source;
  if (!rules || (endpoint.transport == Transport::other && endpoint.family == AF_NETLINK)) return allowed_by(section);
  const AddressRule* deciding = nullptr;
  for (const auto& rule : *rules) {
    if (rule_matches(rule, endpoint)) deciding = &rule;
  }
  if (deciding != nullptr && deciding->allow) return allowed_by(deciding->source);
  return refused_by(profile, deciding != nullptr ? deciding->source : section, profile.on_deny.error.value_or(EACCES));
}

bool names_host(const AddressRule& rule) {
  return (rule.transport == Transport::tcp || rule.transport == Transport::udp) && !rule.name.empty();
}

Verdict question_verdict(const Profile& profile, const Endpoint& endpoint) {
  const AddressRule* naming = nullptr;
  if (profile.network.connect) {
    for (const auto& rule : *profile.network.connect) {
      if (names_host(rule) && std::ranges::find(endpoint.hosts, rule.name) != endpoint.hosts.end()) naming = &rule;
    }
  }
  if (naming == nullptr) return address_verdict(profile, NetOperation::send, endpoint);
  if (naming->allow) return allowed_by(naming->source);
  return refused_by(profile, naming->source, profile.on_deny.error.value_or(EACCES));
}

Verdict refused_by_hardening(const Profile& profile, int error) {
  Verdict verdict = refused_by(profile, Source{}, error);
  verdict.allowed = false;  // in every mode: see hardening.h
  verdict.action = DenyAction::refuse;
  return verdict;
}

/// The last rule of `syscalls` that names the number, or null.
const SyscallRule* deciding_rule(const Profile& profile, int number) {
  const SyscallRule* deciding = nullptr;
  for (const auto& rule : profile.syscalls) {
    if (std::find(rule.numbers.begin(), rule.numbers.end(), number) != rule.numbers.end()) deciding = &rule;
  }
  return deciding;
}

/// Families that no namespace divides, and, where addresses decide, those whose peers have no such address.
bool hardening_refuses_family(const Profile& profile, int family) {
  const SyscallRule* given = deciding_rule(profile, syscall_number("socket").value_or(-1));
  if (!profile.hardening || (given != nullptr && given->allow)) return false;
  if (family == AF_ALG || family == AF_VSOCK) return true;
  const bool has_address = family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK;
  return (profile.network.connect || profile.network.bind) && !profile.network.families && !has_address;
}

Verdict family_verdict(const Profile& profile, int family) {
  const auto& families = profile.network.families;
  const Source& source = profile.network.families_source;
  if (hardening_refuses_family(profile, family)) return refused_by_hardening(profile, EAFNOSUPPORT);
  if (!families || std::find(families->begin(), families->end(), family) != families->end()) return allowed_by(source);
  return refused_by(profile, source, EAFNOSUPPORT);
}

Verdict syscall_verdict(const Profile& profile, int number) {
  const SyscallRule* deciding = deciding_rule(profile, number);
  if (deciding != nullptr && deciding->allow) return allowed_by(deciding->source);
  if (deciding != nullptr) return refused_by(profile, deciding->source, profile.on_deny.error.value_or(EPERM));
  for (const auto& rule : hardening_rules()) {
    if (rule.condition != HardeningCondition::any || syscall_number(rule.call) != number) continue;
    if (!hardening_applies(rule, profile)) continue;
    return refused_by_hardening(profile, rule.error);
  }
  return allowed_by(Source{});
}

}  // namespace

PathRights path_rights(const Profile& profile, std::string_view canonical) {
  PathRights rights;
  if (!profile.paths) {
    rights.allow = rights_all;
    return rights;
  }
  Positions positions = begin_positions(*profile.paths);
  feed(positions, canonical == "/" ? "" : canonical);
  return rights_at(*profile.paths, positions);
}

Verdict decide_path(const Profile& profile, std::string_view canonical, Rights wanted) {
  return under_ceiling(profile, [&](const Profile& one) { return path_verdict(one, canonical, wanted); });
}
Verdict decide_file_move(const Profile& profile, std::string_view from, std::string_view to, Right right) {
  for (const auto name : {from, to}) {
    const Verdict verdict = decide_path(profile, name, right);
    if (!verdict.allowed || verdict.would_refuse) return verdict;
  }
  for (const Right gained : {Right::read, Right::write, Right::exec, Right::truncate, Right::chmod, Right::chown, Right::xattr,
                             Right::utime, Right::watch, Right::ioctl}) {
    Verdict verdict = decide_path(profile, from, gained);
    if (!verdict.would_refuse || decide_path(profile, to, gained).would_refuse) continue;
    verdict.error = EXDEV;
    verdict.hidden = false;
    verdict.action = DenyAction::refuse;
    return verdict;
  }
  return decide_path(profile, to, right);
}
Verdict decide_move(const Profile& profile, std::string_view from, std::string_view to) {
  return under_ceiling(profile, [&](const Profile& one) { return move_verdict(one, from, to); });
}
Verdict decide_address(const Profile& profile, NetOperation operation, const Endpoint& endpoint) {
  return under_ceiling(profile, [&](const Profile& one) { return address_verdict(one, operation, endpoint); });
}
Verdict decide_question(const Profile& profile, const Endpoint& endpoint) {
  return under_ceiling(profile, [&](const Profile& one) { return question_verdict(one, endpoint); });
}
Verdict decide_family(const Profile& profile, int address_family) {
  return under_ceiling(profile, [&](const Profile& one) { return family_verdict(one, address_family); });
}
Verdict decide_syscall(const Profile& profile, int number) {
  return under_ceiling(profile, [&](const Profile& one) { return syscall_verdict(one, number); });
}

}  // namespace warder::policy
