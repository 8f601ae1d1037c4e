#include "policy/compare.h"

#include <algorithm>
#include <array>
#include <deque>
#include <set>
#include <tuple>

#include "policy/address_text.h"
#include "policy/capability_names.h"
#include "policy/decide.h"
#include "policy/groups.h"
#include "policy/pattern.h"
#include "policy/pattern_sets.h"
#include "policy/request.h"

namespace warder::policy {
namespace {

/// Brace-free patterns of both profiles together: where they all stand is what a path can be told apart by.
std::vector<std::string> patterns_of(const Profile& before, const Profile& after) {
  std::vector<std::string> patterns;
  for (const Profile* profile : {&before, &after}) {
    if (!profile->paths) continue;
    for (const auto& entry : *profile->paths) {
      for (auto& one : expand_braces(entry.pattern)) {
        if (entry.hide && !one.ends_with("/**")) patterns.push_back(one == "/" ? "/**" : one + "/**");
        patterns.push_back(std::move(one));
      }
    }
  }
  std::ranges::sort(patterns);
  patterns.erase(std::unique(patterns.begin(), patterns.end()), patterns.end());
  return patterns;
}

struct TellingPaths {
  std::vector<std::string> paths;
  bool complete = true;
};

/// One path for every set of patterns that some path matches.
TellingPaths telling_paths(const std::vector<std::string>& patterns) {
  using State = std::vector<PatternPosition>;
  struct Step {
    State state;
    std::string path;
  };
  State start;
  for (const auto& pattern : patterns) start.emplace_back(pattern);
  std::vector<std::string> paths = {"/"};
  std::set<std::pair<State, bool>> seen{{start, false}};
  std::set<std::vector<std::pair<bool, bool>>> matched;
  std::deque<Step> open{{start, ""}};
  constexpr std::size_t most_states = 20000;
  const std::string alphabet = telling_bytes(patterns);
  while (!open.empty() && seen.size() < most_states) {
    const Step step = std::move(open.front());
    open.pop_front();
    const bool after_slash = step.path.ends_with('/');
    if (!step.path.empty() && !after_slash) {
      std::vector<std::pair<bool, bool>> matches;
      for (const auto& position : step.state) matches.emplace_back(position.matches(), position.top_only());
      if (matched.insert(matches).second) paths.push_back(step.path);
    }
    for (const char byte : alphabet) {
      if ((byte == '/' && after_slash) || (byte != '/' && step.path.empty())) continue;
      Step next{step.state, step.path + byte};
      for (auto& position : next.state) position.feed(byte);
      if (seen.insert({next.state, byte == '/'}).second) open.push_back(std::move(next));
    }
  }
  return {std::move(paths), open.empty()};
}

Source source_of(const Profile& profile, const PathEntry* entry) {
  if (entry != nullptr) return entry->source;
  return profile.paths ? profile.paths_source : Source{};
}

Source source_of(const Profile& profile, const Origin& origin) {
  if (origin.line == 0) return {};
  for (const auto& layer : profile.layers) {
    if (layer.source.file && *layer.source.file == origin.file) return {layer.source.file, origin.line, 0};
  }
  return {std::make_shared<const std::string>(origin.file), origin.line, 0};
}

bool really_allowed(const Verdict& verdict) { return verdict.allowed && !verdict.would_refuse; }

void compare_request(const Profile& before, const Profile& after, std::string_view operation, std::string_view object,
                     std::vector<Difference>& differences) {
  const auto request = parse_request(operation, object);
  if (!request) return;
  const Verdict was = decide(before, *request);
  const Verdict is = decide(after, *request);
  if (really_allowed(was) == really_allowed(is)) return;
  differences.push_back({really_allowed(is), request->text, source_of(before, was.origin), source_of(after, is.origin)});
}

/// Where a list of rules may change its mind: the first address of each, the first behind it, and so for ports. Every region that
/// the rules tell apart begins at such a pair.
struct Borders {
  std::set<std::array<std::uint8_t, 16>> ipv4, ipv6;
  std::set<std::uint16_t> ports{9};
};

void add_borders(Borders& borders, const AddressRule& rule) {
  borders.ports.insert(rule.port_low);
  if (rule.port_high < 65535) borders.ports.insert(static_cast<std::uint16_t>(rule.port_high + 1));
  if (rule.any_address || !rule.name.empty()) return;
  auto& addresses = rule.ipv6 ? borders.ipv6 : borders.ipv4;
  addresses.insert(rule.address);
  auto behind = rule.address;
  for (int bit = rule.prefix - 1; bit >= 0; --bit) {  // the prefix as a number, plus one
    auto& byte = behind[static_cast<std::size_t>(bit / 8)];
    const auto mask = static_cast<std::uint8_t>(0x80U >> (bit % 8));
    byte ^= mask;
    if ((byte & mask) != 0) {
      addresses.insert(behind);
      return;
    }
  }
}

std::string host_text(const std::array<std::uint8_t, 16>& address, bool ipv6) {
  AddressRule rule;
  rule.address = address;
  rule.ipv6 = ipv6;
  rule.prefix = ipv6 ? 128 : 32;
  return address_text(rule);
}

constexpr std::size_t most_pairs = 20000;

/// What to ask of one list of each profile.
std::set<std::string> far_ends(const Profile& before, const Profile& after, bool outgoing) {
  Borders borders;
  borders.ipv4.insert({{192, 0, 2, 1}});
  std::set<std::string> asked;
  std::vector<std::string> unix_patterns;
  for (const Profile* profile : {&before, &after}) {
    const auto& rules = outgoing ? profile->network.connect : profile->network.bind;
    if (!rules) continue;
    for (const auto& rule : *rules) {
      if (rule.transport == Transport::unix_abstract) {
        asked.insert("abstract " + (is_literal(rule.name) ? literal_start(rule.name) : literal_start(rule.name) + "x"));
      } else if (rule.transport == Transport::unix_path) {
        for (auto& one : expand_braces(rule.name)) unix_patterns.push_back(std::move(one));
      } else {
        add_borders(borders, rule);
      }
    }
  }
  std::ranges::sort(unix_patterns);
  unix_patterns.erase(std::unique(unix_patterns.begin(), unix_patterns.end()), unix_patterns.end());
  if (!unix_patterns.empty()) {
    for (const auto& path : telling_paths(unix_patterns).paths) asked.insert("unix " + path);
  }
  std::vector<std::string> hosts;
  for (const auto& address : borders.ipv4) hosts.push_back(host_text(address, false));
  for (const auto& address : borders.ipv6) hosts.push_back(host_text(address, true));
  const bool every_pair = hosts.size() * borders.ports.size() <= most_pairs;
  for (const auto& host : hosts) {
    for (const auto port : borders.ports) {
      for (const char* transport : {"tcp ", "udp "}) asked.insert(transport + host + ":" + std::to_string(port));
      if (!every_pair) break;
    }
  }
  return asked;
}

void compare_words(const Profile& before, const Profile& after, std::vector<Difference>& differences) {
  for (int number = 0; number <= newest_syscall; ++number) {
    if (const auto name = syscall_name(number); !name.empty()) compare_request(before, after, "syscall", name, differences);
  }
  for (int family = 0; family < 64; ++family) compare_request(before, after, "socket", family_name(family), differences);
  const std::uint64_t was = before.capability_ceiling.value_or(~0ULL);
  const std::uint64_t is = after.capability_ceiling.value_or(~0ULL);
  const auto names = capability_names();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if ((was >> i & 1U) == (is >> i & 1U)) continue;
    differences.push_back(
        {(is >> i & 1U) != 0, "capability " + std::string(names[i]), before.capabilities_source, after.capabilities_source});
  }
}

}  // namespace

