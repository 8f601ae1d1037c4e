#include "supervisor/files/open_device.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <atomic>
#include <memory>

#include "linux/landlock.h"
#include "linux/newer.h"
#include "supervisor/process/locked.h"
#include "supervisor/process/thread.h"
#include "supervisor/workers.h"

namespace warder::supervisor::files {
namespace {

constexpr std::size_t stack_size = 64 * 1024;
constexpr int most_left_alone = 64;  ///< threads that still wait for a device whose caller has gone
constexpr long look_again = 20;      ///< milliseconds

bool has_requests_of_devices() {
  static const bool known = kernel::landlock_abi() >= 5;
  return known;
}

/// Shared by the worker and the thread that opens: whoever is later frees it.
struct Opening {
  Fd object;       ///< O_PATH
  Fd descriptors;  ///< PID 1's own directory of descriptors
  int flags = 0;
  Fd opened;
  int error = EPERM;
  bool finished = false;
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t done = PTHREAD_COND_INITIALIZER;
};

std::atomic<int> left_alone{0};

int open_in_domain(Opening& opening) {
  auto ruleset = kernel::LandlockRuleset::create(kernel::landlock_fs_ioctl_dev, 0, 0);
  if (!ruleset || !ruleset->restrict_self()) return EPERM;
  const std::string link = std::to_string(opening.object.get());
  const int flags = (opening.flags & ~O_NOFOLLOW) | O_CLOEXEC | O_NOCTTY;
  opening.opened = Fd(::openat(opening.descriptors.get(), link.c_str(), flags));
  return opening.opened.valid() ? 0 : errno;
}

/// Born with the worker's credentials, root and directory: it is the caller.
void* run(void* argument) {
  const std::unique_ptr<std::shared_ptr<Opening>> held(static_cast<std::shared_ptr<Opening>*>(argument));
  Opening& opening = **held;
  const int error = open_in_domain(opening);
  Locked locked(opening.mutex);
  opening.error = error;
  opening.finished = true;
  ::pthread_cond_signal(&opening.done);
  left_alone.fetch_sub(1);
  return nullptr;
}

}  // namespace

bool is_terminal(const struct stat& facts) {
  if (!S_ISCHR(facts.st_mode)) return false;
  const unsigned number = major(facts.st_rdev);
  return number == 4 || number == 5 || (number >= 136 && number <= 143);  // tty, /dev/tty and ptmx, pts
}

bool gets_no_requests(Call& call, const Object& object, const struct stat& facts) {
  constexpr unsigned memory_devices = 1;
  if (!object.named || !has_requests_of_devices()) return false;
  const bool device = S_ISBLK(facts.st_mode) || (S_ISCHR(facts.st_mode) && major(facts.st_rdev) != memory_devices);
  return device && !is_terminal(facts) && !call.worker.policy.path(object.name.view(), policy::Right::ioctl).allowed;
}

Outcome<Fd> open_without_requests(Call& call, BorrowedFd object, int flags) {
  if (left_alone.fetch_add(1) >= most_left_alone) {
    left_alone.fetch_sub(1);
    return Errno{EAGAIN};
  }
  auto opening = std::make_shared<Opening>();
  opening->object = Fd(::fcntl(object.get(), F_DUPFD_CLOEXEC, 0));
  opening->descriptors = Fd(::fcntl(call.caller.cache().own_descriptors().get(), F_DUPFD_CLOEXEC, 0));
  opening->flags = flags;
  auto held = std::make_unique<std::shared_ptr<Opening>>(opening);
  const bool ready = opening->object.valid() && opening->descriptors.valid();
  if (!ready || !start_thread(run, held.get(), stack_size).ok()) {
    left_alone.fetch_sub(1);
    return Errno{EAGAIN};
  }
  (void)held.release();  // the thread's now
  const Waiting waiting(call.worker, call.notification.call().id, call.notification.tid());
  Locked locked(opening->mutex);
  while (!opening->finished) {
    if (!waiting.granted()) return Errno{EPERM};
    if (waiting.interrupted()) return Errno{restart_code};
    locked.wait_for(opening->done, look_again);
  }
  if (opening->error != 0) return Errno{opening->error};
  return std::move(opening->opened);
}

}  // namespace warder::supervisor::files
