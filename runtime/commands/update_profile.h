// `warder update --profile FILE ID`: another profile for a container that runs. The host process of a command.
#pragma once

#include <string>

#include "runtime/commands/verb.h"

namespace warder::runtime {

enum class Dry : std::uint8_t { no, yes };

/// Puts the profile in force, or changes nothing and says what stands in the way, each with its line; prints what became allowed
/// (+) or denied (-). `Dry::yes` only tells. See warder(1) and warder-profile(5).
Result<int> update_profile(const Context& context, const std::string& id, const std::string& name_or_file, Dry dry);

}  // namespace warder::runtime
