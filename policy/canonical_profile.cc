#include "policy/canonical_profile.h"

#include <algorithm>

#include "policy/compiled_writer.h"
#include "policy/pattern.h"

namespace warder::policy {
namespace {

/// Where the part of a pattern begins that is no longer literal: at a slash, or the end.
std::size_t literal_size(std::string_view pattern) {
  std::size_t slash = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      ++i;
    } else if (pattern[i] == '/') {
      slash = i;
    } else if (std::string_view("*?[").find(pattern[i]) != std::string_view::npos) {
      return slash;
    }
  }
  return pattern.size();
}

std::string joined(const std::string& directory, std::string_view rest) {
  return (directory == "/" ? std::string() : directory) + std::string(rest);
}

/// The path with its parent canonical and its last component as it is, even where that is a link.
std::string link_itself(const std::string& path, const ContainerFacts& container) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || path == "/") return path;
  const std::string parent = slash == 0 ? "/" : path.substr(0, slash);
  return joined(container.canonical(parent), std::string_view(path).substr(slash));
}

void add_once(std::vector<std::string>& list, std::string pattern) {
  if (pattern.empty()) pattern = "/";
  if (std::ranges::find(list, pattern) == list.end()) list.push_back(std::move(pattern));
}

/// `unix` lines with the literal starts of their patterns canonical.
void canonical_rules(std::optional<std::vector<AddressRule>>& rules, const ContainerFacts& container) {
  if (!rules || !container.canonical) return;
  std::vector<AddressRule> all;
  for (const auto& rule : *rules) {
    if (rule.transport != Transport::unix_path) {
      all.push_back(rule);
      continue;
    }
    for (auto& pattern : canonical_patterns(rule.name, container)) {
      all.push_back(rule);
      all.back().name = std::move(pattern);
    }
  }
  rules = std::move(all);
}

}  // namespace

std::vector<std::string> canonical_patterns(std::string_view pattern, const ContainerFacts& container) {
  std::vector<std::string> patterns;
  for (const auto& one : expand_braces(pattern)) {
    if (!container.canonical) {
      add_once(patterns, one);
      continue;
    }
    const std::size_t size = literal_size(one);
    const std::string_view rest = std::string_view(one).substr(size);
    const std::string literal = literal_start(one);
    if (rest.empty() || rest == "/**") add_once(patterns, joined(escape_pattern(link_itself(literal, container)), rest));
    add_once(patterns, joined(escape_pattern(container.canonical(literal)), rest));
  }
  return patterns;
}

Result<Profile> canonical_profile(const Profile& profile, const ContainerFacts& container) {
  Profile written = profile;
  written.ceiling = nullptr;
  if (profile.paths) {
    written.paths->clear();
    for (const auto& entry : *profile.paths) {
      for (auto& pattern : canonical_patterns(entry.pattern, container)) {
        written.paths->push_back(entry);
        written.paths->back().pattern = std::move(pattern);
      }
    }
  }
  canonical_rules(written.network.connect, container);
  canonical_rules(written.network.bind, container);
  return written;
}

}  // namespace warder::policy
