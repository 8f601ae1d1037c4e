// Sockets in a network of their own, in which whatever the workload sends to a resolver arrives at PID 1. One thread of PID 1
// lives in that network and does nothing but make sockets there.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <functional>

#include "linux/fd.h"
#include "linux/result.h"
#include "supervisor/outcome.h"

namespace warder::supervisor::names {

class PrivateSockets {
 public:
  /// PID 1's own, which everything that is sent to port 53 reaches. The IPv6 ones are invalid where the kernel has no IPv6.
  struct Ends {
    Fd datagrams4, datagrams6;  ///< each message tells its destination (IP_PKTINFO)
    Fd streams4, streams6;      ///< listening
  };

  PrivateSockets() = default;
  PrivateSockets(const PrivateSockets&) = delete;
  PrivateSockets& operator=(const PrivateSockets&) = delete;

  /// Starts the thread, which enters a new network namespace, makes the ends, calls `confine` and from then on makes sockets.
  /// Main thread, once, with CAP_SYS_ADMIN and CAP_NET_ADMIN in its user namespace.
  Result<void> start(std::function<Result<void>()> confine);
  [[nodiscard]] Ends& ends() { return ends_; }

  /// A socket as socket(2) would give it, close-on-exec, in the private network. Any thread.
  Outcome<Fd> make(int domain, int type, int protocol);
  /// Whether a socket is one of these.
  [[nodiscard]] bool owns(BorrowedFd socket) const;

 private:
  enum class Phase : std::uint8_t { starting, failed, idle, asked, answered };
  static void* run(void* self);
  Result<void> prepare();
  void serve();

  std::function<Result<void>()> confine_;
  Ends ends_;
  std::uint64_t cookie_ = 0;
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t changed_ = PTHREAD_COND_INITIALIZER;
  Phase phase_ = Phase::starting;
  Result<void> prepared_;
  struct {
    int domain = 0, type = 0, protocol = 0;
    int result = -1;
    int error = 0;
  } order_;
};

}  // namespace warder::supervisor::names
