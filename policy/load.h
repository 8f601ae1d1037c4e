// From a container's names to its profile: the one entry point of the runtime into the language. Runs in `warder`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/config.h"
#include "policy/lookup.h"
#include "policy/profile.h"

namespace warder::policy {

struct LoadRequest {
  std::string container_id;
  std::string hostname;                   ///< of config.json; "" where it has none
  std::string domainname;                 ///< of config.json
  std::optional<std::string> annotation;  ///< the value of io.warder.profile
  bool joins_uts_namespace = false;       ///< the namespace is another container's: the hostname is no key
  ProfileDirectories where;               ///< from profile_directories()
};

struct LoadOutcome {
  std::optional<Profile> profile;  ///< absent: refuse to create, and show the findings
  Config config;
  std::vector<Finding> findings;  ///< errors where there is no profile; lints are lint_profile()'s (check.h)
};

/// The settings of `where.config_file`; what it does not say, and all of an absent file, is as Config has it.
[[nodiscard]] ConfigOutcome load_config(const ProfileDirectories& where);

/// Reads warder.yaml, finds the profile, merges its layers, adds the mandatory ceiling and checks the whole. Without any file:
/// the built-in default. Never throws; the findings' texts hold none of the phrases from which podman guesses exit code 126 or
/// 127.
[[nodiscard]] LoadOutcome load_for_container(const LoadRequest& request);

/// The profile NAME (from the directories, then stock) or, where `name_or_file` holds a slash or ends in .yaml, that file; layers
/// and ceiling as for a container. For the `warder profile` verbs.
[[nodiscard]] LoadOutcome load_by_name(std::string_view name_or_file, const LoadRequest& request);

/// The built-in default profile: hardening only, `audit: cheap`.
[[nodiscard]] Profile builtin_profile();

/// All error findings, one a line, for an error message.
[[nodiscard]] std::string findings_text(const std::vector<Finding>& findings);

}  // namespace warder::policy
