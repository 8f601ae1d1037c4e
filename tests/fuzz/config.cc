// config.json: any text gives a Spec or a list of errors.
#include "runtime/config/parse.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  warder::runtime::Warnings warnings;
  const std::string text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(warder::runtime::parse_config(text, "/bundle", warnings).ok());
  static_cast<void>(warder::runtime::parse_process(text, warnings).ok());
  static_cast<void>(warder::runtime::parse_resources(text).ok());
  return 0;
}
