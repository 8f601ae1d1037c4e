// What the options of one entry of `mounts` mean. Pure: words in, a plan out; mounts.h carries it out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "linux/mount.h"
#include "linux/result.h"
#include "runtime/config/spec.h"

namespace warder::runtime {

enum class MountKind : std::uint8_t {
  filesystem,  ///< a new mount of a filesystem type
  bind,        ///< a copy of a host tree
  cgroup,      ///< the container's own cgroups, however the machine mounts them
  remount,     ///< other attributes for what is mounted at the destination already
};

struct PropagationChange {
  std::uint64_t type = 0;  ///< MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE
  kernel::Recursion recursion{};
};

struct MountPlan {
  MountKind kind{};
  std::string destination;
  std::string source;
  std::string type;
  kernel::Recursion bind_recursion = kernel::Recursion::this_mount;
  kernel::MountAttributes attributes;            ///< of the mount itself
  kernel::MountAttributes recursive_attributes;  ///< of it and all below: "rro", "rnosuid", …
  std::vector<PropagationChange> propagation;    ///< in the order written
  /// Options of the filesystem; an empty second means a flag without a value.
  std::vector<std::pair<std::string, std::string>> data;
  bool copy_up = false;            ///< tmpcopyup: a tmpfs that starts with what the image has there
  bool map_ids = false;            ///< "idmap", "ridmap", or mappings given
  bool map_ids_below = false;      ///< "ridmap"
  bool follow_source = true;       ///< false: "src-nofollow", bind a symbolic link itself
  bool follow_destination = true;  ///< false: "dest-nofollow"
  bool copy_source_link = false;   ///< "copy-symlink": where the source is a link, make the same link instead of a mount
};

/// Fails for words that this kind of mount cannot honour, naming the word.
Result<MountPlan> plan_mount(const Mount& mount);

/// linux.rootfsPropagation. An empty word is what every caller means by it: rslave.
Result<PropagationChange> parse_propagation(std::string_view word);

/// Every option word that plan_mount() understands by itself, sorted; for `warder features`.
[[nodiscard]] std::vector<std::string> known_mount_options();

}  // namespace warder::runtime
