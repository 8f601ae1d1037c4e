#include "policy/landlock_lowering.h"

#include <linux/landlock.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "linux/newer.h"
#include "policy/hardening.h"
#include "policy/pattern.h"
#include "policy/standing_names.h"

namespace warder::policy {
namespace {

/// Rights that mean nothing on a directory.
constexpr Rights rights_of_files = Rights(Right::read) | Right::write | Right::exec | Right::truncate;

std::uint64_t access_of(Rights rights, int abi) {
  std::uint64_t access = 0;
  for (int bit = 0; bit < right_count; ++bit) {
    const Right right = static_cast<Right>(1U << bit);
    if (rights.any(right)) access |= landlock_access(right, abi);
  }
  return access;
}

// For one right: is the set of paths that have it a union of trees and files that stand at start and keep their names? Then
// `grants` are they.
class Exactness {
 public:
  Exactness(const Profile& profile, Right right, const StandingNames& names) : profile_(profile), right_(right), names_(names) {}

  [[nodiscard]] bool holds() {
    if (holds_with(Refusals::patterns)) return true;
    // Where the tree stands still, a refusal by a pattern is one of the names that it matches, often of none.
    return holds_with(Refusals::names);
  }
  [[nodiscard]] const std::vector<std::string>& grants() const { return grants_; }

 private:
  /// What a refusal by a pattern counts as.
  enum class Refusals : std::uint8_t { patterns, names };
  struct Decision {
    long index = -1;
    bool gives = false;
  };
  /// The latest patterns with special characters that begin at or above a node.
  struct Globs {
    long giving = -1;
    long refusing = -1;
    void add(const Decision& glob) { (glob.gives ? giving : refusing) = std::max(glob.gives ? giving : refusing, glob.index); }
    void add(const Globs& other) {
      giving = std::max(giving, other.giving);
      refusing = std::max(refusing, other.refusing);
    }
    /// Could one of them decide otherwise than `cover` somewhere?
    [[nodiscard]] bool disturb(const Decision& cover) const { return (cover.gives ? refusing : giving) > cover.index; }
  };
  struct Node {
    Decision tree;
    Decision self;
    Globs globs;
    std::map<std::string, Node> children;
  };
  /// Does a rule on a directory above give the right already?
  enum class Wall : std::uint8_t { absent, gives };

  bool holds_with(Refusals kind) {
    root_ = Node();
    grants_.clear();
    for (std::size_t i = 0; i < profile_.paths->size(); ++i) {
      const auto& entry = (*profile_.paths)[i];
      if (entry.audit.any(right_) || entry.hide) return false;  // what is logged or hidden is the supervisor's
      const Decision decision{static_cast<long>(i), entry.allow.covers(right_)};
      const auto* standing = kind == Refusals::names && !decision.gives ? names_.matched_by(entry.pattern) : nullptr;
      if (standing == nullptr) {
        add(decision, entry.pattern);
      } else {
        for (const auto& pattern : *standing) add(decision, pattern);
      }
    }
    return visit("/", root_, {-1, false}, {}, Wall::absent);
  }

  void add(const Decision& decision, const std::string& pattern) {
    const std::string literal = literal_start(pattern);
    Node* node = &root_;
    for (std::size_t at = 1; at < literal.size();) {
      const std::size_t slash = std::min(literal.find('/', at), literal.size());
      node = &node->children[literal.substr(at, slash - at)];
      at = slash + 1;
    }
    if (is_literal(pattern)) {
      node->self = decision;
    } else if (pattern == (literal == "/" ? "/**" : escape_pattern(literal) + "/**")) {
      node->tree = decision;
    } else {
      node->globs.add(decision);
    }
  }

  static std::string below(const std::string& path, const std::string& name) { return (path == "/" ? "" : path) + "/" + name; }

  /// Does everything at and below the node decide as `cover` does?
  static bool uniform(const Node& node, const Decision& cover, Globs globs) {
    globs.add(node.globs);
    const auto differs = [&](const Decision& decision) { return decision.index > cover.index && decision.gives != cover.gives; };
    if (differs(node.tree) || differs(node.self) || globs.disturb(cover)) return false;
    return std::ranges::all_of(node.children, [&](const auto& child) { return uniform(child.second, cover, globs); });
  }

