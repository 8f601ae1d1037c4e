// SHA-256 (FIPS 180-4) of profile files, so that a log line names the exact text that decided. Pure.
#pragma once

#include <string>
#include <string_view>

namespace warder::policy {

/// "sha256:" and 64 hexadecimal digits.
[[nodiscard]] std::string sha256_text(std::string_view bytes);

}  // namespace warder::policy
