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

/// Where audit lines go.
enum class AuditSink : std::uint8_t {
  file,            ///< of the container, or the one that `file` names
  journald,        ///< its native socket
  syslog,          ///< /dev/log
  standard_error,  ///< of the command that makes the container
};

struct AuditSettings {
  AuditSink sink = AuditSink::file;
  /// An absolute file name; empty: `audit.log` in the container's state directory.
  std::string file;
  std::uint32_t rate = 200;    ///< lines a second that one container may write in the long run
  std::uint32_t burst = 1000;  ///< lines that it may write at once
  bool usage = false;          ///< at its end, one line for each entry of the profile that was asked for
};

struct Config {
  WhenNoProfile when_no_profile = WhenNoProfile::builtin;
  bool allow_annotation = true;
  /// What the annotation io.warder.mode may ask for.
  std::vector<Mode> allow_modes;
  /// May `warder update --profile` allow what the profile in force refuses?
  bool allow_loosening = false;
  AuditSettings audit;
  /// Where the recordings of mode learn go, ID.log each, and stay when the container is removed. Absolute, or `~/…` of the
  /// caller; empty: where the audit lines go.
  std::string learn_directory;
  /// The level of warder's own messages where the command line gives none: error, warning, info or debug; empty: error.
  std::string log_level;
  /// Hooks of config.json: whether their files are looked at before they run with the runtime's privileges, and how long one may
  /// take that says nothing itself.
  bool check_hooks = true;
  std::uint32_t hook_timeout_seconds = 60;
};

struct ConfigOutcome {
  Config config;
  std::vector<Finding> findings;
};

/// Parses the text of warder.yaml; errors as in parse.h. warder.yaml(5) describes the keys.
[[nodiscard]] ConfigOutcome parse_config(std::string_view text, const std::shared_ptr<const std::string>& file);

}  // namespace warder::policy
