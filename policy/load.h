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
  std::optional<std::string> mode;        ///< the value of io.warder.mode
  bool joins_uts_namespace = false;       ///< the namespace is another container's: the hostname is no key
  ProfileDirectories where;               ///< from profile_directories()
};

struct LoadOutcome {
  std::optional<Profile> profile;  ///< absent: refuse to create, and show the findings
  Config config;
  std::vector<Finding> findings;  ///< errors where there is no profile; lints are lint_profile()'s (check.h)
};

/// What one file was when loading asked for it: with the file that was found first, all that a profile is made of.
struct FileAnswer {
  std::string directory, name;
  FileText::State state = FileText::State::absent;
  std::string hash;       ///< of the text; empty where there is none
  bool names_us = false;  ///< the text may use ${HOSTNAME} or ${CONTAINER_ID}
};
/// Whether the file is what it was.
[[nodiscard]] bool still_answers(const FileAnswer& answer);

/// The file that is a container's profile, read but not yet understood.
struct ProfileFile {
  std::string name;
  std::shared_ptr<const std::string> file;
  std::string text;
};
struct Location {
  std::optional<ProfileFile> profile;  ///< absent: refuse to create, and show the findings
  std::optional<Mode> mode;            ///< that an annotation asked for
  Config config;
  std::vector<Finding> findings;
};

/// load_for_container() in two halves, for a caller that remembers what the second one makes: all but the clock's time that it
/// depends on is the request, the file, and the `asked` files.
[[nodiscard]] Location locate_for_container(const LoadRequest& request);
[[nodiscard]] LoadOutcome load_located(const LoadRequest& request, Location&& location, std::vector<FileAnswer>* asked = nullptr);

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
