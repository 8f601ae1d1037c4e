#include "policy/exec_mounts.h"

#include <algorithm>
#include <set>

#include "policy/compiled_writer.h"
#include "policy/pattern.h"
#include "policy/pattern_sets.h"
#include "policy/standing_names.h"

namespace warder::policy {
namespace {

constexpr std::string_view key = "executable-mappings: exec";

std::string tree(const std::string& directory) { return (directory == "/" ? "" : escape_pattern(directory)) + "/**"; }

/// The last mount that what has the name `path` lies in; `below`: what is in that directory.
const ExecMount* covering(const std::vector<ExecMount>& mounts, const std::string& path, bool below) {
  const ExecMount* found = nullptr;
  for (const ExecMount& mount : mounts) {
    const bool at_or_above = mount.name_alone ? !below && path == mount.path : is_within(path, mount.path);
    if (at_or_above && (found == nullptr || mount.path.size() >= found->path.size())) found = &mount;
  }
  return found;
}

bool is_executable(const std::vector<ExecMount>& mounts, const std::string& path, bool below) {
  const ExecMount* mount = covering(mounts, path, below);
  return mount == nullptr || mount->executable;
}

void sort_parents_first(std::vector<ExecMount>& mounts) {
  std::ranges::stable_sort(mounts, {}, [](const ExecMount& mount) { return std::pair(mount.path.size(), mount.name_alone); });
}

class ExecMounts {
 public:
  ExecMounts(const Profile& profile, const Compiled& compiled, const ContainerFacts& container)
      : names_(profile, compiled, container) {
    for (const auto& entry : *profile.paths) {
      Shape shape{&entry, literal_start(entry.pattern), Form::glob};
      if (entry.pattern == tree(shape.literal)) shape.form = Form::tree;
      if (is_literal(entry.pattern)) shape.form = Form::name;
      shapes_.push_back(std::move(shape));
    }
  }

  Result<std::vector<ExecMount>> run() {
    std::set<std::pair<std::size_t, std::string>> trees;  // parents first
    std::set<std::string> files;
    for (const Shape& shape : shapes_) {
      if (shape.form == Form::tree) trees.emplace(shape.literal.size(), shape.literal);
      if (shape.form == Form::name) files.insert(shape.literal);
    }
    if (const PathEntry* root = deciding_tree("/"); root != nullptr && word_of(*root) == Word::refuses) {
      mounts_.push_back({"/", false, false, true, false, false});
    }
    for (const auto& [size, path] : trees) WARDER_TRY(add(path, deciding_tree(path), false));
    for (const auto& path : files) WARDER_TRY(add(path, deciding(path), true));
    sort_parents_first(mounts_);
    for (std::size_t i = 0; i < shapes_.size(); ++i) {
      if (shapes_[i].form == Form::glob) WARDER_TRY(check_glob(i));
    }
    return std::move(mounts_);
  }

 private:
  enum class Form : std::uint8_t { tree, name, glob };
  struct Shape {
    const PathEntry* entry = nullptr;
    std::string literal;
    Form form = Form::glob;
  };

  /// What an entry says about mapping the files that it decides. `free`: they cannot be read, so nobody maps them.
  enum class Word : std::uint8_t { gives, refuses, free };
  static Word word_of(const PathEntry& entry) {
    if (entry.hide) return Word::free;
    if (entry.allow.any(Right::exec)) return Word::gives;
    return entry.allow.any(Right::read) ? Word::refuses : Word::free;
  }

  /// The last of the literal trees that hold everything below `path`.
  [[nodiscard]] const PathEntry* deciding_tree(const std::string& path) const {
    const PathEntry* found = nullptr;
    for (const Shape& shape : shapes_) {
      if (shape.form == Form::tree && is_within(path, shape.literal)) found = shape.entry;
    }
    return found;
  }
  /// The last entry that matches the name.
  [[nodiscard]] const PathEntry* deciding(const std::string& path) const {
    const PathEntry* found = nullptr;
    for (const Shape& shape : shapes_) {
      const bool matches = shape.form == Form::tree   ? is_within(path, shape.literal)
                           : shape.form == Form::name ? path == shape.literal
                                                      : match_path(shape.entry->pattern, path) != Match::no;
      if (matches) found = shape.entry;
    }
    return found;
  }

  [[nodiscard]] bool is_mounted(const std::string& path) const {
    return std::ranges::any_of(mounts_, [&](const ExecMount& mount) { return mount.path == path && !mount.name_alone; });
  }
  /// A mount point cannot be renamed, removed or replaced.
  [[nodiscard]] bool stays_in_place(std::string path) const {
    for (; path != "/"; path = parent_of(path)) {
      if (!names_.keeps_name(path) && !is_mounted(path)) return false;
    }
    return true;
  }

