// Which profile file belongs to a container: candidates, directories, ownership. Runs in `warder`, before anything is made; its
// only effects are openat, fstat and read of profile files.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/profile.h"

namespace warder::policy {

/// Where profiles are looked for, in order.
struct ProfileDirectories {
  std::vector<std::string> directories;  ///< candidates by hostname, annotation and extends
  std::vector<std::string> stock;        ///< extends, annotation and `default` only
  std::vector<std::string> mandatory;    ///< those whose mandatory.yaml is a ceiling
  std::string config_file;               ///< warder.yaml; may be absent
  std::optional<std::string> only_with;  ///< the --profile-dir, for messages
};

/// The directories of this caller. `profile_dir`: the value of --profile-dir, alone if given (the ceiling of
/// /etc/warder/profiles stays). `rootless`: the user's own directory comes first, taken from $XDG_CONFIG_HOME, else
/// $HOME/.config. Reads the environment of `warder`, never that of the workload.
[[nodiscard]] ProfileDirectories profile_directories(const std::optional<std::string>& profile_dir, bool rootless);

/// The text of one file that its owner may provide, or findings that say why not.
struct FileText {
  enum class State { found, absent, refused };
  State state = State::absent;
  std::shared_ptr<const std::string> file;
  std::string text;
  std::vector<Finding> findings;
};
/// Opens DIRECTORY/NAME.yaml and checks, on the descriptors, that file and directory belong to root or the caller and that
/// nobody else may write them. Only ENOENT is `absent`.
[[nodiscard]] FileText read_profile_file(const std::string& directory, std::string_view name);
/// The same for a file named by the user (`warder profile check FILE`), without the ownership rules.
[[nodiscard]] FileText read_given_file(const std::string& path);

/// The names (without .yaml) to try in one directory for a hostname and domain name, templates excluded, in order;
/// "PREFIX@" stands where the longest template belongs.
struct Candidate {
  std::string name;
  bool longest_template = false;
};
[[nodiscard]] std::vector<Candidate> candidates(std::string_view hostname, std::string_view domainname);
/// Why a hostname, domain name or profile name cannot name a profile ("holds '/'; …"), or nothing.
[[nodiscard]] std::optional<std::string> name_fault(std::string_view name);

}  // namespace warder::policy
