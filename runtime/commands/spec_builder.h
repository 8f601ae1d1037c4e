// A hardened config.json from flags. Pure but for looking at what volumes and secrets name on the host.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "linux/result.h"
#include "runtime/commands/spec_document.h"

namespace warder::runtime {

/// The flags as written; each is parsed by build_spec(), which names the flag in its errors.
struct SpecFlags {
  std::vector<std::string> command;
  std::optional<std::string> hostname, cwd, user, rootfs, cgroup, profile, memory, cpus, sd_notify;
  std::optional<std::int64_t> pids;
  std::vector<std::string> env, capabilities, rlimits, volumes, tmpfs, secrets, hooks, namespaces, uid_maps, gid_maps, sysctls,
      annotations;
  bool terminal = false, writable_root = false, force = false;

  /// True where anything is asked for beyond the document to begin with.
  [[nodiscard]] bool any() const;
};

/// The document with the flags applied. As soon as one is given the process has no capabilities but those asked for, no terminal
/// unless asked for, limits for processes and descriptors, and a read-only root.
///
/// Refused unless forced: a volume whose source is the root of the host, its kernel interfaces or devices, its configuration, or
/// the socket of an engine; a secret that lies on a disk or that others can read. Destinations on "/", /proc, /sys and /dev are
/// refused always. The error names all that is wrong.
Result<json> build_spec(const SpecFlags& flags, SpecKind kind);

/// Why a host path should not be given to a container; empty where nothing speaks against it. `path` is canonical.
[[nodiscard]] std::string sensitive_source(const std::string& path);

}  // namespace warder::runtime
