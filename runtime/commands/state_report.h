// The object that `state` and `list` print. The host process of a command.
#pragma once

#include <nlohmann/json.hpp>

#include "runtime/commands/container.h"

namespace warder::runtime {

/// ociVersion, id, pid (0 when stopped), status, bundle, rootfs, created, annotations, owner, in this order, which scripts that
/// compare text rely on; the profile stands among the annotations as io.warder.profile.*.
[[nodiscard]] nlohmann::ordered_json state_report(const Container& container);

}  // namespace warder::runtime
