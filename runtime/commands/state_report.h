// The object that `state` and `list` print. The host process of a command.
#pragma once

#include <nlohmann/json.hpp>

#include "runtime/commands/container.h"

namespace warder::runtime {

/// ociVersion, id, pid (0 when stopped), status, bundle, rootfs, created, annotations, owner; the profile stands among the
/// annotations as io.warder.profile.*.
[[nodiscard]] nlohmann::json state_report(const Container& container);

}  // namespace warder::runtime
