// Which hierarchies the machine mounts, from /proc/self/mountinfo and /proc/self/cgroup. Host process of a command; no
// privileges.
#include <fcntl.h>

#include <algorithm>
#include <optional>

#include "linux/open.h"
#include "runtime/cgroups/cgroup.h"

namespace warder::runtime {

namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  }
  return parts;
}

struct MountLine {
  std::string root, point, type;
  std::string options;  ///< of the superblock
};

/// mountinfo writes blanks and backslashes of paths as \ooo.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\' || at + 3 >= text.size()) {
      plain += text[at];
      continue;
    }
    plain += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 + (text[at + 3] - '0'));
    at += 3;
  }
  return plain;
}

std::optional<MountLine> parse_mount(std::string_view line) {
  std::size_t dash = line.find(" - ");
  if (dash == std::string_view::npos) return {};
  std::vector<std::string_view> left = split(line.substr(0, dash), ' ');
  std::vector<std::string_view> right = split(line.substr(dash + 3), ' ');
  if (left.size() < 5 || right.size() < 3) return {};
  if (right[0] != "cgroup" && right[0] != "cgroup2") return {};
  return MountLine{unescape(left[3]), unescape(left[4]), std::string(right[0]), std::string(right[2])};
}

bool has_all(std::string_view options, std::string_view controllers) {
  std::vector<std::string_view> words = split(options, ',');
  for (std::string_view controller : split(controllers, ',')) {
    if (std::find(words.begin(), words.end(), controller) == words.end()) return false;
  }
  return true;
}

/// The own cgroup as seen below a mount whose root may be deeper than the hierarchy's.
std::string below_mount(std::string_view path, std::string_view root) {
  if (root == "/") return std::string(path);
  if (path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/')) {
    path.remove_prefix(root.size());
    return path.empty() ? "/" : std::string(path);
  }
  return "/";
}

}  // namespace

Result<CgroupLayout> CgroupLayout::parse(std::string_view mountinfo, std::string_view self_cgroup) {
  std::vector<MountLine> mounts;
  for (std::string_view line : split(mountinfo, '\n')) {
    if (std::optional<MountLine> mount = parse_mount(line)) mounts.push_back(*std::move(mount));
  }
  CgroupLayout layout;
  std::optional<Hierarchy> unified;
  bool controllers_in_v1 = false;
  for (std::string_view line : split(self_cgroup, '\n')) {
    std::size_t first = line.find(':');
    std::size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    std::string_view controllers = line.substr(first + 1, second - first - 1);
    std::string_view path = line.substr(second + 1);
    std::string_view type = controllers.empty() ? "cgroup2" : "cgroup";
    auto mount = std::find_if(mounts.begin(), mounts.end(), [&](const MountLine& candidate) {
      return candidate.type == type && has_all(candidate.options, controllers);
    });
    if (mount == mounts.end()) continue;
    Hierarchy hierarchy{std::string(controllers), mount->point, below_mount(path, mount->root)};
    if (controllers.empty()) {
      unified = std::move(hierarchy);
      continue;
    }
    controllers_in_v1 = controllers_in_v1 || !controllers.starts_with("name=");
    layout.hierarchies.push_back(std::move(hierarchy));
  }
  if (controllers_in_v1) {
    layout.beside = std::move(unified);
    return layout;
  }
  if (!unified) return Error::user("no cgroup hierarchy is mounted");
  layout.unified = true;
  layout.hierarchies = {*std::move(unified)};
  return layout;
}

Result<CgroupLayout> CgroupLayout::probe() {
  Fd mountinfo = WARDER_TRY(kernel::open_path("/proc/self/mountinfo", O_RDONLY));
  Fd own = WARDER_TRY(kernel::open_path("/proc/self/cgroup", O_RDONLY));
  std::string mounts = WARDER_TRY(kernel::read_all(mountinfo, 16U << 20U));
  std::string cgroups = WARDER_TRY(kernel::read_all(own));
  return parse(mounts, cgroups);
}

}  // namespace warder::runtime
