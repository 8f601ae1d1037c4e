// The names of a container's tree that stand still: what a profile lets nobody make, move or take away. Pure but for what
// ContainerFacts asks.
//
// Landlock takes rights from objects that are there when the ruleset is made. Whether a rule about a name is exact depends on
// whether the name can come to mean something else.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/core/compiled.h"
#include "policy/hardening.h"
#include "policy/lower.h"
#include "policy/profile.h"

namespace warder::policy {

/// Rights that Landlock asks of the directory in which a name is made or removed.
inline constexpr Rights rights_of_parent = rights_to_make | rights_of_the_name;

/// "/" for what lies in it, and for itself.
[[nodiscard]] std::string parent_of(const std::string& path);
/// Is `path` the directory or below it?
[[nodiscard]] bool is_within(const std::string& path, const std::string& directory);
/// A procfs directory that is another one for every process, so that nothing at start stands for it.
[[nodiscard]] bool is_per_process(const std::string& path);

class StandingNames {
 public:
  /// `compiled`: the profile's path rights alone. All three outlive this.
  StandingNames(const Profile& profile, const Compiled& compiled, const ContainerFacts& container)
      : profile_(profile), compiled_(compiled), container_(container) {}

  [[nodiscard]] FileKind kind(const std::string& path) const;
  /// Nobody can move or remove what has this name. Of the directories above it nothing is said.
  [[nodiscard]] bool keeps_name(const std::string& path) const;
  /// Nobody can move or remove what has this name, nor a directory above it.
  [[nodiscard]] bool pinned(std::string path) const;
  /// The profile lets an object be made at this name.
  [[nodiscard]] bool can_be_made(const std::string& path) const;
  /// Nothing is there, and the workload cannot make it.
  [[nodiscard]] bool stays_absent(std::string path) const;
  [[nodiscard]] std::optional<std::vector<ListedFile>> list(const std::string& path) const;
  /// No name in the directory can be made, changed or taken away, whatever it is.
  [[nodiscard]] bool frozen(const std::string& directory) const;
  /// Where a rule about `path` is put: on itself where it is there at start or never will be, else on the deepest directory above
  /// it that is there.
  [[nodiscard]] std::string anchor(std::string path) const;

  /// The literal patterns and trees (`/dir/**`) that a brace-free pattern with special characters comes to, now and as long as
  /// the container runs; nullptr where that is not known, because names can change or there are too many to look at.
  [[nodiscard]] const std::vector<std::string>* matched_by(const std::string& pattern) const;

 private:
  class Walk;
  [[nodiscard]] bool allows_any(const std::string& path, Rights rights) const;

  const Profile& profile_;
  const Compiled& compiled_;
  const ContainerFacts& container_;
  mutable std::map<std::string, std::optional<std::vector<std::string>>> matched_;
};

}  // namespace warder::policy
