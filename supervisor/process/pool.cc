#include "supervisor/process/pool.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "linux/seccomp.h"
#include "supervisor/clock.h"
#include "supervisor/dispatch.h"
#include "supervisor/notification.h"
#include "supervisor/process/exec_stop.h"
#include "supervisor/process/thread.h"

namespace warder::supervisor {
namespace {

/// Nobody uses the listener's filter any more.
bool has_hung_up(BorrowedFd listener) {
  pollfd end{listener.get(), 0, 0};
  return ::poll(&end, 1, 0) == 1 && (end.revents & (POLLHUP | POLLNVAL)) != 0;
}

bool has_call(BorrowedFd listener) {
  pollfd next{listener.get(), POLLIN, 0};
  return ::poll(&next, 1, 0) == 1 && (next.revents & POLLIN) != 0;
}

/// A receiver that slept found no queue, and need not look for one. Two switches of the processor take longer than this on any
/// machine; where it takes one call for waiting, the next one or the watchman sees the queue.
constexpr std::int64_t longest_immediate_receive = 1500;  // nanoseconds

/// Makes a pending signal be handled here and not in a later system call, which it would break off.
void drain_interruption() { ::syscall(SYS_sched_yield); }

}  // namespace

int interruption_signal() { return SIGRTMAX; }

Result<void> WorkerPool::start() {
  WARDER_TRY(start_thread(run_watchman, this, stack_size));
  for (std::size_t index = 0; index < spare_workers; ++index) WARDER_TRY(spawn());
  return {};
}

Result<void> WorkerPool::spawn() {
  Locked locked(mutex_);
  if (members_.size() >= max_waiting + max_listeners + spare_workers)
    return Error(Fault::environment, "too many workers", EAGAIN);
  members_.push_back(std::make_unique<Member>(*this, surroundings_));
  ++spare_;
  Result<void> started = start_thread(run_worker, members_.back().get(), stack_size);
  if (!started.ok()) {
    members_.pop_back();
    --spare_;
  }
  return started;
}

Result<void> WorkerPool::add_listener(Fd fd) {
  (void)kernel::set_sync_wake_up(fd);
  {
    Locked locked(mutex_);
    if (listeners_.size() >= max_listeners) return Error(Fault::environment, "too many exec sessions", EAGAIN);
    listeners_.push_back(std::make_unique<Listener>(std::move(fd)));
    ::pthread_cond_signal(&work_to_do_);
    if (spare_ > 1) return {};
  }
  return spawn();
}

void WorkerPool::add_to_poll(std::vector<pollfd>& entries) const {
  Locked locked(mutex_);
  for (const auto& listener : listeners_) {
    if (!listener->ended) entries.push_back({listener->fd.get(), 0, 0});
  }
}

void WorkerPool::end_listener(int fd) {
  {
    Locked locked(mutex_);
    // A worker may have closed the one that was seen, and a new one may have got its number since: look again.
    for (const auto& listener : listeners_) {
      if (listener->fd.get() == fd && has_hung_up(listener->fd)) listener->ended = true;
    }
    std::erase_if(listeners_, [](const auto& listener) { return listener->ended && listener->users == 0; });
  }
  // Before Linux 6.11 a receiver is not woken by the end of its listener. Those of live listeners simply ask again.
  interrupt_receivers();
}

// ---- workers

void* WorkerPool::run_worker(void* argument) {
  auto& member = *static_cast<Member*>(argument);
  member.pool.work(member);
  return nullptr;
}

void WorkerPool::work(Member& member) {
  member.worker.thread_ = static_cast<pid_t>(::syscall(SYS_gettid));
  unblock_signal(interruption_signal());
  const bool able = member.identity.begin().ok();
  Locked locked(mutex_);
  while (able) {
    Listener* listener = next_listener(locked);
    if (listener == nullptr) break;
    --spare_;
    ++listener->users;
    member.serving = listener;
    locked.release();
    serve(member, *listener);
    locked.regain();
    member.serving = nullptr;
    --listener->users;
    ++spare_;
    std::erase_if(listeners_, [](const auto& one) { return one->ended && one->users == 0; });
  }
  --spare_;
  std::erase_if(members_, [&member](const std::unique_ptr<Member>& one) { return one.get() == &member; });
  release_stack();
}

/// Waits for a listener that nobody receives from, and claims it. Nothing where there are spare workers enough.
WorkerPool::Listener* WorkerPool::next_listener(Locked& locked) {
  for (;;) {
    if (!quiesced_) {
      for (const auto& listener : listeners_) {
        if (!listener->ended && !listener->receiving.exchange(true)) return listener.get();
      }
    }
    if (spare_ > spare_workers) return nullptr;
    locked.wait(work_to_do_);
  }
}

/// Receives until another worker has taken the place, or nothing is to be received any more.
void WorkerPool::serve(Member& member, Listener& listener) {
  member.worker.listener = listener.fd;
  // The claim of next_listener() is ours in the first round.
  for (bool claimed = true; claimed; claimed = !listener.receiving.exchange(true)) {
    if (!receive_and_answer(member, listener)) break;
  }
}

/// Gives the claim up once RECV is over. False where nothing is to be received any more.
bool WorkerPool::receive_and_answer(Member& member, Listener& listener) {
  SeccompListener kernel(listener.fd);
  member.receiving = true;
  const bool stop = quiesced_ || listener.ended;  // whoever sets these interrupts later than the store above
  const std::int64_t asked = monotonic_nanoseconds();
  const Outcome<TrappedCall> call = stop ? Outcome<TrappedCall>(Errno{EINTR}) : kernel.receive();
  const bool waited = monotonic_nanoseconds() - asked > longest_immediate_receive;
  member.receiving = false;
  listener.receiving = false;
  if (member.interrupting) {
    while (member.interrupting) drain_interruption();
    drain_interruption();
  }
  if (member.forgetful.exchange(false)) member.worker.callers.forget_callers();
  if (!call.ok()) return may_receive_again(listener, call.code());
  listener.received.fetch_add(1);
  if (watchman_sleeps_) wake_watchman();
  // One thread that calls again as soon as it is answered is no queue.
  const bool another = std::exchange(member.last_caller, call->tid) != call->tid;
  if (!waited && another && has_call(listener.fd)) {
    Locked locked(mutex_);
    want_receiver(listener);
  }
  handle(member.worker, Notification(kernel, *call));
  return true;
}

/// ENOENT means that the caller died before its call was received, or (since Linux 6.11) that nobody is left to call.
bool WorkerPool::may_receive_again(Listener& listener, int error) {
  if (error == EINTR) return !quiesced_ && !listener.ended;
  if (error == ENOENT && !has_hung_up(listener.fd)) return true;
  listener.ended = true;
  return false;
}

void WorkerPool::want_receiver(Listener& listener) {
  if (!listener.receiving && spare_ > 0) ::pthread_cond_signal(&work_to_do_);
}

// ---- waiting for the workload (law 6)

bool WorkerPool::begin_waiting(Worker& worker, std::uint64_t id, pid_t caller) {
  bool lonely = false;
  {
    Locked locked(mutex_);
    if (waiting_ >= max_waiting) return false;
    ++waiting_;
    lonely = spare_ == 0;
  }
  if (lonely && !spawn().ok()) {
    Locked locked(mutex_);
    --waiting_;
    return false;
  }
  worker.interrupted_ = false;
  worker.waiting_id_ = id;
  worker.waiting_caller_ = caller;
  worker.waiting_process_ = worker.callers.status.tgid;
  Locked locked(mutex_);
  worker.ticks_ = 0;
  worker.waiting_ = true;
  ::pthread_cond_signal(&work_to_do_);
  ::pthread_cond_signal(&watch_);
  return true;
}

void WorkerPool::end_waiting(Worker& worker) {
  worker.waiting_ = false;
  {
    Locked locked(mutex_);  // the watchman interrupts only under it
    --waiting_;
  }
  drain_interruption();
}

Waiting::Waiting(Worker& worker, std::uint64_t id, pid_t caller) : worker_(worker) {
  granted_ = worker.pool_.begin_waiting(worker, id, caller);
}

Waiting::~Waiting() {
  if (granted_) worker_.pool_.end_waiting(worker_);
}

// ---- the freezer

bool WorkerPool::interrupt(Member& member) {
  member.interrupting = true;
  const bool receiving = member.receiving;
  if (receiving) ::syscall(SYS_tgkill, ::getpid(), member.worker.thread_, interruption_signal());
  member.interrupting = false;
  return receiving;
}

void WorkerPool::interrupt_receivers() {
  constexpr int tries = 200;
  for (int attempt = 0; attempt < tries; ++attempt) {
    bool any = false;
    {
      Locked locked(mutex_);
      for (const auto& member : members_) {
        const Listener* serving = member->serving;
        if (serving == nullptr || !(quiesced_ || serving->ended)) continue;
        any = interrupt(*member) || any;
      }
    }
    if (!any) return;
    ::poll(nullptr, 0, 1);
  }
}

void WorkerPool::interrupt_waiter(pid_t thread, std::uint64_t id) {
  Locked locked(mutex_);
  for (const auto& member : members_) {
    Worker& worker = member->worker;
    if (worker.thread_ != thread || !worker.waiting_ || worker.waiting_id_ != id) continue;
    worker.interrupted_ = true;
    ::syscall(SYS_tgkill, ::getpid(), thread, interruption_signal());
  }
}

/// Whoever waits for the workload is made to ask again later. The kernel restarts the call only if it sees the caller
/// interrupted, so the tracer interrupts it; no signal is involved.
void WorkerPool::break_off_waiters(const Deadline& end) {
  constexpr long patience = 20;  // milliseconds
  struct Waiter {
    pid_t thread;
    std::uint64_t id;
    pid_t caller;
    pid_t process;
  };
  std::vector<Waiter> waiters;
  {
    Locked locked(mutex_);
    for (const auto& member : members_) {
      const Worker& worker = member->worker;
      if (!worker.waiting_ || worker.interrupted_) continue;
      waiters.push_back({worker.thread_, worker.waiting_id_, worker.waiting_caller_, worker.waiting_process_});
    }
  }
  for (const Waiter& waiter : waiters) {
    if (end.over()) return;
    if (surroundings_.exec_stop.arm(waiter.caller, waiter.process, ExecStop::Purpose::restart, patience).ok())
      interrupt_waiter(waiter.thread, waiter.id);
  }
}

bool WorkerPool::quiesce() {
  quiesced_ = true;
  interrupt_receivers();
  constexpr long patience = 2000;  // milliseconds
  for (const Deadline end(patience); !end.over(); ::poll(nullptr, 0, 2)) {
    {
      Locked locked(mutex_);
      std::uint32_t busy = 0;
      for (const auto& listener : listeners_) busy += listener->users;
      if (busy == 0) return true;
    }
    break_off_waiters(end);
  }
  return false;
}

void WorkerPool::resume() {
  quiesced_ = false;
  Locked locked(mutex_);
  ::pthread_cond_broadcast(&work_to_do_);
  ::pthread_cond_signal(&watch_);  // there may be more listeners than spare workers
}

}  // namespace warder::supervisor
