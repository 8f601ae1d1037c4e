// Opening an object that was found: by what it is, without ever waiting in a way that stops others (law 6). Workers of PID 1.
#pragma once

#include "supervisor/files/open_request.h"
#include "supervisor/files/steps.h"

namespace warder::supervisor::files {

/// Asks the profile and opens the object through its descriptor. Flags about names (O_CREAT, O_EXCL) must be gone; O_DIRECTORY
/// and O_NOFOLLOW are checked against what was found.
Outcome<Fd> open_existing(Call& call, Object& object, const OpenRequest& request);

}  // namespace warder::supervisor::files
