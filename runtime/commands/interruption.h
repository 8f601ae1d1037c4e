// SIGTERM, SIGINT, SIGHUP and SIGQUIT while a container is being made. The host process of `create` and `run`.
#pragma once

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::runtime {

/// From here on these signals no longer end this process; they are seen at the places that ask, which fail and so take back
/// what was made. They stay blocked when this object is gone: what is complete by then is not given up half way. Hooks and the
/// container's processes get an empty mask before they execute anything.
class Interruption {
 public:
  static Result<Interruption> watch();
  /// Readable once one of them has come.
  [[nodiscard]] BorrowedFd descriptor() const { return signals_; }
  /// An error, naming the signal, once one of them has come.
  [[nodiscard]] Result<void> check() const;

 private:
  explicit Interruption(Fd signals) : signals_(std::move(signals)) {}
  Fd signals_;
};

}  // namespace warder::runtime