PathComparison compare_paths(const Profile& before, const Profile& after) {
  PathComparison comparison;
  if (!before.paths && !after.paths) return comparison;
  using Seen = std::tuple<std::uint32_t, const PathEntry*, const PathEntry*>;
  std::set<Seen> seen;
  const auto add = [&](bool allowed, Rights rights, const std::string& path, const PathRights& was, const PathRights& is) {
    if (rights.empty() || !seen.insert({allowed ? rights.bits() : ~rights.bits(), was.entry, is.entry}).second) return;
    comparison.differences.push_back({allowed, rights, path, source_of(before, was.entry), source_of(after, is.entry)});
  };
  const TellingPaths telling = telling_paths(patterns_of(before, after));
  comparison.complete = telling.complete;
  for (const auto& path : telling.paths) {
    const PathRights was = path_rights(before, path);
    const PathRights is = path_rights(after, path);
    add(true, is.allow.without(was.allow), path, was, is);
    add(false, was.allow.without(is.allow), path, was, is);
    if (was.hidden != is.hidden && seen.insert({0, was.entry, is.entry}).second) {
      comparison.differences.push_back({was.hidden, {}, path, source_of(before, was.entry), source_of(after, is.entry)});
    }
  }
  return comparison;
}

std::vector<Difference> compare_addresses(const Profile& before, const Profile& after) {
  std::vector<Difference> differences;
  for (const bool outgoing : {true, false}) {
    const std::string_view word = outgoing ? "connect" : "bind";
    const bool present =
        (outgoing ? before.network.connect : before.network.bind) || (outgoing ? after.network.connect : after.network.bind);
    if (!present) continue;
    using Lines = std::tuple<bool, std::uint32_t, std::uint32_t, std::string>;  // one example for each pair of lines
    std::set<Lines> seen;
    std::vector<Difference> found;
    for (const auto& end : far_ends(before, after, outgoing)) compare_request(before, after, word, end, found);
    for (auto& one : found) {
      const std::string transport = one.what.substr(word.size() + 1, 3);
      if (seen.insert({one.allowed, one.before.line, one.after.line, transport}).second) differences.push_back(std::move(one));
    }
  }
  return differences;
}

std::vector<Difference> compare_profiles(const Profile& before, const Profile& after) {
  std::vector<Difference> differences;
  for (const auto& one : compare_paths(before, after).differences) {
    const std::string what = one.rights.empty() ? "the sight of " : rights_text(one.rights) + " on ";
    differences.push_back({one.allowed, what + one.path, one.before, one.after});
  }
  for (auto& one : compare_addresses(before, after)) differences.push_back(std::move(one));
  compare_words(before, after, differences);
  return differences;
}

}  // namespace warder::policy
