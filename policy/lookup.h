// Which profile file belongs to a container: candidates, directories, ownership. Runs in `warder`, before anything is made; its
// only effects are openat, fstat and read of profile files.
#pragma once

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
};

/// The directories of this caller. `profile_dir`: the value of --profile-dir, alone if given (the ceiling of
/// /etc/warder/profiles stays). `rootless`: the user's own directory comes first, taken from $XDG_CONFIG_HOME, else
/// $HOME/.config. Stock is `../../profiles` of a build tree that `warder` runs from, else /usr/share/warder/profiles. Reads the
/// environment of `warder`, never that of the workload.
[[nodiscard]] ProfileDirectories profile_directories(const std::optional<std::string>& profile_dir, bool rootless);

/// The text of one file that its owner may provide, or findings that say why not.
struct FileText {
  enum class State : std::uint8_t { found, absent, refused };
  State state = State::absent;
  std::shared_ptr<const std::string> file;
  std::string text;
  std::vector<Finding> findings;
};
/// Who vouches for a file.
enum class FileTrust : std::uint8_t {
  provided,  ///< file and directory belong to root or the caller and nobody else may write them
  given,     ///< the user named the file on the command line
};
/// Opens DIRECTORY/FILE_NAME and checks type, owner and mode on the descriptors. Only ENOENT is `absent`: a directory that does
/// not exist, or has no such file. A file is at most 1 MiB.
[[nodiscard]] FileText read_profile_file(const std::string& directory, std::string_view file_name, FileTrust trust);

/// A file that may be the profile: NAME, or in `longest_template` the longest PREFIX@ that the name begins with.
struct Candidate {
  std::string name;
  bool longest_template = false;
};
/// What to try in each directory, in order, `default` last. Reserved names and names with `@` are left out.
[[nodiscard]] std::vector<Candidate> candidates(std::string_view hostname, std::string_view domainname);
/// The file name of the longest template PREFIX@.yaml in `directory` for the hostname; "" where there is none.
[[nodiscard]] FileText read_longest_template(const std::string& directory, std::string_view hostname);
/// Why a hostname, domain name or profile name cannot name a profile ("holds '/'; …"), or nothing.
[[nodiscard]] std::optional<std::string> name_fault(std::string_view name);

}  // namespace warder::policy
