// The short way of opening: nearly every open is of an ordinary file, to be read, by its canonical name. Workers of PID 1, as the
// caller.
//
// The full way (open.cc) opens the object O_PATH, asks for its name, decides, and opens it again through that descriptor. Where
// the path that the caller wrote is spelled like a canonical name, the verdict about it can be had first, so that one open with
// the final flags is enough, through no link. It is only a guess until the kernel has named what was opened: only where that name
// is the one that was judged is the descriptor given (law 2: one resolution, and the verdict is about the object's own name). So
// renames and mounts in between win nothing; they lead to the full way. A path that is relative is judged by the name that the
// kernel gives to what was opened.
//
// An open may do something by itself: FIFOs and devices wake, wait or wind back; files that are written truncate or make others
// fail. So only files and directories are opened here, only for reading, and only after a look at what stands there. Who
// exchanges it for a FIFO in the microsecond between gets one that was opened without waiting; nobody waits for it here.
#pragma once

#include "supervisor/files/open_request.h"
#include "supervisor/files/steps.h"

namespace warder::supervisor::files {

enum class Straight : std::uint8_t {
  opened,       ///< allowed, nothing to log, and a regular file or directory
  absent,       ///< ENOENT, as the caller would have got it; the descriptor's number was not looked at
  look_closer,  ///< anything else: nothing was decided, and no trace left
};

/// The first two need no proof that the caller still waits but the answer itself: what was done leaves no trace. Fails only where
/// the worker cannot become the caller.
Outcome<Straight> open_straight(Call& call, int directory, const PathText& path, const OpenRequest& request, Fd& opened);

/// Whether a request opens for reading what is there, and nothing else.
[[nodiscard]] bool only_reads(const OpenRequest& request);

}  // namespace warder::supervisor::files
