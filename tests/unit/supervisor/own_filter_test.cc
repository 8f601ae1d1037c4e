// PID 1's own seccomp program: what a supervisor that was taken over could not do (law 7). Each call is made by a child that has
// confined itself; a call beyond the list ends it.
#include <fcntl.h>
#include <linux/prctl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <string>
#include <vector>

#include "linux/process.h"
#include "supervisor/process/self_confinement.h"

namespace warder::supervisor {
namespace {

using CallUnderTest = long (*)();

/// "killed", or "returned".
std::string outcome(Duty duty, CallUnderTest call, OwnSockets sockets = OwnSockets::none) {
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    if (!kernel::set_no_new_privileges().ok() || !install_own_filter(duty, sockets).ok()) ::_exit(99);
    (void)call();
    ::_exit(0);
  }
  int status = 0;
  BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) return "killed";
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "returned" : "status " + std::to_string(status);
}

struct Trial {
  const char* name;
  CallUnderTest call;
};

const Trial forbidden_to_all[] = {
    {"execve", [] { return ::syscall(SYS_execve, "/bin/true", nullptr, nullptr); }},
    {"execveat", [] { return ::syscall(SYS_execveat, -1, "", nullptr, nullptr, 0); }},
    {"fork", [] { return ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }},
    {"vfork", [] { return ::syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0); }},
    {"socket", [] { return static_cast<long>(::socket(AF_INET, SOCK_STREAM, 0)); }},
    {"socketpair", [] { return ::syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, nullptr); }},
    {"executable memory", [] { return ::syscall(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }},
    {"mprotect to execute", [] { return ::syscall(SYS_mprotect, 0, 4096, PROT_READ | PROT_EXEC); }},
    {"pkey_mprotect", [] { return ::syscall(SYS_pkey_mprotect, 0, 4096, PROT_READ | PROT_EXEC, -1); }},
    {"ptrace to attach", [] { return ::syscall(SYS_ptrace, PTRACE_ATTACH, ::getpid(), 0, 0); }},
    {"ptrace to read", [] { return ::syscall(SYS_ptrace, PTRACE_PEEKDATA, ::getpid(), 0, 0); }},
    {"ptrace to write", [] { return ::syscall(SYS_ptrace, PTRACE_POKEDATA, ::getpid(), 0, 0); }},
    {"ptrace of registers", [] { return ::syscall(SYS_ptrace, PTRACE_SETREGS, ::getpid(), 0, 0); }},
    {"a new user namespace", [] { return ::syscall(SYS_unshare, CLONE_NEWUSER); }},
    {"a new mount namespace", [] { return ::syscall(SYS_unshare, CLONE_NEWNS); }},
    {"setns", [] { return ::syscall(SYS_setns, -1, 0); }},
    {"mount", [] { return ::syscall(SYS_mount, nullptr, "/", nullptr, 0, nullptr); }},
    {"a limit of its own",
     [] {
       const rlimit64 limit{1, 1};
       return ::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, nullptr);
     }},
    {"bpf", [] { return ::syscall(SYS_bpf, 0, nullptr, 0); }},
    {"io_uring", [] { return ::syscall(SYS_io_uring_setup, 1, nullptr); }},
    {"userfaultfd", [] { return ::syscall(SYS_userfaultfd, 0); }},
    {"init_module", [] { return ::syscall(SYS_init_module, nullptr, 0, ""); }},
    {"kexec_load", [] { return ::syscall(SYS_kexec_load, 0, 0, nullptr, 0); }},
    {"keyctl", [] { return ::syscall(SYS_keyctl, 0, 0); }},
    {"a second filter", [] { return ::syscall(SYS_seccomp, 2, 0, nullptr); }},
    {"prctl", [] { return ::syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0); }},
    {"typing into a terminal", [] { return ::syscall(SYS_ioctl, 0, TIOCSTI, "x"); }},
    {"a call of the future", [] { return ::syscall(999); }},
    {"an x32 call", [] { return ::syscall(0x40000000 + SYS_getpid); }},
};

const Trial allowed_to_answer[] = {
    {"getpid", [] { return static_cast<long>(::getpid()); }},
    {"open", [] { return static_cast<long>(::open("/", O_PATH)); }},
    {"looking at a limit", [] { return ::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, nullptr); }},
    {"its own working directory", [] { return ::syscall(SYS_unshare, CLONE_FS); }},
    {"letting a tracee go", [] { return ::syscall(SYS_ptrace, PTRACE_DETACH, 1, 0, 0); }},
    {"clone3 is not there", [] { return ::syscall(SYS_clone3, nullptr, 0); }},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(own_filter)

BOOST_AUTO_TEST_CASE(what_no_supervisor_needs_ends_it) {
  for (const Duty duty : {Duty::reap, Duty::answer, Duty::judge_exec}) {
    for (const Trial& trial : forbidden_to_all) BOOST_TEST(outcome(duty, trial.call) == "killed", trial.name);
  }
}

BOOST_AUTO_TEST_CASE(what_answering_needs_is_let_through) {
  for (const Trial& trial : allowed_to_answer) BOOST_TEST(outcome(Duty::answer, trial.call) == "returned", trial.name);
}

BOOST_AUTO_TEST_CASE(who_only_reaps_looks_at_nobody) {
  BOOST_TEST(outcome(Duty::reap, [] { return ::syscall(SYS_process_vm_readv, 1, nullptr, 0, nullptr, 0, 0); }) == "killed");
  BOOST_TEST(outcome(Duty::reap, [] { return ::syscall(SYS_unlink, "/nothing"); }) == "killed");
  BOOST_TEST(outcome(Duty::reap, [] { return ::syscall(SYS_setresuid, 1, 1, 1); }) == "killed");
  BOOST_TEST(outcome(Duty::reap, [] { return static_cast<long>(::getpid()); }) == "returned");
}

BOOST_AUTO_TEST_CASE(sockets_of_its_own_are_for_the_resolver_alone) {
  const CallUnderTest internet = [] { return static_cast<long>(::socket(AF_INET, SOCK_DGRAM, 0)); };
  const CallUnderTest internet6 = [] { return static_cast<long>(::socket(AF_INET6, SOCK_STREAM, 0)); };
  const CallUnderTest local = [] { return static_cast<long>(::socket(AF_UNIX, SOCK_STREAM, 0)); };
  const CallUnderTest netlink = [] { return static_cast<long>(::socket(AF_NETLINK, SOCK_RAW, 0)); };
  const CallUnderTest packet = [] { return static_cast<long>(::socket(AF_PACKET, SOCK_RAW, 0)); };
  BOOST_TEST(outcome(Duty::answer, internet, OwnSockets::internet) == "returned");
  BOOST_TEST(outcome(Duty::answer, internet6, OwnSockets::internet) == "returned");
  BOOST_TEST(outcome(Duty::answer, internet) == "killed");
  for (const CallUnderTest other : {local, netlink, packet}) {
    BOOST_TEST(outcome(Duty::answer, other, OwnSockets::internet) == "killed");
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace warder::supervisor
