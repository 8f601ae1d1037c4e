// Which containers a command means: one id, or with --regex all whose id matches. The host process of a command.
#pragma once

#include <string>
#include <vector>

#include "linux/result.h"
#include "runtime/state/container_state.h"

namespace warder::runtime {

enum class IdMeaning { exact, regular_expression };

/// The ids meant. An expression (POSIX extended, matched against the whole id) may match none.
Result<std::vector<std::string>> matching_ids(const StateRoot& root, const std::string& word, IdMeaning meaning);

}  // namespace warder::runtime
