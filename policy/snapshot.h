// The files of a profile as they were read, to have it again when they have changed. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/parse.h"
#include "policy/profile.h"

namespace warder::policy {

struct SnapshotFile {
  std::string name;  ///< of the layer
  std::string file;
  std::string text;
};

/// Everything that Profile::hash() is about.
struct Snapshot {
  /// The container's profile first, then its ceilings; of each its layers in the order of application, itself last.
  std::vector<std::vector<SnapshotFile>> chain;
  std::string hostname;      ///< what ${HOSTNAME} stood for; set by the caller
  std::optional<Mode> mode;  ///< the one that an annotation asked for
};

[[nodiscard]] Snapshot snapshot_of(const Profile& profile);
/// The profile that the snapshot was taken of; nothing where its files are not such.
[[nodiscard]] std::optional<Profile> profile_of(const Snapshot& snapshot, const Variables& variables);

}  // namespace warder::policy
