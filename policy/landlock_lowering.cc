#include "policy/landlock_lowering.h"

#include <linux/landlock.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "linux/newer.h"
#include "policy/hardening.h"
#include "policy/pattern.h"

namespace warder::policy {
namespace {

constexpr std::uint64_t make_any = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                                   LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                                   LANDLOCK_ACCESS_FS_MAKE_SYM;

/// Rights that Landlock asks of the directory in which a name is made or removed.
constexpr Rights rights_of_parent = rights_to_make | rights_of_the_name;
/// Rights that mean nothing on a directory.
constexpr Rights rights_of_files = Rights(Right::read) | Right::write | Right::exec | Right::truncate;

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

/// A procfs directory that is another one for every process has no rule of its own.
bool is_per_process(const std::string& path) {
  return path == "/proc/self" || path.starts_with("/proc/self/") || path == "/proc/thread-self" ||
         path.starts_with("/proc/thread-self/");
}

std::uint64_t access_of(Rights rights, int abi) {
  std::uint64_t access = 0;
  for (int bit = 0; bit < right_count; ++bit) {
    const Right right = static_cast<Right>(1U << bit);
    if (rights.any(right)) access |= landlock_access(right, abi);
  }
  return access;
}

/// The container's tree and what the profile lets happen to its names.
class Names {
 public:
  Names(const Compiled& compiled, const ContainerFacts& container) : compiled_(compiled), container_(container) {}

  [[nodiscard]] FileKind kind(const std::string& path) const {
    if (path == "/") return FileKind::directory;
    if (is_per_process(path) || !container_.kind) return FileKind::unknown;
    return container_.kind(path);
  }
  /// Nobody can move or remove what has this name, nor a directory above it.
  [[nodiscard]] bool pinned(std::string path) const {
    for (; path != "/"; path = parent_of(path)) {
      if (allows_any(path, rights_of_the_name)) return false;
    }
    return true;
  }
  /// Nothing is there, and the workload cannot make it.
  [[nodiscard]] bool stays_absent(std::string path) const {
    for (; kind(path) == FileKind::absent; path = parent_of(path)) {
      if (!allows_any(path, rights_to_make)) return true;
    }
    return false;
  }
  /// Where a rule about `path` is put: on itself where it is there at start or never will be, else on the deepest directory above
  /// it that is there.
  [[nodiscard]] std::string anchor(std::string path) const {
    if (is_per_process(path)) return "/proc";
    if (!container_.kind || stays_absent(path)) return path;
    while (kind(path) == FileKind::absent || kind(path) == FileKind::unknown) path = parent_of(path);
    return path;
  }

 private:
  [[nodiscard]] bool allows_any(const std::string& path, Rights rights) const {
    for (int bit = 0; bit < right_count; ++bit) {
      const Right right = static_cast<Right>(1U << bit);
      if (rights.any(right) && compiled_.path(path, right).allowed) return true;
    }
    return false;
  }

  const Compiled& compiled_;
  const ContainerFacts& container_;
};

// For one right: is the set of paths that have it a union of trees and files that stand at start and keep their names?
class Exactness {
 public:
  Exactness(const Profile& profile, Right right, const Names& names) : profile_(profile), right_(right), names_(names) {}

  [[nodiscard]] bool holds() {
    for (std::size_t i = 0; i < profile_.paths->size(); ++i) {
      const auto& entry = (*profile_.paths)[i];
      if (entry.audit.any(right_) || entry.hide) return false;  // what is logged or hidden is the supervisor's
      add(static_cast<long>(i), entry);
    }
    return exact("/", root_, {-1, false}, {}, false);
  }

 private:
  struct Decision {
    long index = -1;
    bool gives = false;
  };
  struct Node {
    Decision tree;
    Decision self;
    std::vector<Decision> globs;  ///< of patterns that begin below here
    std::map<std::string, Node> children;
  };

  void add(long index, const PathEntry& entry) {
    const Decision decision{index, entry.allow.covers(right_)};
    const std::string literal = literal_start(entry.pattern);
    Node* node = &root_;
    for (std::size_t at = 1; at < literal.size();) {
      const std::size_t slash = std::min(literal.find('/', at), literal.size());
      node = &node->children[literal.substr(at, slash - at)];
      at = slash + 1;
    }
    if (is_literal(entry.pattern)) {
      node->self = decision;
    } else if (entry.pattern == (literal == "/" ? "/**" : escape_pattern(literal) + "/**")) {
      node->tree = decision;
    } else {
      node->globs.push_back(decision);
    }
  }

