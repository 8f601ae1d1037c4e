// Colours, only where a terminal shows them. The host process of a command.
#pragma once

#include <string>
#include <string_view>

#include "runtime/audit/table.h"

namespace warder::runtime {

/// Colour::terminal where standard output is a terminal that knows colours and NO_COLOR is not set.
[[nodiscard]] Colour colour_of_output();

/// The text in red, green or bold; as it is where there are no colours.
enum class Paint : std::uint8_t { good, bad, doubtful, strong };
[[nodiscard]] std::string painted(Colour colour, Paint paint, std::string_view text);

}  // namespace warder::runtime
