// The seccomp program of PID 1 itself: which system calls the supervisor may make. One list per reason.
//
// Calls without conditions are answered from the kernel's per-filter bitmap (Linux 5.11) and cost nothing to allow.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cstddef>
#include <span>
#include <vector>

#include "linux/newer.h"
#include "linux/seccomp.h"
#include "policy/core/inode_requests.h"
#include "supervisor/process/self_confinement.h"

namespace warder::supervisor {
namespace {

constexpr int runtime_library[] = {
    SYS_brk,
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_futex,
    SYS_exit,
    SYS_exit_group,
    SYS_rt_sigaction,
    SYS_rt_sigreturn,
    SYS_rt_sigprocmask,
    SYS_sigaltstack,
    SYS_restart_syscall,
    SYS_sched_yield,
    SYS_nanosleep,
    SYS_gettid,
    SYS_clock_nanosleep,
    SYS_set_robust_list,
    SYS_clock_gettime,
    SYS_gettimeofday,
    SYS_getpid,
    SYS_rseq,
    SYS_getrandom,
    SYS_tgkill,
    SYS_sched_getaffinity,
    SYS_set_tid_address,
};
/// The main loop: messages, signals, children.
constexpr int main_loop[] = {
    SYS_read,      SYS_write,   SYS_close,       SYS_poll,        SYS_ppoll,      SYS_wait4, SYS_waitid, SYS_kill,
    SYS_fcntl,     SYS_accept4, SYS_sendmsg,     SYS_recvmsg,     SYS_getsockopt, SYS_dup,   SYS_dup3,   SYS_pidfd_send_signal,
    SYS_signalfd4, SYS_fstat,   SYS_close_range, SYS_pidfd_getfd, SYS_pidfd_open,
};
/// Looking at a caller and becoming it.
constexpr int callers[] = {
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_pread64,
    SYS_pwrite64,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getgroups,
    SYS_setgroups,
    SYS_setfsuid,
    SYS_setfsgid,
    SYS_setresuid,
    SYS_setresgid,
    SYS_capget,
    SYS_capset,
    SYS_umask,
    SYS_chroot,
    SYS_chdir,
    SYS_fchdir,
    SYS_getcwd,
    SYS_getppid,
    SYS_readv,
    SYS_writev,
    SYS_getresuid,
    SYS_getresgid,
    SYS_sysinfo,
    SYS_kcmp,
};
/// Operations on files that are done for a caller.
constexpr int files[] = {
    SYS_open,
    SYS_openat,
    SYS_openat2,
    SYS_readlink,
    SYS_readlinkat,
    SYS_stat,
    SYS_lstat,
    SYS_newfstatat,
    SYS_statx,
    SYS_statfs,
    SYS_fstatfs,
    SYS_access,
    SYS_faccessat,
    SYS_faccessat2,
    SYS_getdents64,
    SYS_getdents,
    SYS_lseek,
    SYS_truncate,
    SYS_ftruncate,
    SYS_fallocate,
    SYS_chmod,
    SYS_fchmod,
    SYS_fchmodat,
    kernel::sys_fchmodat2,
    SYS_chown,
    SYS_lchown,
    SYS_fchown,
    SYS_fchownat,
    SYS_utimensat,
    SYS_futimesat,
    SYS_utimes,
    SYS_utime,
    SYS_setxattr,
    SYS_lsetxattr,
    SYS_fsetxattr,
    SYS_removexattr,
    SYS_lremovexattr,
    SYS_fremovexattr,
    SYS_getxattr,
    SYS_lgetxattr,
    SYS_fgetxattr,
    SYS_listxattr,
    SYS_llistxattr,
    SYS_flistxattr,
    kernel::sys_removexattrat,
    kernel::sys_file_getattr,
    kernel::sys_file_setattr,
    SYS_unlink,
    SYS_unlinkat,
    SYS_rmdir,
    SYS_mkdir,
    SYS_mkdirat,
    SYS_mknod,
    SYS_mknodat,
    SYS_link,
    SYS_linkat,
    SYS_symlink,
    SYS_symlinkat,
    SYS_rename,
    SYS_renameat,
    SYS_renameat2,
    SYS_inotify_add_watch,
    SYS_fanotify_mark,
    SYS_memfd_create,
    SYS_name_to_handle_at,
    SYS_flock,
    SYS_fadvise64,
    SYS_pipe2,
};
/// Operations on sockets of a caller. No socket(2): every socket is a caller's own, unless names are asked for. Landlock holds
/// the thread that binds a path.
constexpr int sockets[] = {
    SYS_landlock_create_ruleset,
    SYS_landlock_add_rule,
    SYS_landlock_restrict_self,
    SYS_connect,
    SYS_bind,
    SYS_listen,
    SYS_sendto,
    SYS_sendmmsg,
    SYS_getsockname,
    SYS_getpeername,
    SYS_setsockopt,
};

class Program {
 public:
  void allow(std::span<const int> calls) {
    for (const int call : calls) {
      add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
      add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    }
  }
  /// Allowed where (argument & mask) == value, both of 32 bits; anything else kills.
  void allow_where(int call, unsigned argument, unsigned mask, unsigned value) {
    constexpr unsigned low_half = 0;  // little endian
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 5));
    add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 static_cast<unsigned>(offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t) + low_half)));
    add(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  }
  /// Allowed with exactly this low half of an argument; what else the call may be is for later instructions to say.
  void allow_exactly(int call, unsigned argument, unsigned value) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 4));
    add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 static_cast<unsigned>(offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t))));
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  }
  /// Allowed where a pointer is null; anything else kills.
  void allow_null(int call, unsigned argument) {
    const auto offset = static_cast<unsigned>(offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t));
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 6));
    add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3));
    add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset + 4));
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1));
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  }
  void refuse(int call, unsigned error) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error));
  }
  void add(sock_filter instruction) { instructions_.push_back(instruction); }
  [[nodiscard]] std::span<const sock_filter> instructions() const { return instructions_; }

 private:
  std::vector<sock_filter> instructions_;
};

}  // namespace