  bool visit(const std::string& path, const Node& node, Decision cover, Globs globs, Wall wall) {
    const Decision inherited = cover;
    if (node.tree.index > cover.index) cover = node.tree;
    globs.add(node.globs);
    const FileKind kind = names_.kind(path);
    const bool walled = wall == Wall::gives;
    // A name that is taken for good is never made; all others are asked of the directory above.
    const bool there = kind == FileKind::directory || kind == FileKind::other;
    const bool never_made = rights_to_make.any(right_) && !rights_of_the_name.any(right_) && there && names_.pinned(path);
    if (rights_of_parent.any(right_) && path != "/" && !never_made && !name_agrees(node, inherited, cover, walled)) return false;
    if (kind == FileKind::other) {
      if (rights_of_parent.any(right_) || right_ == Right::list) return true;  // nothing lies below a file
      return visit_file(path, node.self.index > cover.index ? node.self : cover, globs, walled);
    }
    if (names_.stays_absent(path)) return true;
    if (kind != FileKind::directory) return walled == inherited.gives && uniform(node, inherited, globs);
    if (globs.disturb(cover)) return false;
    if (right_ == Right::list && node.self.index > cover.index && node.self.gives != cover.gives) return false;
    if (walled && !cover.gives) return false;  // a refusal inside what Landlock gives
    if (walled || !cover.gives) return visit_children(path, node, cover, globs, wall);
    if (names_.pinned(path) && visit_children(path, node, cover, globs, Wall::gives)) return grant(path);
    return visit_siblings(path, node, cover, globs);
  }

  /// Making, renaming and removing are asked of the directory above: what is decided about the name must be what that one gives.
  [[nodiscard]] bool name_agrees(const Node& node, const Decision& inherited, const Decision& cover, bool walled) const {
    const Decision& around = rights_of_the_name.any(right_) ? inherited : cover;
    const Decision& decision = node.self.index > around.index ? node.self : around;
    return decision.gives == walled;
  }

  bool visit_file(const std::string& path, const Decision& decision, const Globs& globs, bool walled) {
    if (globs.disturb(decision)) return false;
    if (decision.gives == walled) return true;
    return decision.gives && names_.pinned(path) && grant(path);
  }

  bool visit_children(const std::string& path, const Node& node, const Decision& cover, const Globs& globs, Wall wall) {
    return std::ranges::all_of(
        node.children, [&](const auto& child) { return visit(below(path, child.first), child.second, cover, globs, wall); });
  }

  // Something below is refused, so the directory cannot be given as a whole. Where nobody can put a new name into it, what is in
  // it at start can be given one by one; the directory itself cannot be listed that way.
  bool visit_siblings(const std::string& path, const Node& node, const Decision& cover, const Globs& globs) {
    const auto listed = names_.list(path);
    if (right_ == Right::list || !listed || !names_.frozen(path)) return false;
    static const Node nothing;
    return std::ranges::all_of(*listed, [&](const auto& file) {
      const auto child = node.children.find(file.name);
      return visit(below(path, file.name), child != node.children.end() ? child->second : nothing, cover, globs, Wall::absent);
    });
  }

  bool grant(const std::string& path) {
    constexpr std::size_t most_grants = 2000;
    grants_.push_back(path);
    return grants_.size() <= most_grants;
  }

