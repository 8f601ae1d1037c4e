// Mounts of a container that exists already. The host process of `mounts`; privileged over the container's mount namespace.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "linux/result.h"
#include "runtime/config/spec.h"
#include "runtime/state/container_state.h"

namespace warder::runtime {

enum class MountChange : std::uint8_t { add, remove };

/// Adds the mounts, one after the other, or takes away what is mounted at their destinations, in reverse order.
///
/// A child does it from inside the container's mount (and user) namespace, by descriptors below its root, under the rules of
/// `mounts` of config.json. Only bind mounts and tmpfs are added, and nothing is changed at or below /proc, /sys and /dev: those
/// are what the container's confinement stands on. Sources are opened on the host, relative ones below `directory`. On failure
/// the mounts before the failing one stay.
Result<void> change_mounts(const ContainerState& container, MountChange change, std::span<const Mount> mounts,
                           const std::string& directory);

}  // namespace warder::runtime
