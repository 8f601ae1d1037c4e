// netdevice(7) for the one device that every network namespace has. P2.
#include "linux/loopback.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>

#include "linux/fd.h"

namespace warder::kernel {

Result<void> bring_loopback_up() {
  Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));  // any socket answers these ioctls, this one is always built in
  if (!socket) return Error::syscall("socket");
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) < 0) return Error::syscall("loopback device: SIOCSIFFLAGS");
  return {};
}

}  // namespace warder::kernel
