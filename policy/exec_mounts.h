// `executable-mappings: exec`: which parts of the container's tree are mounted noexec, so that the kernel itself refuses to map a
// file executable (the loader started by hand, LD_PRELOAD, dlopen, mmap and mprotect) where no entry gives `exec`. Pure.
//
// A mount is one answer for everything in it. So every path that may be read must have `exec` where its mount is not noexec, and
// must not have it where the mount is; paths that cannot be read need not agree with their mount, for nobody can map them. Where
// the rights of one directory are mixed so that mounts cannot tell its files apart, or where somebody could move the directory
// that is mounted on, the profile is refused: the setting holds everywhere or not at all.
#pragma once

#include <string>
#include <vector>

#include "policy/core/compiled.h"
#include "policy/lower.h"
#include "policy/profile.h"

namespace warder::policy {

/// A directory (or file) from which on, down to the next one, everything is executable or nothing is.
struct ExecMount {
  std::string path;  ///< canonical, absolute
  bool executable = false;
  /// Only what has this very name: a directory needs no mount then.
  bool name_alone = false;
  /// Nobody can replace what is there, so that a symbolic link there stays one and needs no mount.
  bool keeps_link = false;
  /// Nothing is there, but the workload could make it: an empty directory is made, as for any mount.
  bool to_be_made = false;
  /// Where nothing is there, nothing will be.
  bool may_be_absent = false;
};

/// Parents before children; empty where everything may be mapped. An error with file and line where mounts cannot hold it.
/// `profile`: canonical, with the setting, with `paths`, in mode enforce; `compiled`: the same profile alone.
[[nodiscard]] Result<std::vector<ExecMount>> lower_exec_mounts(const Profile& profile, const Compiled& compiled,
                                                               const ContainerFacts& container);

/// What is executable under both.
[[nodiscard]] std::vector<ExecMount> both_exec_mounts(const std::vector<ExecMount>& one, const std::vector<ExecMount>& other);

}  // namespace warder::policy
