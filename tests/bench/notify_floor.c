// notify_floor PROGRAM ARGS...: runs PROGRAM with openat, open, newfstatat and stat answered by the smallest honest supervisor:
// one thread that copies the path, makes the call and answers. No policy, no identity, no second thread: what is left is the cost
// of the mechanism, the floor for every supervisor that acts on a copy.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
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
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_open, 3, 0),
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

static int copy_path(pid_t pid, uint64_t from, char* to, size_t size) {
  struct iovec local = {to, size - 1}, remote = {(void*)from, size - 1};
  size_t in_page = 4096 - (from & 4095);
  if (local.iov_len > in_page) local.iov_len = remote.iov_len = in_page;  // the bench's paths do not cross a page
  ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
  if (got <= 0) return -1;
  to[got] = '\0';
  return 0;
}

static void answer_open(int listener, const struct seccomp_notif* call, const char* path, int flags) {
  int fd = open(path, flags);
  if (fd < 0) {
    struct seccomp_notif_resp no = {.id = call->id, .error = -errno};
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &no);
    return;
  }
  struct seccomp_notif_addfd give = {.id = call->id, .flags = SECCOMP_ADDFD_FLAG_SEND, .srcfd = (__u32)fd,
                                     .newfd_flags = (__u32)(flags & O_CLOEXEC)};
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

static void serve(int listener) {
  char path[4096];
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);  // older kernels: without
  for (;;) {
    struct seccomp_notif call;
    memset(&call, 0, sizeof call);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) {
      if (errno == EINTR || errno == ENOENT) continue;
      exit(0);
    }
    const __u64* a = call.data.args;
    int at = call.data.nr == SYS_openat || call.data.nr == SYS_newfstatat;
    if (copy_path((pid_t)call.pid, a[at], path, sizeof path) != 0) {
      struct seccomp_notif_resp no = {.id = call.id, .error = -EFAULT};
      ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &no);
    } else if (call.data.nr == SYS_openat || call.data.nr == SYS_open) {
      answer_open(listener, &call, path, (int)a[at + 1]);
    } else {
      answer_stat(listener, &call, path, a[at + 1]);
    }
  }
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
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
  if (server == 0) serve(listener);
  close(listener);
  if (write(pair[0], "x", 1) != 1) die("child");
  int status = 0;
  waitpid(child, &status, 0);
  kill(server, SIGKILL);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
