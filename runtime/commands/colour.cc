#include "runtime/commands/colour.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

namespace warder::runtime {

Colour colour_of_output() {
  const char* terminal = std::getenv("TERM");
  const bool capable = terminal != nullptr && std::string_view(terminal) != "dumb" && std::getenv("NO_COLOR") == nullptr;
  return capable && ::isatty(STDOUT_FILENO) == 1 ? Colour::terminal : Colour::plain;
}

std::string painted(Colour colour, Paint paint, std::string_view text) {
  if (colour == Colour::plain) return std::string(text);
  constexpr std::string_view codes[] = {"32", "31", "33", "1"};
  return fmt::format("\x1b[{}m{}\x1b[0m", codes[static_cast<std::size_t>(paint)], text);
}

}  // namespace warder::runtime
