// From the text of config.json to a checked Spec. The host process of a command; no privileges, no system calls.
//
// Every function here gives all errors at once, each as "WHERE: found VALUE; accepted: WHAT". Unknown members are ignored, as
// the specification demands; a member that warder knows and does not act on is refused where it asks for something.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "linux/result.h"
#include "runtime/config/spec.h"

namespace warder::runtime {

/// What was found odd and does not stop the container (an unknown capability, …); for the log at level `warning`.
using Warnings = std::vector<std::string>;

/// The whole config.json. `bundle` is the absolute bundle directory, to which root.path is relative.
Result<Spec> parse_config(std::string_view text, const std::string& bundle, Warnings& warnings);

/// The file of `exec --process`.
Result<Process> parse_process(std::string_view text, Warnings& warnings);

/// The file of `mounts add` and `mounts remove`: an array of mounts, or an object with a non-empty `mounts`.
Result<std::vector<Mount>> parse_mounts(std::string_view text);

/// The file of `update --resources`.
Result<Resources> parse_resources(std::string_view text);

/// "CAP_CHOWN", "chown": the number; nothing for an unknown word.
[[nodiscard]] std::optional<int> parse_capability(std::string_view word);
/// "CAP_CHOWN" for 0, … ; "" beyond the last one known.
[[nodiscard]] std::string_view capability_name(int number);
inline constexpr int known_capabilities = 41;

}  // namespace warder::runtime
