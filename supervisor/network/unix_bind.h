// bind of a UNIX socket to a path: the file is made where it was allowed, under the name that the caller wrote. A thread of its
// own per call, in PID 1.
//
// The socket keeps the path as written for getsockname and for its peers' answers, so the kernel has to resolve that very text
// once more, and somebody may have exchanged a directory in it by then. A Landlock domain settles it: the thread that binds may
// make socket files below the judged directory only, for the rest of its short life. The worker itself stays unrestricted.
// Without Landlock the socket is bound relative to the judged directory, and its name is the last component only.
#pragma once

#include <string_view>

#include "supervisor/network/socket_argument.h"

namespace warder::supervisor::network {

/// 0 or an errno. The worker is the caller.
int bind_to_path(Call& call, const Socket& socket, const SocketAddress& address, const Place& place);

}  // namespace warder::supervisor::network
