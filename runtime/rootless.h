// Is this warder the machine's root, or a user (perhaps root of a user namespace)? The host process of a command.
#pragma once

#include <string_view>

#include "linux/result.h"

namespace warder::runtime {

/// `word` is the value of --rootless: "true" and "false" decide, "auto" looks: another effective uid than 0, or an id map that
/// is not the initial user namespace's.
Result<bool> is_rootless(std::string_view word);

}  // namespace warder::runtime
