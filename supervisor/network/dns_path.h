// Which network a caller's socket is in. Workers of PID 1.
//
// A socket that is to reach the container's resolver is exchanged for one in the private network of PID 1
// (names/private_sockets.h), at the same number of the caller's table, before the call is carried out; one that is to reach
// anybody else is exchanged back. What else a socket is, its options, its address and its flags go with it. Other descriptors of
// the same socket (dup'ed, inherited) keep the old one, and are exchanged when they are used.
#pragma once

#include "supervisor/network/socket_argument.h"

namespace warder::supervisor::network {

/// Whether what is meant for `endpoint` goes through PID 1: the endpoint is a resolver of the container, and the socket is not
/// connected by a stream already.
[[nodiscard]] bool goes_to_resolver(const Call& call, const Socket& socket, const policy::Endpoint& endpoint);

/// Puts the socket where PID 1 answers. Does nothing where it is there. Afterwards the worker is the caller.
Outcome<void> move_to_private_network(Call& call, Socket& socket);
/// Puts a socket from there back into the container's network. Does nothing where it is none.
Outcome<void> move_to_container_network(Call& call, Socket& socket);

/// As the kernel does when an unbound socket sends. Does nothing where it is bound.
void bind_to_any_port(const Socket& socket);
/// The caller is known by the port that its private socket has now, for the audit log.
void note_asker(Call& call, const Socket& socket);

}  // namespace warder::supervisor::network
