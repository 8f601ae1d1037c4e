// What the verbs of `warder profile` share: how a profile is named on their command line, and one function per verb.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "linux/result.h"
#include "policy/compare.h"
#include "policy/load.h"
#include "policy/lower.h"

namespace warder::runtime {

enum class Format : std::uint8_t { text, json };

/// Where profiles come from and which container to imagine; the options that every verb takes.
struct ProfileOptions {
  std::optional<std::string> profile_dir;
  std::string hostname = "hostname";
  std::string domainname;
  std::string container_id = "container";
  Format format = Format::text;
};

[[nodiscard]] policy::LoadRequest load_request(const ProfileOptions& options);
/// The profile of a name or file; an error with every finding, one a line.
[[nodiscard]] Result<policy::Profile> load_profile(std::string_view name_or_file, const ProfileOptions& options);
/// The profile that a container with these host and domain names would get.
[[nodiscard]] Result<policy::Profile> load_for_hostname(const ProfileOptions& options);
/// lower() for the running kernel and no particular container: literal paths stand for themselves.
[[nodiscard]] Result<policy::Lowered> lower_here(const policy::Profile& profile);
/// "FILE:LINE", "builtin" for the hardening set.
[[nodiscard]] std::string place(const policy::Source& source);
[[nodiscard]] std::string place(const policy::Origin& origin);

/// "+ what" and "- what", each with the lines that decided before and after.
[[nodiscard]] std::string differences_text(const std::vector<policy::Difference>& differences, Format format);

/// Each verb prints and returns the exit code, or the error that the command ends with.
Result<int> check_profiles(const std::vector<std::string>& files, const ProfileOptions& options);
Result<int> explain_request(const policy::Profile& profile, const std::string& operation, const std::string& object,
                            Format format);
Result<int> test_profiles(const std::vector<std::string>& names, const ProfileOptions& options);
Result<int> show_profile(const policy::Profile& profile, Format format);
/// The profile in force in an existing container, whatever has become of its files; while it lives with the enforcer of each
/// line and how often it decided.
Result<int> show_container(const std::string& id, const std::optional<std::string>& root, Format format);
Result<int> diff_profiles(const std::string& before, const std::string& after, const ProfileOptions& options);
/// The profile that allows what recordings of mode learn hold; see warder-profile(5).
Result<int> learn_profile(const std::vector<std::string>& logs, const ProfileOptions& options);
Result<int> show_groups(const std::vector<std::string>& groups, Format format);
/// Every right with the system calls that need it; `hide` with those that would reveal what is hidden.
Result<int> show_rights(Format format);
Result<int> show_schema(const ProfileOptions& options);

}  // namespace warder::runtime
