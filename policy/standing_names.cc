#include "policy/standing_names.h"

#include "policy/pattern.h"

namespace warder::policy {
namespace {

PatternPosition fed(PatternPosition position, std::string_view bytes) {
  for (const char byte : bytes) position.feed(byte);
  return position;
}

}  // namespace

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

bool is_within(const std::string& path, const std::string& directory) {
  if (directory == "/" || path == directory) return true;
  return path.starts_with(directory) && path[directory.size()] == '/';
}

bool is_per_process(const std::string& path) {
  return path == "/proc/self" || path.starts_with("/proc/self/") || path == "/proc/thread-self" ||
         path.starts_with("/proc/thread-self/");
}

FileKind StandingNames::kind(const std::string& path) const {
  if (path == "/") return FileKind::directory;
  if (is_per_process(path) || !container_.kind) return FileKind::unknown;
  return container_.kind(path);
}

bool StandingNames::keeps_name(const std::string& path) const { return !allows_any(path, rights_of_the_name); }

bool StandingNames::pinned(std::string path) const {
  for (; path != "/"; path = parent_of(path)) {
    if (!keeps_name(path)) return false;
  }
  return true;
}

bool StandingNames::can_be_made(const std::string& path) const { return allows_any(path, rights_to_make); }

bool StandingNames::stays_absent(std::string path) const {
  for (; kind(path) == FileKind::absent; path = parent_of(path)) {
    if (!can_be_made(path)) return true;
  }
  return false;
}

std::optional<std::vector<ListedFile>> StandingNames::list(const std::string& path) const {
  return container_.list ? container_.list(path) : std::nullopt;
}

bool StandingNames::frozen(const std::string& directory) const {
  const std::string inside = directory == "/" ? directory : directory + "/";
  if (allows_any(inside + "\x01", rights_of_parent)) return false;  // a name that only `**` and `*` can match
  for (const auto& entry : *profile_.paths) {
    if (entry.hide || !entry.allow.any(rights_of_parent)) continue;
    const std::string literal = literal_start(entry.pattern);
    const bool whole_tree = entry.pattern == (literal == "/" ? "/**" : escape_pattern(literal) + "/**");
    // A tree at or above is seen by the name above; one that begins in the directory speaks about names further down.
    if (whole_tree) continue;
    if (is_literal(entry.pattern) ? parent_of(literal) == directory : is_within(directory, literal)) return false;
  }
  return true;
}

std::string StandingNames::anchor(std::string path) const {
  if (is_per_process(path)) return "/proc";
  if (!container_.kind || stays_absent(path)) return path;
  while (kind(path) == FileKind::absent || kind(path) == FileKind::unknown) path = parent_of(path);
  return path;
}

bool StandingNames::allows_any(const std::string& path, Rights rights) const {
  for (int bit = 0; bit < right_count; ++bit) {
    const Right right = static_cast<Right>(1U << bit);
    if (rights.any(right) && compiled_.path(path, right).allowed) return true;
  }
  return false;
}

/// Looks at every name below a directory that a pattern may still match.
class StandingNames::Walk {
 public:
  explicit Walk(const StandingNames& names) : names_(names) {}

  /// False where it is not known what the pattern matches below the directory.
  bool look_into(const std::string& directory, const PatternPosition& position) {
    const auto listed = names_.list(directory);
    if (!listed || !names_.frozen(directory)) return false;
    for (const auto& file : *listed) {
      const std::string name = "/" + file.name;
      if (++seen_ > most_seen) return false;
      if (!look_at((directory == "/" ? "" : directory) + name, file.kind, fed(position, name))) return false;
    }
    return true;
  }
  [[nodiscard]] std::vector<std::string> take() { return std::move(found_); }

 private:
  static constexpr std::size_t most_seen = 2000;

  bool look_at(const std::string& path, FileKind kind, const PatternPosition& position) {
    if (position.dead()) return true;
    if (kind == FileKind::unknown || kind == FileKind::absent) return false;
    if (position.top_only()) {
      found_.push_back(escape_pattern(path) + "/**");
      return true;
    }
    if (position.matches()) found_.push_back(escape_pattern(path));
    return kind != FileKind::directory || look_into(path, position);
  }

  const StandingNames& names_;
  std::vector<std::string> found_;
  std::size_t seen_ = 0;
};

const std::vector<std::string>* StandingNames::matched_by(const std::string& pattern) const {
  const auto known = matched_.find(pattern);
  if (known != matched_.end()) return known->second ? &*known->second : nullptr;
  auto& answer = matched_[pattern];
  const std::string literal = literal_start(pattern);
  const bool whole_tree = pattern == (literal == "/" ? "/**" : escape_pattern(literal) + "/**");
  if (is_literal(pattern) || whole_tree || !container_.kind) return nullptr;
  Walk walk(*this);
  const FileKind start = kind(literal);
  const bool nothing = stays_absent(literal) || (start == FileKind::other && pinned(literal));
  const bool looked = start == FileKind::directory && pinned(literal) &&
                      walk.look_into(literal, fed(PatternPosition(pattern), literal == "/" ? "" : literal));
  if (nothing || looked) answer = walk.take();
  return answer ? &*answer : nullptr;
}

}  // namespace warder::policy
