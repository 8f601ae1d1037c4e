// uid_map and gid_map of a container's user namespace, written by P0 from outside.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>

#include "linux/result.h"
#include "runtime/config/spec.h"

namespace warder::runtime {

/// How this caller can write these maps.
enum class MapMethod : std::uint8_t {
  write,          ///< CAP_SETUID and CAP_SETGID here: any map, by write(2)
  write_own_id,   ///< one line that maps the caller's own id: anybody, but setgroups(2) is denied in the namespace then
  setuid_helpers  ///< newuidmap(1) and newgidmap(1), within /etc/subuid and /etc/subgid
};
MapMethod choose_map_method(const Linux& linux_);

/// The lines of a map as the kernel takes them.
[[nodiscard]] std::string map_text(std::span<const IdMapping> mappings);

/// Writes both maps of a process that waits in its new user namespace.
Result<void> write_id_maps(pid_t pid, const Linux& linux_, MapMethod method);

/// A user namespace that exists only for its maps (idmapped mounts): an O_RDONLY descriptor of it. Needs CAP_SETUID, CAP_SETGID.
Result<Fd> make_mapping_namespace(std::span<const IdMapping> uids, std::span<const IdMapping> gids);

}  // namespace warder::runtime
