// doors NAME...: calls that would go around a profile (law 10); says for each what came of it. `doors all` tries every one.
//
// "= OK" means that the door is open. Calls that change something are made with arguments that cannot succeed in changing the
// machine even if the call were allowed: then the kernel's own complaint (EFAULT, EINVAL, EBADF) shows that it was asked.
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

#include "guest.h"

/* <sys/mount.h> looks for "linux/mount.h" by name and would find this repository's. */
int mount(const char* source, const char* target, const char* type, unsigned long flags, const void* data);
int umount2(const char* target, int flags);
#define MNT_DETACH 2

static long door_io_uring_setup(void) {
  char params[120] = {0};
  return syscall(425, 4, params);
}
static long door_io_uring_enter(void) { return syscall(426, -1, 0, 0, 0, NULL, 0); }
static long door_io_uring_register(void) { return syscall(427, -1, 0, NULL, 0); }
static long door_open_by_handle_at(void) {
  struct {
    struct file_handle head;
    unsigned char bytes[8];
  } handle = {.head = {.handle_bytes = 8, .handle_type = 1}};
  int root = open("/", O_RDONLY);
  long opened = -1;
  for (unsigned inode = 1; inode <= 100 && opened < 0; inode++) {
    memcpy(handle.bytes, &inode, sizeof inode);
    opened = syscall(SYS_open_by_handle_at, root, &handle, O_RDONLY);
    if (opened < 0 && errno != ESTALE) break;
  }
  return opened;
}
static long door_userfaultfd(void) { return syscall(SYS_userfaultfd, O_CLOEXEC); }
static long door_bpf(void) {
  union bpf_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.map_type = BPF_MAP_TYPE_ARRAY;
  attr.key_size = attr.value_size = 4;
  attr.max_entries = 1;
  return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr);
}
static long door_perf_event_open(void) { return syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0); }
static long door_kexec_load(void) { return syscall(SYS_kexec_load, 0, 1000, NULL, 0); }
static long door_kexec_file_load(void) { return syscall(SYS_kexec_file_load, -1, -1, 0, NULL, 0); }
static long door_init_module(void) { return syscall(SYS_init_module, NULL, 0, ""); }
static long door_finit_module(void) { return syscall(SYS_finit_module, -1, "", 0); }
static long door_delete_module(void) { return syscall(SYS_delete_module, "no-such-module", O_NONBLOCK); }
static long door_reboot(void) { return syscall(SYS_reboot, 0, 0, 0, NULL); }
static long door_swapon(void) { return syscall(SYS_swapon, "/missing", 0); }
static long door_swapoff(void) { return syscall(SYS_swapoff, "/missing"); }
static long door_acct(void) { return syscall(SYS_acct, "/missing"); }
static long door_iopl(void) { return syscall(SYS_iopl, 3); }
static long door_ioperm(void) { return syscall(SYS_ioperm, 0x80, 1, 1); }
static long door_add_key(void) { return syscall(SYS_add_key, "user", "warder-test", "x", 1, -1); }
static long door_request_key(void) { return syscall(SYS_request_key, "user", "warder-test", NULL, 0); }
static long door_keyctl(void) { return syscall(SYS_keyctl, 0, -3, 0); }
static long door_unshare_user(void) { return syscall(SYS_unshare, CLONE_NEWUSER); }
static long door_unshare_user_and_more(void) { return syscall(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNS | CLONE_FS); }
static long child_of(long pid) {
  if (pid == 0) _exit(0);
  if (pid > 0) waitpid((pid_t)pid, NULL, 0);
  return pid;
}
static long door_clone_user(void) { return child_of(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)); }
static long door_clone_user_high_bits(void) {
  return child_of(syscall(SYS_clone, 0xff00000000000000UL | CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
}
static long door_clone3_user(void) {
  uint64_t args[11] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
  return child_of(syscall(SYS_clone3, args, sizeof args));
}
static long door_setns(void) { return syscall(SYS_setns, open("/proc/self/ns/mnt", O_RDONLY), 0); }
static long door_setns_pidfd(void) { return syscall(SYS_setns, (int)syscall(SYS_pidfd_open, 1, 0), CLONE_NEWNS | CLONE_NEWUTS); }
static long door_mount_tmpfs(void) { return mount("none", "/work", "tmpfs", 0, NULL); }
static long door_mount_bind(void) { return mount("/etc", "/work", NULL, MS_BIND, NULL); }
static long door_mount_proc(void) { return mount("proc", "/work", "proc", 0, NULL); }
static long door_mount_remount(void) { return mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL); }
static long door_umount(void) { return umount2("/proc/sys", MNT_DETACH); }
static long door_pivot_root(void) { return syscall(SYS_pivot_root, "/work", "/work"); }
static long door_fsopen(void) { return syscall(430, "tmpfs", 0); }
static long door_fsconfig(void) { return syscall(431, -1, 0, NULL, NULL, 0); }
static long door_fsmount(void) { return syscall(432, -1, 0, 0); }
static long door_fspick(void) { return syscall(433, AT_FDCWD, "/", 0); }
static long door_open_tree(void) { return syscall(428, AT_FDCWD, "/etc", 1); }
static long door_open_tree_plain(void) { return syscall(428, AT_FDCWD, "/etc/shadow", 0); }
static long door_move_mount(void) { return syscall(429, AT_FDCWD, "/etc", AT_FDCWD, "/work", 0); }
static long door_mount_setattr(void) {
  uint64_t attributes[4] = {0, 1, 0, 0};
  return syscall(442, AT_FDCWD, "/proc/sys", 0, attributes, sizeof attributes);
}
static long door_second_listener(void) {
  struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {1, &allow};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}
static long door_memfd_exec(void) { return syscall(SYS_memfd_create, "code", 0x10); }
static long door_quotactl(void) { return syscall(SYS_quotactl, 0, "/dev/missing", 0, NULL); }
static long door_syslog(void) { return syscall(SYS_syslog, 10, NULL, 0); }
static long door_lookup_dcookie(void) { return syscall(SYS_lookup_dcookie, 0, NULL, 0); }
static long door_new_call(void) { return syscall(1000, 0, 0, 0); }
static long door_tiocsti(void) {
  int master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
  if (master < 0) return 0;
  char byte = 'x';
  return ioctl(master, TIOCSTI, &byte);
}
static long door_tiocsti_high_bits(void) {
  int master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
  char byte = 'x';
  return syscall(SYS_ioctl, master, 0x500000000UL + TIOCSTI, &byte);
}
static long door_tioclinux(void) {
  int master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
  char sub = 2;
  return ioctl(master, TIOCLINUX, &sub);
}
static long door_tiocsetd(void) {
  int master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
  int discipline = 0;
  return ioctl(master, TIOCSETD, &discipline);
}
static long door_af_alg(void) { return socket(38, SOCK_SEQPACKET, 0); }
static long door_af_vsock(void) { return socket(40, SOCK_STREAM, 0); }
static long door_af_vsock_high_bits(void) { return syscall(SYS_socket, 0x100000000UL + 40, SOCK_STREAM, 0); }
static long door_host_memory(void) { return open("/dev/mem", O_RDONLY); }
static long door_sysrq(void) { return open("/proc/sysrq-trigger", O_WRONLY); }
static long door_core_pattern(void) { return open("/proc/sys/kernel/core_pattern", O_WRONLY); }
static long door_uevent_helper(void) { return open("/sys/kernel/uevent_helper", O_WRONLY); }
static long door_release_agent(void) { return open("/sys/fs/cgroup/release_agent", O_WRONLY); }
static long door_kcore(void) {
  int fd = open("/proc/kcore", O_RDONLY);
  char byte;
  return fd < 0 ? -1 : read(fd, &byte, 1) > 0 ? 0 : (errno = ENODATA, -1);
}
static long door_suspend_seccomp(void) {
  pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  long result = ptrace(PTRACE_SEIZE, child, NULL, (void*)0x200000L /* PTRACE_O_SUSPEND_SECCOMP */);
  int saved = errno;
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  errno = saved;
  return result;
}

#define DOOR(name) \
  { #name, door_##name }
static const struct {
  const char* name;
  long (*knock)(void);
} doors[] = {
    DOOR(io_uring_setup),
    DOOR(io_uring_enter),
    DOOR(io_uring_register),
    DOOR(open_by_handle_at),
    DOOR(userfaultfd),
    DOOR(bpf),
    DOOR(perf_event_open),
    DOOR(kexec_load),
    DOOR(kexec_file_load),
    DOOR(init_module),
    DOOR(finit_module),
    DOOR(delete_module),
    DOOR(reboot),
    DOOR(swapon),
    DOOR(swapoff),
    DOOR(acct),
    DOOR(iopl),
    DOOR(ioperm),
    DOOR(add_key),
    DOOR(request_key),
    DOOR(keyctl),
    DOOR(unshare_user),
    DOOR(unshare_user_and_more),
    DOOR(clone_user),
    DOOR(clone_user_high_bits),
    DOOR(clone3_user),
    DOOR(setns),
    DOOR(setns_pidfd),
    DOOR(mount_tmpfs),
    DOOR(mount_bind),
    DOOR(mount_proc),
    DOOR(mount_remount),
    DOOR(umount),
    DOOR(pivot_root),
    DOOR(fsopen),
    DOOR(fsconfig),
    DOOR(fsmount),
    DOOR(fspick),
    DOOR(open_tree),
    DOOR(open_tree_plain),
    DOOR(move_mount),
    DOOR(mount_setattr),
    DOOR(second_listener),
    DOOR(memfd_exec),
    DOOR(quotactl),
    DOOR(syslog),
    DOOR(lookup_dcookie),
    DOOR(new_call),
    DOOR(tiocsti),
    DOOR(tiocsti_high_bits),
    DOOR(tioclinux),
    DOOR(tiocsetd),
    DOOR(af_alg),
    DOOR(af_vsock),
    DOOR(af_vsock_high_bits),
    DOOR(host_memory),
    DOOR(sysrq),
    DOOR(core_pattern),
    DOOR(uevent_helper),
    DOOR(release_agent),
    DOOR(kcore),
    DOOR(suspend_seccomp),
};

int main(int argc, char** argv) {
  for (size_t d = 0; d < sizeof doors / sizeof doors[0]; d++) {
    bool asked = false;
    for (int i = 1; i < argc; i++) asked |= strcmp(argv[i], doors[d].name) == 0 || strcmp(argv[i], "all") == 0;
    if (!asked) continue;
    fflush(stdout);
    pid_t child = fork();  // a filter that kills ends only this one
    if (child == 0) {
      long result = doors[d].knock();
      const char* said = outcome(result);
      printf("%s = %s\n", doors[d].name, said);
      fflush(stdout);
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) printf("%s = signal %d\n", doors[d].name, WTERMSIG(status));
  }
  return 0;
}
