// A signalfd over the signals that end a command. The host process of `create` and `run`.
#include "runtime/commands/interruption.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

namespace warder::runtime {

Result<Interruption> Interruption::watch() {
  sigset_t set;
  ::sigemptyset(&set);
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) ::sigaddset(&set, number);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return Error::syscall("sigprocmask");
  Fd signals(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return Error::syscall("signalfd");
  return Interruption(std::move(signals));
}

Result<void> Interruption::check() const {
  pollfd entry{.fd = signals_.get(), .events = POLLIN, .revents = 0};
  if (::poll(&entry, 1, 0) <= 0) return {};
  return Error(Fault::environment, "interrupted by a signal");
}

}  // namespace warder::runtime
