// notify_floor [--bare] PROGRAM ARGS...: runs PROGRAM with openat, open, newfstatat, stat and connect answered by the smallest
// honest supervisor: one thread that receives, reads the caller's credentials once (ids and capabilities, in the cheapest way
// that the kernel has), copies the path or address, checks that the caller still waits, makes the call and answers. No policy, no
// identity, no second thread: what is left is the cost of the mechanism, the floor for every supervisor that acts on a copy.
// --bare leaves the credentials and the check out, too: nobody may do that, but it shows what they cost.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS  // Linux 6.6
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

static void die(const char* what) {
  perror(what);
  exit(1);
}

static int install_filter(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 5, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_open, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_connect, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_newfstatat, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_stat, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
  };
  struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) die("no_new_privs");
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                      SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
}

static int copy_in(pid_t pid, uint64_t from, char* to, size_t size) {
  struct iovec local = {to, size - 1}, remote = {(void*)from, size - 1};
  size_t in_page = 4096 - (from & 4095);
  if (local.iov_len > in_page) local.iov_len = remote.iov_len = in_page;  // what the bench passes does not cross a page
  ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
  if (got <= 0) return -1;
  to[got] = '\0';
  return 0;
}

// Linux 6.13; before it, this is the floor of a kernel that has no cheap way, and PIDFD_GET_INFO fails at once.
struct pidfd_info {
  uint64_t mask, cgroup;
  uint32_t numbers[11];
  int32_t exit_code;
};
#define PIDFD_GET_INFO _IOWR(0xFF, 11, struct pidfd_info)
enum { pidfd_thread = 0200, info_credentials = 2, most_tids = 64 };

/// The ids and the capabilities; the descriptor of a thread is kept from call to call.
static void read_credentials(pid_t tid) {
  static struct {
    pid_t tid;
    int fd;
  } known[most_tids];
  int slot = tid % most_tids;
  if (known[slot].tid != tid) {
    if (known[slot].tid != 0) close(known[slot].fd);
    known[slot].tid = tid;
    known[slot].fd = (int)syscall(SYS_pidfd_open, tid, pidfd_thread);
  }
  struct pidfd_info info = {.mask = info_credentials};
  ioctl(known[slot].fd, PIDFD_GET_INFO, &info);
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, tid};
  struct __user_cap_data_struct sets[2];
  syscall(SYS_capget, &header, sets);
}

static void answer_connect(int listener, const struct seccomp_notif* call, const void* peer) {
  int owner = (int)syscall(SYS_pidfd_open, call->pid, pidfd_thread);
  int taken = (int)syscall(SYS_pidfd_getfd, owner, (int)call->data.args[0], 0);
  struct seccomp_notif_resp answer = {.id = call->id};
  if (connect(taken, peer, (socklen_t)call->data.args[2]) != 0) answer.error = -errno;
  close(taken);
  close(owner);
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

static void answer_open(int listener, const struct seccomp_notif* call, const char* path, int flags) {
  int fd = open(path, flags);
  if (fd < 0) {
    struct seccomp_notif_resp no = {.id = call->id, .error = -errno};
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &no);
    return;
  }
  struct seccomp_notif_addfd give = {
      .id = call->id, .flags = SECCOMP_ADDFD_FLAG_SEND, .srcfd = (__u32)fd, .newfd_flags = (__u32)(flags & O_CLOEXEC)};
  ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &give);
  close(fd);
}

static void answer_stat(int listener, const struct seccomp_notif* call, const char* path, uint64_t to) {
  struct stat found;
  struct seccomp_notif_resp answer = {.id = call->id};
  if (stat(path, &found) != 0) answer.error = -errno;
  struct iovec local = {&found, sizeof found}, remote = {(void*)to, sizeof found};
  if (answer.error == 0 && process_vm_writev((pid_t)call->pid, &local, 1, &remote, 1, 0) != sizeof found) answer.error = -EFAULT;
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

static void answer_one(int listener, const struct seccomp_notif* call, int bare) {
  static char copy[4096];
  const __u64* a = call->data.args;
  int at = call->data.nr == SYS_openat || call->data.nr == SYS_newfstatat || call->data.nr == SYS_connect;
  if (!bare) read_credentials((pid_t)call->pid);
  size_t size = call->data.nr == SYS_connect ? (size_t)a[2] + 1 : sizeof copy;
  if (size > sizeof copy || copy_in((pid_t)call->pid, a[at], copy, size) != 0) {
    struct seccomp_notif_resp no = {.id = call->id, .error = -EFAULT};
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &no);
    return;
  }
  __u64 id = call->id;
  if (!bare && ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) != 0) return;
  if (call->data.nr == SYS_openat || call->data.nr == SYS_open) {
    answer_open(listener, call, copy, (int)a[at + 1]);
  } else if (call->data.nr == SYS_connect) {
    answer_connect(listener, call, copy);
  } else {
    answer_stat(listener, call, copy, a[at + 1]);
  }
}

static void serve(int listener, int bare) {
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);  // older kernels: without
  for (;;) {
    struct seccomp_notif call;
    memset(&call, 0, sizeof call);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) {
      if (errno == EINTR || errno == ENOENT) continue;
      exit(0);
    }
    answer_one(listener, &call, bare);
  }
}

int main(int argc, char** argv) {
  int bare = argc > 1 && strcmp(argv[1], "--bare") == 0;
  argv += bare;
  if (argc - bare < 2) return 2;
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) die("socketpair");
  pid_t child = fork();
  if (child == 0) {
    int listener = install_filter();
    if (listener < 0 || write(pair[1], &listener, sizeof listener) != sizeof listener) die("listener");
    char taken;
    if (read(pair[1], &taken, 1) != 1) die("parent");
    close(listener);
    execv(argv[1], argv + 1);
    die(argv[1]);
  }
  int number;
  if (read(pair[0], &number, sizeof number) != sizeof number) die("child");
  int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
  int listener = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
  if (listener < 0) die("pidfd_getfd");
  pid_t server = fork();
  if (server == 0) serve(listener, bare);
  close(listener);
  if (write(pair[0], "x", 1) != 1) die("child");
  int status = 0;
  waitpid(child, &status, 0);
  kill(server, SIGKILL);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
