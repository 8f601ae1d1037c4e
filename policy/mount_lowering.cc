#include "policy/mount_lowering.h"

#include <algorithm>
#include <array>
#include <span>

#include "policy/pattern.h"
#include "policy/pattern_sets.h"

namespace warder::policy {
namespace {

// What a read-only mount refuses: giving any of it inside would be taking back.
constexpr Rights changing = rights_all.without(rights_rx | Right::ioctl);

constexpr std::array only_by_mounts = {Right::chmod, Right::utime, Right::xattr, Right::chown};

std::string below(const std::string& tree) { return escape_pattern(tree) + "/**"; }

/// The directory of a `/dir/**` entry, or "".
std::string tree_of(const PathEntry& entry) {
  if (!entry.pattern.ends_with("/**")) return "";
  std::string start = literal_start(entry.pattern);
  const bool directly_below_root = start.size() > 1 && start.find('/', 1) == std::string::npos;
  return directly_below_root && entry.pattern == below(start) ? start : "";
}

bool covered_by(std::span<const std::string> trees, const PathEntry& entry) {
  return std::ranges::any_of(trees, [&](const std::string& tree) {
    const std::array covers = {below(tree)};
    return patterns_cover(covers, entry.pattern);
  });
}

std::vector<std::string> unchangeable_trees(const std::vector<PathEntry>& entries, const ContainerFacts& container) {
  std::vector<std::string> trees;
  for (auto entry = entries.begin(); entry != entries.end(); ++entry) {
    const std::string tree = tree_of(*entry);
    if (tree.empty() || entry->allow.any(changing) || container.kind(tree) != FileKind::directory) continue;
    const bool given_back = std::any_of(entry + 1, entries.end(), [&](const PathEntry& later) {
      return later.allow.any(changing) && patterns_overlap(later.pattern, entry->pattern);
    });
    if (!given_back && std::ranges::find(trees, tree) == trees.end()) trees.push_back(tree);
  }
  return trees;
}

/// An entry gives `right` to everything, and what takes it away again lies in the trees and is neither logged nor hidden.
bool is_exact(const std::vector<PathEntry>& entries, std::span<const std::string> trees, Right right) {
  const auto all = std::find_if(entries.rbegin(), entries.rend(), [](const PathEntry& entry) { return entry.pattern == "/**"; });
  if (all == entries.rend() || !all->allow.covers(right)) return false;
  return std::all_of(all.base() - 1, entries.end(), [&](const PathEntry& entry) {
    if (entry.audit.any(right) || entry.hide) return false;
    return entry.allow.covers(right) || (!entry.error && covered_by(trees, entry));
  });
}

}  // namespace

MountLowering lower_to_mounts(const Profile& profile, const ContainerFacts& container) {
  MountLowering lowered;
  if (!container.kind || profile.on_deny.error || profile.on_deny.action != DenyAction::refuse) return lowered;
  const std::vector<std::string> trees = unchangeable_trees(*profile.paths, container);
  if (trees.empty()) return lowered;
  for (const Right right : only_by_mounts) {
    if (is_exact(*profile.paths, trees, right)) lowered.exact = lowered.exact | right;
  }
  if (!lowered.exact.empty()) lowered.trees = trees;
  return lowered;
}

bool in_read_only_tree(const MountLowering& mounts, const PathEntry& entry) { return covered_by(mounts.trees, entry); }

}  // namespace warder::policy
