#include "policy/compare.h"

#include <algorithm>
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

/// One path for every set of patterns that some path matches.
std::vector<std::string> telling_paths(const std::vector<std::string>& patterns) {
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
  return paths;
}

Source source_of(const Profile& profile, const PathEntry* entry) {
  if (entry != nullptr) return entry->source;
  return profile.paths ? profile.paths_source : Source{};
}

void compare_paths(const Profile& before, const Profile& after, std::vector<Difference>& differences) {
  if (!before.paths && !after.paths) return;
  using Seen = std::tuple<std::uint32_t, const PathEntry*, const PathEntry*>;
  std::set<Seen> seen;
  const auto add = [&](bool allowed, Rights rights, const std::string& path, const PathRights& was, const PathRights& is) {
    if (rights.empty() || !seen.insert({allowed ? rights.bits() : ~rights.bits(), was.entry, is.entry}).second) return;
    differences.push_back(
        {allowed, rights_text(rights) + " on " + path, source_of(before, was.entry), source_of(after, is.entry)});
  };
  for (const auto& path : telling_paths(patterns_of(before, after))) {
    const PathRights was = path_rights(before, path);
    const PathRights is = path_rights(after, path);
    add(true, is.allow.without(was.allow), path, was, is);
    add(false, was.allow.without(is.allow), path, was, is);
    if (was.hidden != is.hidden && seen.insert({0, was.entry, is.entry}).second) {
      differences.push_back({was.hidden, "the sight of " + path, source_of(before, was.entry), source_of(after, is.entry)});
    }
  }
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

/// Concrete far ends at the border of a rule: its first address, at its first and last port.
std::vector<std::string> far_ends(const AddressRule& rule) {
  if (rule.transport == Transport::unix_path)
    return {"unix " + (is_literal(rule.name) ? literal_start(rule.name) : literal_start(rule.name) + "/x")};
  if (rule.transport == Transport::unix_abstract) return {"abstract " + rule.name};
  if (!rule.name.empty()) return {};
  std::string host = "192.0.2.1";
  if (!rule.any_address && rule.prefix > 0) host = address_text(rule);
  const std::string word = rule.transport == Transport::tcp ? "tcp " : "udp ";
  return {word + host + ":" + std::to_string(rule.port_low), word + host + ":" + std::to_string(rule.port_high)};
}

void compare_addresses(const Profile& before, const Profile& after, std::vector<Difference>& differences) {
  for (const bool outgoing : {true, false}) {
    std::set<std::string> asked;
    for (const Profile* profile : {&before, &after}) {
      const auto& rules = outgoing ? profile->network.connect : profile->network.bind;
      if (!rules) continue;
      for (const auto& rule : *rules) {
        for (const auto& end : far_ends(rule)) asked.insert(end);
      }
    }
    if (!asked.empty()) asked.insert({"tcp 192.0.2.1:9", "udp 192.0.2.1:9"});
    for (const auto& end : asked) compare_request(before, after, outgoing ? "connect" : "bind", end, differences);
  }
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

std::vector<Difference> compare_profiles(const Profile& before, const Profile& after) {
  std::vector<Difference> differences;
  compare_paths(before, after, differences);
  compare_addresses(before, after, differences);
  compare_words(before, after, differences);
  return differences;
}

}  // namespace warder::policy
