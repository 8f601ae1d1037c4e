// The block that warder-init parses before it is confined: whatever the bytes, it is refused or means one thing.
#include "supervisor/protocol/boot.h"

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using warder::supervisor::Boot;
  auto boot = Boot::parse(std::as_bytes(std::span(data, size)));
  if (!boot.ok()) return 0;
  auto again = Boot::parse(boot->serialize());
  warder::fuzz::require(again.ok());
  warder::fuzz::require(again->serialize() == boot->serialize());
  return 0;
}