  const Profile& profile_;
  Right right_;
  const StandingNames& names_;
  Node root_;
  std::vector<std::string> grants_;
};

void add_rule(std::map<std::string, std::uint64_t>& rules, const std::string& path, std::uint64_t access) {
  if (access != 0) rules[path] |= access;
}

/// mq_open(2) opens files of /dev/mqueue in a mount of the kernel's own, of which only the root directory is the same: what the
/// profile gives there is given on that directory, beside what the trees above it give. Not where single queues have entries, nor
/// where Landlock decides alone, and the directory could be moved or a pattern speak of a queue.
void add_message_queues(LandlockLowering& lowered, std::map<std::string, std::uint64_t>& rules, const Profile& profile,
                        const Compiled& compiled, const StandingNames& names, int abi) {
  const std::string directory = "/dev/mqueue";
  const auto is_about_queues = [&](const PathEntry& entry) { return literal_start(entry.pattern).starts_with(directory + "/"); };
  if (std::ranges::any_of(*profile.paths, is_about_queues)) return;
  for (const Right right : {Right::read, Right::write}) {
    const auto refuses_by_pattern = [&](const PathEntry& entry) {
      return !entry.allow.covers(right) && !is_literal(entry.pattern) && !entry.pattern.ends_with("/**");
    };
    const bool alone = lowered.exact.any(right);
    if (alone && (!names.pinned(directory) || std::ranges::any_of(*profile.paths, refuses_by_pattern))) continue;
    if (!compiled.path(directory + "/\x01", right).allowed) continue;
    add_rule(rules, directory, landlock_access(right, abi) & lowered.handled);
  }
}

}  // namespace

std::uint64_t landlock_access(Right right, int abi) {
  switch (right) {
    case Right::read:
      return LANDLOCK_ACCESS_FS_READ_FILE;
    case Right::list:
      return LANDLOCK_ACCESS_FS_READ_DIR;
    case Right::exec:
      return LANDLOCK_ACCESS_FS_EXECUTE;
    case Right::write:
      return LANDLOCK_ACCESS_FS_WRITE_FILE;
    case Right::create:
      return LANDLOCK_ACCESS_FS_MAKE_REG;
    case Right::remove:
      return LANDLOCK_ACCESS_FS_REMOVE_FILE;
    case Right::rmdir:
      return LANDLOCK_ACCESS_FS_REMOVE_DIR;
    case Right::mkdir:
      return LANDLOCK_ACCESS_FS_MAKE_DIR;
    case Right::symlink:
      return LANDLOCK_ACCESS_FS_MAKE_SYM;
    case Right::mkfifo:
      return LANDLOCK_ACCESS_FS_MAKE_FIFO;
    case Right::mksock:
      return LANDLOCK_ACCESS_FS_MAKE_SOCK;
    case Right::mkdev:
      return LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
    // Moves and links are always the supervisor's where there is a ruleset; this only keeps it from denying them all.
    case Right::rename:
    case Right::link:
      return abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
    case Right::truncate:
      return abi >= 3 ? kernel::landlock_fs_truncate : 0;
    case Right::ioctl:
      return abi >= 5 ? kernel::landlock_fs_ioctl_dev : 0;
    // The others have no right in Landlock.
    case Right::watch:
    case Right::chmod:
    case Right::utime:
    case Right::xattr:
    case Right::chown:
      return 0;
  }
  return 0;
}

LandlockLowering lower_to_landlock(const Profile& profile, const Compiled& compiled, Rights alone, const KernelFacts& kernel,
                                   const ContainerFacts& container) {
  LandlockLowering lowered;
  const int abi = kernel.landlock_abi;
  if (abi < 1) return lowered;
  const StandingNames names(profile, compiled, container);
  constexpr Rights moves = Right::rename | Right::link;
  const Rights refused = rights_all.without(rights_everywhere(profile));
  std::map<std::string, std::uint64_t> rules;
  Rights expressible;
  for (int bit = 0; bit < right_count; ++bit) {
    const Right right = static_cast<Right>(1U << bit);
    if (!refused.any(right) || landlock_access(right, abi) == 0) continue;
    expressible = expressible | right;
    if (!alone.any(right) || moves.any(right) || right == Right::ioctl) continue;
    Exactness exactness(profile, right, names);
    if (!exactness.holds()) continue;
    lowered.exact = lowered.exact | right;
    for (const auto& path : exactness.grants()) add_rule(rules, path, landlock_access(right, abi));
  }
  if (expressible.empty()) return lowered;
  // REFER is denied by every ruleset that does not handle it: whoever may move or link must find it in the rules.
  lowered.handled = access_of(expressible.without(moves), abi);
  if (abi >= 2) lowered.handled |= LANDLOCK_ACCESS_FS_REFER;

  // What is not exact: at least what some entry gives.
  const Rights inexact = rights_all.without(lowered.exact);
  for (const auto& entry : *profile.paths) {
    Rights object = entry.allow & inexact;
    if (entry.hide || object.empty()) continue;
    const std::string literal = literal_start(entry.pattern);
    if (container.kind && names.stays_absent(literal)) continue;  // the kernel takes no rule for what is not there
    if (is_literal(entry.pattern)) {
      add_rule(rules, names.anchor(parent_of(literal)), access_of(object & rights_of_parent, abi) & lowered.handled);
      object = object.without(rights_of_parent);
      // An entry for a directory alone says nothing about the files in it.
      if (names.kind(literal) == FileKind::directory && names.pinned(literal)) object = object.without(rights_of_files);
    }
    add_rule(rules, names.anchor(literal), access_of(object, abi) & lowered.handled);
  }
  // Terminals are always asked what they like, and of the devices that every program opens nobody expects EACCES for ENOTTY.
  for (const auto* device : {"console", "full", "null", "ptmx", "pts", "random", "tty", "urandom", "zero"}) {
    add_rule(rules, std::string("/dev/") + device, landlock_access(Right::ioctl, abi) & lowered.handled);
  }
  add_message_queues(lowered, rules, profile, compiled, names, abi);
  for (const auto& [path, access] : rules) lowered.paths.push_back({path, access, path != "/"});
  return lowered;
}

}  // namespace warder::policy
