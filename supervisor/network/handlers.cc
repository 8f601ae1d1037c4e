#include "supervisor/network/handlers.h"

#include <sys/syscall.h>

#include <array>

namespace warder::supervisor::network {
namespace {

constexpr auto entries = std::to_array<HandlerEntry>({
    {SYS_socket, socket},
    {SYS_socketpair, socketpair},
    {SYS_connect, connect},
    {SYS_bind, bind},
    {SYS_listen, listen},
    {SYS_sendto, sendto},
    {SYS_sendmsg, sendmsg},
    {SYS_sendmmsg, sendmmsg},
    {SYS_getsockopt, getsockopt},
});

}  // namespace

std::span<const HandlerEntry> handlers() { return entries; }

}  // namespace warder::supervisor::network
