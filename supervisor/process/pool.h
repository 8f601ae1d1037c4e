// The threads of PID 1 that answer: who receives, who waits, and how many there may be.
//
// Of every listener exactly one worker at a time stands in SECCOMP_IOCTL_NOTIF_RECV (several would all be woken by each call). It
// answers what it received itself, without handing anything to another thread. A second worker takes the receiver's place when
//   - the receiver sees that calls queue up: one was there before it asked, and another is waiting already,
//   - its handler declares that it may wait for the workload (Waiting, law 6), or
//   - the watchman finds that nobody received for two of its ticks: a disk or network file system is slow, say.
// The watchman also looks after those who wait: it breaks their system call off when the caller has a signal to handle or is
// gone. It ticks only while there is something to watch; an idle container costs no wake-up at all.
#pragma once

#include <poll.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "linux/fd.h"
#include "linux/result.h"
#include "policy/core/compiled.h"
#include "supervisor/impersonation.h"
#include "supervisor/process/locked.h"
#include "supervisor/workers.h"

namespace warder::supervisor {

/// Thread-directed; breaks a system call off and does nothing else.
[[nodiscard]] int interruption_signal();

class WorkerPool {
 public:
  static constexpr std::size_t max_waiting = 2048;   ///< calls that may wait for the workload at the same time
  static constexpr std::size_t max_listeners = 256;  ///< the workload's and those of exec sessions
  static constexpr std::size_t spare_workers = 2;    ///< kept ready
#ifdef __SANITIZE_ADDRESS__
  static constexpr std::size_t stack_size = 1024 * 1024;  // the sanitizer surrounds every variable
#else
  static constexpr std::size_t stack_size = 128 * 1024;
#endif

  struct Surroundings {
    const policy::Compiled& policy;
    AuditLog& audit;
    ExecStop& exec_stop;
    BorrowedFd procfs;
    BorrowedFd root;
    BorrowedFd workload;  ///< pidfd
    network::PeerProcesses& peers;
    names::NameService* names = nullptr;
  };

  explicit WorkerPool(const Surroundings& surroundings) : surroundings_(surroundings) {}
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Starts the watchman and the spare workers. PID 1's main thread, once.
  Result<void> start();

  /// Answers this listener from now on. Main thread.
  Result<void> add_listener(Fd listener);
  /// Adds one entry per live listener, so that the main thread sees POLLHUP when nobody uses its filter any more.
  void add_to_poll(std::vector<pollfd>& entries) const;
  /// The main thread saw POLLHUP at this number: where that is still so, its workers go back to the spare ones.
  void end_listener(int listener);

  /// Finishes what was received and receives no more, for the freezer; calls that wait for the workload are broken off and asked
  /// again after resume(). False where some call is still being answered after two seconds. The exec stop's tracer must run. Main
  /// thread.
  bool quiesce();
  void resume();

 private:
  friend class Waiting;
  struct Listener {
    explicit Listener(Fd fd) : fd(std::move(fd)) {}
    Fd fd;
    std::atomic<bool> receiving{false};  ///< one worker is in RECV, or about to be
    std::atomic<std::uint64_t> received{0};
    std::atomic<bool> ended{false};
    std::uint64_t seen = 0;   ///< watchman's copy of `received` at its last tick
    std::uint32_t users = 0;  ///< workers that serve it; under mutex_
  };
  /// A worker and what belongs to it, for the life of its thread.
  struct Member {
    Member(WorkerPool& pool, const Surroundings& around)
        : pool(pool),
          worker(pool, around.policy, around.audit, around.exec_stop, around.procfs, around.root, around.workload, around.names,
                 around.peers, identity, pool.roots_changed_) {}
    WorkerPool& pool;
    ThreadIdentity identity;
    Worker worker;
    std::atomic<Listener*> serving{nullptr};  ///< set and cleared under mutex_
    std::atomic<bool> receiving{false};       ///< stands in RECV, or is about to
    std::atomic<bool> interrupting{false};    ///< somebody is about to break its RECV off
    std::atomic<bool> forgetful{false};       ///< is to close what it keeps of callers
    pid_t last_caller = 0;                    ///< whom it answered last; its own thread's
  };

  static void* run_worker(void* member);
  static void* run_watchman(void* pool);
  void work(Member& member);
  void serve(Member& member, Listener& listener);
  bool receive_and_answer(Member& member, Listener& listener);
  bool may_receive_again(Listener& listener, int error);
  Listener* next_listener(Locked& locked);
  Result<void> spawn();

  /// A worker should receive from this listener, because nobody does. Under mutex_.
  void want_receiver(Listener& listener);
  bool begin_waiting(Worker& worker, std::uint64_t id, pid_t caller);
  void end_waiting(Worker& worker);

  void watch();
  bool watch_listeners();
  bool watch_waiting();
  [[nodiscard]] bool nothing_received() const;
  /// Nothing is left open of callers of long ago. Under mutex_.
  void forget_callers();
  void wake_watchman();
  /// Breaks RECV off for all receivers while quiesced, else for those of ended listeners, until they are out of it.
  void interrupt_receivers();
  bool interrupt(Member& member);
  void interrupt_waiter(pid_t thread, std::uint64_t id);
  void break_off_waiters(const Deadline& end);

  const Surroundings surroundings_;
  mutable pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t work_to_do_ = PTHREAD_COND_INITIALIZER;
  pthread_cond_t watch_ = PTHREAD_COND_INITIALIZER;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::unique_ptr<Member>> members_;
  std::size_t spare_ = 0;
  std::size_t waiting_ = 0;
  std::size_t next_look_ = 0;  ///< the watchman's turn among the members
  std::atomic<bool> quiesced_{false};
  std::atomic<bool> roots_changed_{false};
  std::atomic<bool> watchman_sleeps_{false};
};

}  // namespace warder::supervisor
