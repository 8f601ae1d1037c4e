// The port of a netlink socket where the kernel is to choose it. Workers of PID 1, as the caller.
//
// It is the process id of whoever binds (netlink(7)), or another number where that is taken: programs compare it with their own.
// For a worker the kernel would take PID 1's.
#pragma once

#include "supervisor/network/socket_argument.h"

namespace warder::supervisor::network {

/// bind(2) of a netlink socket. Returns 0 or the errno.
int bind_netlink(Call& call, const Socket& socket, SocketAddress address);

/// What connect(2) and sendmsg(2) do first with a netlink socket that is not bound. Nothing for any other socket. Where it cannot
/// be done the call that follows says why.
void give_netlink_port(Call& call, const Socket& socket);

}  // namespace warder::supervisor::network
