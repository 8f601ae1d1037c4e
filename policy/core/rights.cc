#include "policy/core/rights.h"

#include <array>

namespace warder::policy {
namespace {

constexpr std::array<std::string_view, right_count> names = {"read",     "list",  "watch",   "exec",  "write", "create", "delete",
                                                             "rename",   "link",  "symlink", "mkdir", "rmdir", "mkfifo", "mksock",
                                                             "truncate", "chmod", "utime",   "xattr", "chown", "mkdev",  "ioctl"};

struct NamedSet {
  Rights rights;
  std::string_view word;
};
constexpr std::array<NamedSet, 6> sets = {
    {{Rights(), "none"}, {rights_ro, "ro"}, {rights_rx, "rx"}, {rights_rw, "rw"}, {rights_rwx, "rwx"}, {rights_all, "all"}}};

}  // namespace

std::string_view right_name(Right right) {
  for (int bit = 0; bit < right_count; ++bit) {
    if (static_cast<std::uint32_t>(right) == 1U << bit) return names[bit];
  }
  return "";
}

std::optional<Right> parse_right(std::string_view word) {
  for (int bit = 0; bit < right_count; ++bit) {
    if (names[bit] == word) return static_cast<Right>(1U << bit);
  }
  return std::nullopt;
}

std::string rights_text(Rights rights) {
  if (rights.empty()) return "none";
  std::string text;
  // The largest set first, then what it lacks.
  for (auto set = sets.rbegin(); set != sets.rend(); ++set) {
    if (set->rights.empty() || !rights.covers(set->rights)) continue;
    text = set->word;
    rights = rights.without(set->rights);
    break;
  }
  for (int bit = 0; bit < right_count; ++bit) {
    if ((rights.bits() >> bit & 1U) == 0) continue;
    if (!text.empty()) text += ", ";
    text += names[bit];
  }
  return text;
}

}  // namespace warder::policy
