// The pool's watchman: one thread that sees to it that every listener is received from, and that whoever waits for the workload
// stops waiting when its caller has something else to do (law 6). Runs with PID 1's own credentials; only reads procfs.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string_view>

#include "linux/procfs.h"
#include "linux/seccomp.h"
#include "supervisor/audit.h"
#include "supervisor/process/footprint.h"
#include "supervisor/process/pool.h"

namespace warder::supervisor {
namespace {

constexpr long tick_milliseconds = 2;
constexpr long settled_milliseconds = 1000;  ///< after which what the work has touched is given back
constexpr int quiet_ticks = 25;              ///< without any call, after which the watchman sleeps

/// The signals that an interruptible sleep of the caller would end for.
struct SignalState {
  std::uint64_t own = 0;     ///< pending for the thread
  std::uint64_t shared = 0;  ///< pending for its process
  std::uint64_t blocked = 0;
  pid_t process = 0;
};

bool read_signal_state(BorrowedFd procfs, pid_t thread, SignalState& state) {
  const Fd file = kernel::open_process_file(procfs, thread, "status", O_RDONLY);
  char buffer[4096];
  const ssize_t size = file ? kernel::read_afresh(file, buffer, sizeof buffer) : -1;
  if (size <= 0) return false;
  std::string_view text(buffer, static_cast<std::size_t>(size));
  for (std::string_view line; kernel::next_line(text, line);) {
    const std::string_view name = kernel::next_word(line);
    const std::string_view value = kernel::next_word(line);
    if (name == "Tgid:") state.process = static_cast<pid_t>(kernel::number(value));
    if (name == "SigPnd:") state.own = kernel::number(value, 16);
    if (name == "ShdPnd:") state.shared = kernel::number(value, 16);
    if (name == "SigBlk:") state.blocked = kernel::number(value, 16);
  }
  return true;
}

/// Whether -ERESTARTSYS may be answered: the kernel understands it only in a thread that has been told of a signal. A signal to a
/// process tells its leader, unless the leader blocks it; only then another thread.
bool told_of_signal(BorrowedFd procfs, pid_t thread) {
  SignalState caller;
  if (!read_signal_state(procfs, thread, caller)) return true;  // gone: whatever is answered is lost
  if ((caller.own & ~caller.blocked) != 0) return true;
  const std::uint64_t shared = caller.shared & ~caller.blocked;
  if (shared == 0 || caller.process == thread) return shared != 0;
  SignalState leader;
  return read_signal_state(procfs, caller.process, leader) && (shared & leader.blocked) != 0;
}

}  // namespace

void* WorkerPool::run_watchman(void* pool) {
  static_cast<WorkerPool*>(pool)->watch();
  return nullptr;
}

void WorkerPool::watch() {
  int quiet = 0;
  for (;;) {
    const int log_due = surroundings_.audit.flush_due();
    {
      Locked locked(mutex_);
      if (quiet > quiet_ticks && waiting_ == 0) {
        watchman_sleeps_ = true;
        // A worker that receives looks at the flag after it has counted: either it wakes us or we see its count.
        if (nothing_received() && log_due < 0) {
          locked.wait_for(watch_, settled_milliseconds);
          if (nothing_received() && waiting_ == 0) {
            forget_callers();
            release_unused_memory();
            locked.wait(watch_);
          }
        } else if (nothing_received()) {
          locked.wait_for(watch_, log_due);
        }
        watchman_sleeps_ = false;
        quiet = 0;
      }
      locked.wait_for(watch_, tick_milliseconds);
    }
    if (log_due >= 0) surroundings_.audit.flush(AuditLog::Flush::due);
    const bool active = watch_listeners();
    const bool waiting = watch_waiting();
    quiet = active || waiting ? 0 : quiet + 1;
  }
}

bool WorkerPool::nothing_received() const {
  return std::all_of(listeners_.begin(), listeners_.end(),
                     [](const auto& listener) { return listener->received == listener->seen; });
}

// Whoever serves nobody waits for the mutex; the receivers are made to look.
void WorkerPool::forget_callers() {
  for (const auto& member : members_) {
    if (member->serving == nullptr) {
      member->worker.callers.forget_callers();
    } else {
      member->forgetful = true;
      interrupt(*member);
    }
  }
}

void WorkerPool::wake_watchman() {
  Locked locked(mutex_);
  ::pthread_cond_signal(&watch_);
}

/// True while calls come in or nobody receives.
bool WorkerPool::watch_listeners() {
  bool active = false;
  bool short_of_workers = false;
  {
    Locked locked(mutex_);
    for (const auto& listener : listeners_) {
      if (listener->ended) continue;
      const std::uint64_t received = listener->received;
      const bool stalled = !quiesced_ && !listener->receiving && received == listener->seen;
      active = active || stalled || received != listener->seen;
      listener->seen = received;
      if (!stalled) continue;
      short_of_workers = short_of_workers || spare_ == 0;
      want_receiver(*listener);
    }
  }
  if (short_of_workers) (void)spawn();
  return active;
}

/// True while anybody waits. So that a thousand waiters cost no more than a few, some are looked at in each tick, in turns.
bool WorkerPool::watch_waiting() {
  constexpr std::size_t most_looks = 32;
  struct Waiter {
    pid_t thread;
    int listener;
    std::uint64_t id;
    pid_t caller;
  };
  std::array<Waiter, most_looks> waiters;
  std::size_t count = 0;
  bool any = false;
  {
    Locked locked(mutex_);
    any = waiting_ > 0;
    const std::size_t all = any ? members_.size() : 0;
    for (std::size_t seen = 0; seen < all && count < waiters.size(); ++seen) {
      Worker& worker = members_[next_look_++ % all]->worker;
      if (!worker.waiting_) continue;
      // Long waits are looked at more rarely: every tick at first, every tenth after a second.
      if (++worker.ticks_ > 500 && worker.ticks_ % 10 != 0) continue;
      waiters[count++] = {worker.thread_, worker.listener.get(), worker.waiting_id_, worker.waiting_caller_};
    }
  }
  for (const Waiter& waiter : std::span(waiters).first(count)) {
    const bool gone = !kernel::notification_valid(BorrowedFd(waiter.listener), waiter.id);
    if (gone || told_of_signal(surroundings_.procfs, waiter.caller)) interrupt_waiter(waiter.thread, waiter.id);
  }
  return any;
}

}  // namespace warder::supervisor
