// The system calls about sockets, and who answers them. Workers of PID 1.
//
// Every address is read once into PID 1's own copy, judged, and used from there, on PID 1's own copy of the caller's socket:
// neither the address nor the descriptor can be exchanged in between (law 1).
#pragma once

#include <span>

#include "supervisor/dispatch.h"

namespace warder::supervisor::network {

[[nodiscard]] std::span<const HandlerEntry> handlers();

// family.cc: trapped only for a family that a profile does not list
void socket(Call& call);
void socketpair(Call& call);

// connect.cc
void connect(Call& call);

// bind.cc
void bind(Call& call);
void listen(Call& call);

// send.cc
void sendto(Call& call);
void sendmsg(Call& call);
void sendmmsg(Call& call);

// peer_credentials.cc: trapped for SO_PEERCRED
void getsockopt(Call& call);

}  // namespace warder::supervisor::network