  [[nodiscard]] bool exact(const std::string& path, const Node& node, Decision cover, std::vector<Decision> globs,
                           bool wall_gives) const {
    const bool gave = cover.gives;
    if (node.tree.index > cover.index) cover = node.tree;
    globs.insert(globs.end(), node.globs.begin(), node.globs.end());
    for (const auto& glob : globs) {
      if (glob.index > cover.index && glob.gives != cover.gives) return false;
    }
    const bool turns = cover.gives != gave && path != "/";
    if (turns && (!cover.gives || wall_gives)) return false;  // a refusal inside what Landlock gives
    if (turns && !names_.stays_absent(path) && (names_.kind(path) != FileKind::directory || !names_.pinned(path))) return false;
    const bool gives_here = wall_gives || cover.gives;
    if (node.self.index > cover.index && node.self.gives != cover.gives && !exact_alone(path, node, gives_here)) return false;
    return std::ranges::all_of(node.children, [&](const auto& child) {
      return exact((path == "/" ? "" : path) + "/" + child.first, child.second, cover, globs, gives_here);
    });
  }

  /// One path that differs from its surroundings: a file that is there may be allowed alone.
  [[nodiscard]] bool exact_alone(const std::string& path, const Node& node, bool wall_gives) const {
    if (rights_of_parent.any(right_)) return false;
    if (names_.stays_absent(path)) return true;
    if (!names_.pinned(path)) return false;
    const FileKind kind = names_.kind(path);
    const FileKind asked = right_ == Right::list ? FileKind::directory : FileKind::other;
    if (kind != asked) return kind == FileKind::directory || kind == FileKind::other;  // the right means nothing there
    return kind == FileKind::other && node.self.gives && !wall_gives;
  }

  const Profile& profile_;
  Right right_;
  const Names& names_;
  Node root_;
};

void add_rule(std::map<std::string, std::uint64_t>& rules, const std::string& path, std::uint64_t access) {
  if (access != 0) rules[path] |= access;
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
    // Moving and linking make and remove names of any type; across directories they need REFER, known since ABI 2.
    case Right::rename:
      return make_any | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
             (abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0);
    case Right::link:
      return make_any | (abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0);
    case Right::truncate:
      return abi >= 3 ? kernel::landlock_fs_truncate : 0;
    // IOCTL_DEV would also refuse the requests of terminals; the others have no right in Landlock.
    case Right::ioctl:
    case Right::watch:
    case Right::chmod:
    case Right::utime:
    case Right::xattr:
    case Right::chown:
      return 0;
  }
  return 0;
}

LandlockLowering lower_to_landlock(const Profile& profile, const Compiled& compiled, Rights wanted, const KernelFacts& kernel,
                                   const ContainerFacts& container) {
  LandlockLowering lowered;
  const int abi = kernel.landlock_abi;
  if (abi < 1) return lowered;
  const Names names(compiled, container);
  constexpr Rights moves = Right::rename | Right::link;
  Rights expressible;
  for (int bit = 0; bit < right_count; ++bit) {
    const Right right = static_cast<Right>(1U << bit);
    if (!wanted.any(right) || landlock_access(right, abi) == 0 || gives_everywhere(profile, right)) continue;
    expressible = expressible | right;
    if (!moves.any(right) && Exactness(profile, right, names).holds()) lowered.exact = lowered.exact | right;
  }
  if (expressible.empty()) return lowered;
  // REFER is denied by every ruleset that does not handle it: whoever may move or link must find it in the rules.
  lowered.handled = access_of(expressible.without(moves), abi);
  if (abi >= 2) lowered.handled |= LANDLOCK_ACCESS_FS_REFER;

  std::map<std::string, std::uint64_t> rules;
  for (const auto& entry : *profile.paths) {
    if (entry.hide || entry.allow.empty()) continue;
    const std::string literal = literal_start(entry.pattern);
    Rights object = entry.allow;
    if (is_literal(entry.pattern)) {
      add_rule(rules, names.anchor(parent_of(literal)), access_of(entry.allow & rights_of_parent, abi) & lowered.handled);
      // An entry for a directory alone says nothing about the files in it.
      object = object.without(rights_of_parent);
      if (names.kind(literal) == FileKind::directory && names.pinned(literal)) object = object.without(rights_of_files);
    }
    add_rule(rules, names.anchor(literal), access_of(object, abi) & lowered.handled);
  }
  for (const auto& [path, access] : rules) lowered.paths.push_back({path, access, path != "/"});
  return lowered;
}

}  // namespace warder::policy
