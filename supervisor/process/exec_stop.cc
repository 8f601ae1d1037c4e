#include "supervisor/process/exec_stop.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>

#include "linux/procfs.h"
#include "supervisor/audit.h"
#include "supervisor/naming.h"
#include "supervisor/process/locked.h"
#include "supervisor/process/thread.h"

namespace warder::supervisor {
namespace {

constexpr std::size_t stack_size = 64 * 1024;
constexpr long retry_milliseconds = 5;

/// The ptrace event of a stop, or 0.
int event_of(int status) { return status >> 16; }

long detach(pid_t thread, int signal = 0) { return ::ptrace(PTRACE_DETACH, thread, nullptr, signal); }

}  // namespace

ExecStop::ExecStop(const policy::Compiled& policy, AuditLog& audit, BorrowedFd procfs, pid_t workload)
    : policy_(policy), audit_(audit), procfs_(procfs), workload_(workload), cache_(procfs) {}

Result<void> ExecStop::start() {
  Locked locked(mutex_);
  if (started_) return {};
  WARDER_TRY_WITH(start_thread(run, this, stack_size), "tracer");
  started_ = true;
  return {};
}

Result<void> ExecStop::arm(pid_t caller, pid_t process, Purpose purpose, long patience) {
  const auto request = std::make_shared<Request>(Request{.caller = caller, .process = process, .purpose = purpose});
  Locked locked(mutex_);
  if (!started_) return Error(Fault::bug, "the tracer has not been started", EPERM);
  requests_.push_back(request);
  ::pthread_cond_signal(&changed_);
  for (const Deadline end(patience); !request->finished && !end.over();) locked.wait_for(finished_, end.left());
  if (!request->finished) {
    request->withdrawn = true;
    return Error(Fault::environment, "another thread of the process is in an execve", EAGAIN);
  }
  if (request->error != 0) return Error::syscall("PTRACE_SEIZE", request->error);
  return {};
}

void ExecStop::change_policy(const policy::Compiled& policy) {
  Locked locked(judging_);
  policy_ = policy;
  audit_.change_policy(policy);
}

void ExecStop::poke() {
  Locked locked(mutex_);
  poked_ = true;
  ::pthread_cond_signal(&changed_);
}

void ExecStop::hand_over(pid_t thread, int status) {
  Locked locked(mutex_);
  handed_over_.push_back({thread, status});
  poked_ = true;
  ::pthread_cond_signal(&changed_);
}

void* ExecStop::run(void* self) {
  static_cast<ExecStop*>(self)->loop();
  return nullptr;
}

void ExecStop::loop() {
  for (;;) {
    Requests requests = std::exchange(deferred_, {});
    std::vector<Stop> stops;
    {
      Locked locked(mutex_);
      while (requests.empty() && requests_.empty() && !poked_) locked.wait(changed_);
      // Whoever was put off is asked again soon: the main thread, which would poke, may itself wait for an answer.
      if (!requests.empty() && requests_.empty() && !poked_) locked.wait_for(changed_, retry_milliseconds);
      poked_ = false;
      requests.insert(requests.end(), requests_.begin(), requests_.end());
      requests_.clear();
      stops = std::exchange(handed_over_, {});
    }
    for (const Stop& stop : stops) on_stop(stop.thread, stop.status);
    collect();
    answer(requests);
  }
}

void ExecStop::answer(const Requests& requests) {
  for (const std::shared_ptr<Request>& request : requests) {
    {
      const Locked locked(mutex_);
      if (request->withdrawn) continue;
    }
    if (must_wait(*request)) {
      deferred_.push_back(request);
      continue;
    }
    seize(*request);
    const Locked locked(mutex_);
    request->finished = true;
    ::pthread_cond_broadcast(&finished_);
  }
}

/// Whether another thread of the process is on its way through an execve that this tracer has seen to.
bool ExecStop::must_wait(const Request& request) const {
  return std::any_of(tracees_.begin(), tracees_.end(), [&request](const Tracee& tracee) {
    return tracee.purpose == Purpose::exec && tracee.process == request.process && tracee.thread != request.caller;
  });
}

/// The caller cannot stop before its notification is answered: what the interrupt does comes after the execve.
void ExecStop::seize(Request& request) {
  if (holds(request.caller)) return;  // two threads cannot be one caller: the same exec, tried again after a signal
  if (::ptrace(PTRACE_SEIZE, request.caller, nullptr, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) != 0) {
    request.error = errno;
    return;
  }
  // Without the interrupt a failed exec would never come back to us, so the caller may not run it.
  if (::ptrace(PTRACE_INTERRUPT, request.caller, nullptr, nullptr) != 0) request.error = errno;
  tracees_.push_back({request.caller, request.process, request.purpose});
}

void ExecStop::collect() {
  for (;;) {
    int status = 0;
    // Only this thread's tracees: the children of PID 1 are the main thread's business.
    const pid_t thread = ::waitpid(-1, &status, __WALL | __WNOTHREAD | WNOHANG);
    if (thread <= 0) return;
    if (WIFSTOPPED(status)) {
      on_stop(thread, status);
      continue;
    }
    forget(thread);
    if (thread == workload_) {
      workload_status_ = status;
      ::syscall(SYS_tgkill, ::getpid(), ::getpid(), SIGCHLD);
    }
  }
}

void ExecStop::on_stop(pid_t thread, int status) {
  switch (event_of(status)) {
    case PTRACE_EVENT_EXEC:
      on_exec(thread);
      return;
    case PTRACE_EVENT_STOP:
      // Ours: the exec has failed, or the call was never run. A group stop ends here too; the detached caller stays stopped.
      detach(thread);
      forget(thread);
      return;
    default:
      // A signal on its way in. The interrupt is still to come only if the exec has not been tried: nothing is lost by letting
      // go, because every further execve is a new notification.
      detach(thread, event_of(status) == 0 ? WSTOPSIG(status) : 0);
      forget(thread);
  }
}

/// A name that is not of the container (a memfd, a file of elsewhere whose descriptor was passed in) is refused. The name of a
/// deleted file cannot be told from a live one that ends so: both must be allowed.
policy::Verdict ExecStop::judge(pid_t process, std::string_view executed) {
  constexpr std::string_view deleted = " (deleted)";
  const Fd program = kernel::open_process_file(procfs_, process, "exe", O_PATH);
  if (!executed.starts_with("/memfd:") && program.valid() &&
      belonging_of(cache_, process, program, executed) == Belonging::container) {
    const policy::Verdict verdict = policy_.path(executed, policy::Right::exec);
    if (!verdict.allowed || !executed.ends_with(deleted)) return verdict;
    return policy_.path(executed.substr(0, executed.size() - deleted.size()), policy::Right::exec);
  }
  policy::Verdict refused = policy_.path("/", policy::Right::exec);
  refused.allowed = policy_.mode() != policy::Mode::enforce;
  refused.would_refuse = true;
  refused.error = EACCES;
  return refused;
}

/// The program is chosen and has not run an instruction. A caller that was not its process's leader has become the leader.
void ExecStop::on_exec(pid_t process) {
  unsigned long former = 0;
  ::ptrace(PTRACE_GETEVENTMSG, process, nullptr, &former);
  std::array<char, 32> name;
  std::snprintf(name.data(), name.size(), "%d/exe", process);
  std::array<char, PATH_MAX> path;
  const ssize_t length = ::readlinkat(procfs_.get(), name.data(), path.data(), path.size());
  const std::string_view executed(path.data(), length < 0 ? 0 : static_cast<std::size_t>(length));
  Locked judging(judging_);
  const policy::Verdict verdict = judge(process, executed);
  audit_.usage().count(verdict);
  AuditEvent event;
  event.thread = process;
  event.syscall = "execve";
  event.wanted = policy::Right::exec;
  event.path = executed;
  event.enforcer = "exec-stop";
  audit_.record(event, verdict);
  if (!verdict.allowed) ::kill(process, SIGKILL);
  detach(process);
  forget(process);
  forget(static_cast<pid_t>(former));
}

void ExecStop::forget(pid_t thread) {
  std::erase_if(tracees_, [thread](const Tracee& tracee) { return tracee.thread == thread; });
}

bool ExecStop::holds(pid_t thread) const {
  return std::any_of(tracees_.begin(), tracees_.end(), [thread](const Tracee& tracee) { return tracee.thread == thread; });
}

}  // namespace warder::supervisor