Result<void> install_own_filter(Duty duty, OwnSockets own_sockets) {
  constexpr unsigned ioctl_type = 0xff00;
  constexpr unsigned seccomp_type = '!' << 8;
  constexpr unsigned process_flags = CLONE_THREAD | CLONE_VM | CLONE_SIGHAND | CLONE_NEWUSER;
  Program program;
  program.add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
  program.add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
  program.add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  program.add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  constexpr int cancelled[] = {-1};  // by a tracer on the host; the kernel answers ENOSYS
  program.allow(cancelled);
  if (duty != Duty::reap) {
    program.allow_exactly(SYS_ioctl, 1, static_cast<unsigned>(kernel::pidfd_get_info));
    for (const unsigned request : policy::inode_requests()) program.allow_exactly(SYS_ioctl, 1, request);
    program.allow_where(SYS_ioctl, 1, ioctl_type, seccomp_type);
  }
  program.allow(runtime_library);
  program.allow(main_loop);
  program.allow_where(SYS_mmap, 2, PROT_EXEC, 0);
  program.allow_where(SYS_mprotect, 2, PROT_EXEC, 0);
  constexpr int reading_files[] = {SYS_openat, SYS_readlinkat, SYS_newfstatat, SYS_pread64};
  if (duty == Duty::reap) {
    program.allow(reading_files);
  } else {
    program.allow_where(SYS_clone, 0, process_flags, CLONE_THREAD | CLONE_VM | CLONE_SIGHAND);
    program.refuse(SYS_clone3, ENOSYS);  // its flags are out of sight; libc then uses clone
    program.allow(callers);
    program.allow(files);
    program.allow(sockets);
    program.allow_where(SYS_unshare, 0, ~0U, CLONE_FS);
    program.allow_null(SYS_prlimit64, 2);  // limits are looked at, never set
    // The exec stop; callers that wait when the container is to be frozen. Nothing that reads or writes a tracee.
    constexpr unsigned requests[] = {PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, PTRACE_GETEVENTMSG};
    for (const unsigned request : requests) program.allow_exactly(SYS_ptrace, 0, request);
    constexpr unsigned internet_families = ~static_cast<unsigned>(AF_INET ^ AF_INET6);
    static_assert((AF_INET & AF_INET6) == AF_INET);
    if (own_sockets == OwnSockets::internet) program.allow_where(SYS_socket, 0, internet_families, AF_INET);
  }
  program.add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  return kernel::install_filter(program.instructions());
}

}  // namespace warder::supervisor
