// What a descriptor is called in the container: the name that a profile decides about. Workers of PID 1; no privileges.
//
// The kernel writes the name (the link /proc/self/fd/N of PID 1's own procfs), so it is canonical: no links, no "..", relative to
// the container's root, which is the workers' root too.
#pragma once

#include <sys/stat.h>

#include "linux/fd.h"
#include "supervisor/caller.h"
#include "supervisor/outcome.h"

namespace warder::supervisor {

/// Where an object stands to the container's tree.
enum class Belonging : std::uint8_t {
  container,  ///< on a mount of the container: its name means what it says
  nameless,   ///< pipes, sockets, memfds, unlinked files of elsewhere
  outside,    ///< a file of elsewhere, opened by the engine and passed in: its name only looks like one of ours
};

/// Writes the name as the kernel gives it; without a leading "/" it is no path at all ("pipe:[17]"). ENAMETOOLONG where it does
/// not fit.
Outcome<void> read_name(CallerCache& cache, BorrowedFd fd, PathText& name);

/// The same for names of any length that PathText holds: where the kernel cannot say one in a piece, the worker's root moves down
/// to an ancestor for a moment. A file does not know its parent: it is looked for below `base`, or below the caller's current
/// directory, and ENAMETOOLONG where it is not there. The worker is the caller afterwards, or as before.
Outcome<void> read_whole_name(Caller& caller, BorrowedFd fd, PathText& name, BorrowedFd base = BorrowedFd(-1));

/// Looks at the mount that the descriptor is on. Linux 5.8 (STATX_MNT_ID). `mount`: its unique id where it is known, to be
/// remembered; else 0.
Belonging belonging_of(CallerCache& cache, pid_t tid, BorrowedFd fd, std::string_view name, std::uint64_t mount = 0);

/// Takes " (deleted)" off the name of an unlinked file. True where the file is not unlinked through and through, so that the name
/// may just as well be that of a live file: both have to be asked about then.
bool strip_deleted(BorrowedFd fd, PathText& name);

/// Could the kernel have written this name, and does no link in it lead through a procfs? Names on the container's procfs are
/// left out: "self" is somebody else there.
[[nodiscard]] bool is_spelled_canonically(std::string_view path);

/// No component of the path is "..".
[[nodiscard]] bool goes_down_only(std::string_view path);

/// The unique id of a mount; 0 where the kernel does not tell (before Linux 6.8). Ids are never used again.
[[nodiscard]] std::uint64_t unique_mount(const struct statx& found);
/// Whether the mount was seen to be the container's own, by its unique id.
[[nodiscard]] bool is_own_mount(const CallerCache& cache, std::uint64_t mount);

/// Whether the mount is known to be of no procfs: `found` by statx with kernel::statx_mount_id_unique. A mount's file system
/// never changes, nor is its unique id used again.
bool is_ordinary_mount(const CallerCache& cache, const struct statx& found);
void remember_ordinary_mount(CallerCache& cache, const struct statx& found);

}  // namespace warder::supervisor
