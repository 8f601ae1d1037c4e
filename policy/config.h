// /etc/warder/warder.yaml: the administrator's settings of warder itself. Pure but for reading that file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/profile.h"

namespace warder::policy {

enum class WhenNoProfile : std::uint8_t { builtin, refuse };

struct Config {
  WhenNoProfile when_no_profile = WhenNoProfile::builtin;
  bool allow_annotation = true;
  /// Where audit lines go: an absolute file name; empty: `audit.log` in the container's state directory.
  std::string audit_file;
};

struct ConfigOutcome {
  Config config;
  std::vector<Finding> findings;
};

/// Parses the text of warder.yaml; errors as in parse.h. Keys: when-no-profile, allow-annotation, audit: {file: PATH}.
[[nodiscard]] ConfigOutcome parse_config(std::string_view text, const std::shared_ptr<const std::string>& file);

}  // namespace warder::policy