  Result<void> add(const std::string& path, const PathEntry* entry, bool name_alone) {
    if (path == "/" || entry == nullptr) return {};
    const Word word = word_of(*entry);
    if (word == Word::free || (word == Word::gives) == is_executable(mounts_, path, !name_alone)) return {};
    if (is_per_process(path)) return refuse(*entry, path, "is another directory for each process");
    const FileKind kind = names_.kind(path);
    if (name_alone && kind == FileKind::directory) return {};
    if (names_.stays_absent(path)) {
      if (!name_alone) absent_.push_back(tree(path));
      return {};
    }
    const bool absent = kind == FileKind::absent;
    if (absent && name_alone) return refuse(*entry, path, "must be there when the container starts");
    if (!stays_in_place(parent_of(path))) {
      return refuse(*entry, path, "has a directory above it that may be renamed or removed");
    }
    const bool never_made = names_.keeps_name(path) && !names_.can_be_made(path);
    mounts_.push_back({path, word == Word::gives, name_alone, stays_in_place(path), absent, never_made});
    return {};
  }

  static Error refuse(const PathEntry& entry, const std::string& path, const std::string& why) {
    const bool gives = word_of(entry) == Word::gives;
    return error_at(entry.source, std::string(key) + " needs a mount at '" + path + "', which is to be mapped executable " +
                                      (gives ? "inside a tree that is not" : "by nobody, inside a tree that may be") +
                                      ", but it " + why);
  }

  /// Do the mounts hold what a pattern with special characters says? Nothing is mounted for it.
  Result<void> check_glob(std::size_t index) {
    const Word word = word_of(*shapes_[index].entry);
    if (word == Word::free) return {};
    const bool gives = word == Word::gives;
    if (!gives && is_executable(mounts_, "/", true)) WARDER_TRY(check_glob_in("/", index, gives));
    for (const ExecMount& mount : mounts_) {
      if (!mount.name_alone && mount.executable != gives) WARDER_TRY(check_glob_in(mount.path, index, gives));
    }
    return {};
  }

  /// `directory` is a mount that says otherwise than the pattern: nothing that it decides may lie there.
  Result<void> check_glob_in(const std::string& directory, std::size_t index, bool gives) {
    const PathEntry& entry = *shapes_[index].entry;
    if (!patterns_overlap(entry.pattern, tree(directory))) return {};
    std::vector<std::string> elsewhere = absent_;
    for (std::size_t later = index + 1; later < shapes_.size(); ++later) elsewhere.push_back(shapes_[later].entry->pattern);
    for (const ExecMount& mount : mounts_) {
      const bool deeper = mount.path.size() > directory.size() && is_within(mount.path, directory);
      if (deeper && !mount.name_alone && mount.executable == gives) elsewhere.push_back(tree(mount.path));
    }
    if (patterns_cover(elsewhere, entry.pattern)) return {};
    return error_at(entry.source, std::string(key) + " cannot tell '" + entry.pattern + "' from its neighbours in '" + directory +
                                      "', which " + (gives ? "nobody may map executable" : "may be mapped executable") +
                                      ": a mount is about a whole directory; accepted: one answer about exec for all that may " +
                                      "be read there, or no read right");
  }

  const StandingNames names_;
  std::vector<Shape> shapes_;
  std::vector<ExecMount> mounts_;
  std::vector<std::string> absent_;  ///< trees in which nothing is and nothing can be made
};

}  // namespace

Result<std::vector<ExecMount>> lower_exec_mounts(const Profile& profile, const Compiled& compiled,
                                                 const ContainerFacts& container) {
  return ExecMounts(profile, compiled, container).run();
}

std::vector<ExecMount> both_exec_mounts(const std::vector<ExecMount>& one, const std::vector<ExecMount>& other) {
  std::vector<ExecMount> both;
  for (const auto* list : {&one, &other}) {
    const auto& against = list == &one ? other : one;
    for (ExecMount mount : *list) {
      mount.executable = mount.executable && is_executable(against, mount.path, !mount.name_alone);
      const bool there = std::ranges::any_of(
          both, [&](const ExecMount& known) { return known.path == mount.path && known.name_alone == mount.name_alone; });
      if (!there) both.push_back(std::move(mount));
    }
  }
  sort_parents_first(both);
  return both;
}

}  // namespace warder::policy
