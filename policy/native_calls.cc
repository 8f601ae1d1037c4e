#include "policy/native_calls.h"

#include <array>

namespace warder::policy {
namespace {

constexpr auto calls = std::to_array<NativeCalls>({
    {"works on open descriptors, which were judged where they were opened",
     "read write close lseek pread64 pwrite64 readv writev preadv pwritev preadv2 pwritev2 sendfile copy_file_range splice tee "
     "vmsplice fstat fstatfs fsync fdatasync ftruncate fallocate fadvise64 readahead sync_file_range syncfs sync flock fcntl dup "
     "dup2 dup3 close_range cachestat fgetxattr flistxattr io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents"},
    {"waits for descriptors",
     "poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 epoll_ctl_old "
     "epoll_wait_old eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_settime timerfd_gettime"},
    {"makes a descriptor without a name, or one that names nothing until it is told of a path",
     "pipe pipe2 inotify_init inotify_init1 inotify_rm_watch fanotify_init memfd_secret"},
    {"receives on sockets, or asks about them: a peer was judged when it was reached",
     "accept accept4 recvfrom recvmsg recvmmsg shutdown getsockname getpeername"},
    {"the caller's own memory",
     "mmap mprotect munmap brk mremap msync mincore madvise mlock mlock2 munlock mlockall munlockall remap_file_pages "
     "pkey_mprotect pkey_alloc pkey_free mseal membarrier map_shadow_stack mbind set_mempolicy get_mempolicy "
     "set_mempolicy_home_node migrate_pages move_pages"},
    {"begins, ends or waits for processes; children are under the same filters",
     "fork vfork exit exit_group wait4 waitid set_tid_address set_robust_list get_robust_list rseq restart_syscall"},
    {"the caller's identity, which is looked at in every trapped call",
     "getpid gettid getppid getuid geteuid getgid getegid getresuid getresgid getgroups setuid setgid setreuid setregid "
     "setresuid "
     "setresgid setfsuid setfsgid setgroups capget capset getpgrp getpgid setpgid getsid setsid umask prctl arch_prctl "
     "personality "
     "modify_ldt set_thread_area get_thread_area"},
    {"reaches processes of the container only, and the supervisor is none of them",
     "kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open pidfd_send_signal pidfd_getfd ptrace process_vm_readv "
     "process_vm_writev process_madvise process_mrelease kcmp prlimit64 getpriority setpriority ioprio_get ioprio_set listns"},
    {"signals of the caller itself",
     "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack pause alarm uprobe "
     "uretprobe"},
    {"scheduling and locks",
     "sched_yield sched_setparam sched_getparam sched_setscheduler sched_getscheduler sched_get_priority_max "
     "sched_get_priority_min sched_rr_get_interval sched_setaffinity sched_getaffinity sched_setattr sched_getattr getcpu futex "
     "futex_waitv futex_wake futex_wait futex_requeue"},
    {"time; setting it needs a capability in the host's user namespace",
     "time gettimeofday times nanosleep clock_gettime clock_getres clock_nanosleep clock_settime clock_adjtime settimeofday "
     "adjtimex "
     "getitimer setitimer timer_create timer_settime timer_gettime timer_getoverrun timer_delete"},
    {"IPC of the container's own namespace",
     "shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd msgrcv msgctl mq_open mq_unlink mq_timedsend "
     "mq_timedreceive mq_notify mq_getsetattr"},
    {"tells what everybody may know",
     "uname sysinfo getrlimit getrusage getcwd ustat sysfs getrandom lsm_get_self_attr lsm_list_modules"},
    {"changes the container's own names, limits and filters, and takes rights away only",
     "sethostname setdomainname setrlimit seccomp lsm_set_self_attr"},
    {"needs a capability in the host's user namespace, or a path that is a block device", "quotactl quotactl_fd vhangup syslog"},
    {"the kernel knows the number and nothing behind it (ENOSYS)",
     "create_module get_kernel_syms query_module getpmsg putpmsg afs_syscall tuxcall security"},
});

}  // namespace

std::span<const NativeCalls> native_calls() { return calls; }

}  // namespace warder::policy
