#include "supervised.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "linux/process.h"
#include "linux/seccomp.h"
#include "policy/load.h"
#include "policy/lower.h"
#include "policy/parse.h"
#include "supervisor/audit.h"
#include "supervisor/network/peer_processes.h"
#include "supervisor/process/exec_stop.h"
#include "supervisor/process/pool.h"
#include "supervisor/process/signals.h"

namespace warder::supervisor::testing {
namespace {

void must(bool condition, const char* what) {
  if (condition) return;
  std::perror(what);
  ::_exit(99);
}

std::string read_all_of(int fd) {
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t size; (size = ::read(fd, buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<std::size_t>(size));
  return text;
}

std::vector<std::byte> compile(const std::string& yaml) {
  const auto file = std::make_shared<const std::string>("test.yaml");
  policy::ParseOutcome parsed = policy::parse_profile(yaml, file, {});
  for (const policy::Finding& finding : parsed.findings) std::fprintf(stderr, "%s\n", policy::finding_text(finding).c_str());
  must(!policy::has_errors(parsed.findings), "profile");
  KernelFacts kernel;
  kernel.user_notify = true;
  Result<policy::Lowered> lowered = policy::lower(parsed.document.profile, kernel, {});
  if (!lowered.ok()) std::fprintf(stderr, "%s\n", lowered.error().text().c_str());
  must(lowered.ok(), "lower");
  return lowered->block;
}

/// A root directory of our own in a mount namespace of our own.
void make_scratch(const Setting& setting) {
  must(::unshare(CLONE_NEWNS) == 0, "unshare");
  must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private");
  const std::string scratch = "/tmp/c-unit-" + std::to_string(::getpid());
  ::mkdir(scratch.c_str(), 0700);
  must(::mount("scratch", scratch.c_str(), "tmpfs", 0, "mode=755") == 0, "tmpfs");
  must(::chdir(scratch.c_str()) == 0, "chdir");
  must(::syscall(SYS_pivot_root, ".", ".") == 0 && ::umount2(".", MNT_DETACH) == 0 && ::chdir("/") == 0, "pivot_root");
  ::umask(0);
  for (const char* name : {"/proc", "/dev", "/work", "/etc", "/tmp"}) must(::mkdir(name, 0755) == 0, name);
  must(::mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3)) == 0, "mknod");
  if (setting.before) setting.before();
}

/// The code's process, PID 1 of its own namespace.
[[noreturn]] void run_body(const Setting& setting, int report_fd, int handover, const std::vector<std::byte>* block) {
  must(::mount("proc", "/proc", "proc", 0, nullptr) == 0, "mount proc");
  ::umask(setting.umask);
  if (setting.uid != 0) {
    must(::setgroups(setting.groups.size(), setting.groups.data()) == 0 &&
             ::setresgid(setting.gid, setting.gid, setting.gid) == 0 && ::setresuid(setting.uid, setting.uid, setting.uid) == 0,
         "ids");
    ::prctl(PR_SET_DUMPABLE, 1);
  }
  if (block != nullptr) {
    const auto compiled = policy::Compiled::open(*block);
    must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
    Result<Fd> listener = kernel::install_filter_with_listener(compiled->filter(), SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    must(listener.ok(), "filter");
    const int number = listener->get();
    char taken = 0;
    must(::write(handover, &number, sizeof number) == sizeof number && ::read(handover, &taken, 1) == 1, "handover");
    listener->reset();
  }
  Report report(report_fd);
  setting.body(report);
  ::_exit(0);
}

pid_t clone_inner() {
  return static_cast<pid_t>(::syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
}

[[noreturn]] void supervise(const Setting& setting, int report_fd, int audit_fd, bool supervised) {
  const Fd procfs(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  std::vector<std::byte> block;
  if (supervised) block = compile(setting.profile);
  // The outer procfs must not be the code's: a mount of its own, attached nowhere.
  make_scratch(setting);
  int handover[2];
  must(::socketpair(AF_UNIX, SOCK_STREAM, 0, handover) == 0, "socketpair");
  const pid_t child = clone_inner();
  if (child == 0) run_body(setting, report_fd, handover[1], supervised ? &block : nullptr);
  must(child > 0, "clone");
  ::close(handover[1]);
  if (supervised) {
    const Result<policy::Compiled> compiled = policy::Compiled::open(block);
    must(compiled.ok(), "block");
    const Fd root(::open("/", O_PATH | O_CLOEXEC));
    Result<Fd> workload = kernel::open_pidfd(child);
    must(workload.ok(), "pidfd");
    must(take_signals(*workload).ok(), "signals");  // the handler that breaks waiting calls off
    // As PID 1 has them (process/self_confinement.h).
    must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs of the supervisor");
    must(::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) == 0, "securebits");
    AuditLog audit(BorrowedFd(audit_fd), procfs, "unit", *compiled);
    ExecStop exec_stop(*compiled, audit, procfs, child);
    network::PeerProcesses peers(network::PeerProcesses::socket_diag());
    WorkerPool pool({*compiled, audit, exec_stop, procfs, root, *workload, peers});
    must(pool.start().ok(), "pool");
    int number = -1;
    must(::read(handover[0], &number, sizeof number) == sizeof number, "number");
    Result<Fd> listener = kernel::take_fd(*workload, number);
    must(listener.ok() && pool.add_listener(*std::move(listener)).ok(), "listener");
    must(::write(handover[0], "x", 1) == 1, "taken");
    int status = 0;
    ::waitpid(child, &status, 0);
    if (status != 0) ::dprintf(report_fd, "status %x\n", static_cast<unsigned>(status));
    audit.flush(AuditLog::Flush::all);
    ::_exit(0);  // the pool's threads end with the process
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0) ::dprintf(report_fd, "status %x\n", static_cast<unsigned>(status));
  ::_exit(0);
}

Outcome run(const Setting& setting, bool supervised) {
  int report[2];
  must(::pipe2(report, O_CLOEXEC) == 0, "pipe");
  const int audit = ::memfd_create("audit", MFD_CLOEXEC);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(report[0]);
    supervise(setting, report[1], audit, supervised);
  }
  ::close(report[1]);
  Outcome outcome;
  outcome.report = read_all_of(report[0]);
  ::close(report[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0) outcome.report += "supervisor status " + std::to_string(status) + "\n";
  ::rmdir(("/tmp/c-unit-" + std::to_string(child)).c_str());
  ::lseek(audit, 0, SEEK_SET);
  outcome.audit = read_all_of(audit);
  ::close(audit);
  return outcome;
}

}  // namespace

void Report::line(const std::string& text) {
  const std::string whole = text + "\n";
  if (::write(fd_, whole.data(), whole.size()) < 0) ::_exit(98);
}

void Report::result(const std::string& name, long value) {
  line(name + ": " + (value < 0 ? "errno " + std::to_string(errno) : std::to_string(value)));
}

Outcome run_supervised(const Setting& setting) { return run(setting, true); }
Outcome run_natively(const Setting& setting) { return run(setting, false); }

}  // namespace warder::supervisor::testing
