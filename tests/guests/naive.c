// naive PROGRAM [ARG...]: runs a program under the kind of supervisor that warder must not be: it looks, decides, and lets the
// kernel run the call. The race guests must win here; that shows that they can.
//
// Its rule: nothing below /race/{no,ro,hi}, no port 7102, no TCP to 7103.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "guest.h"

// Which argument is what; -1: none.
static const struct trapped {
  int number, dir, path, path2, address, message;
} calls[] = {
    {SYS_open, -1, 0, -1, -1, -1},     {SYS_openat, 0, 1, -1, -1, -1},     {SYS_openat2, 0, 1, -1, -1, -1},
    {SYS_creat, -1, 0, -1, -1, -1},    {SYS_unlink, -1, 0, -1, -1, -1},    {SYS_unlinkat, 0, 1, -1, -1, -1},
    {SYS_rmdir, -1, 0, -1, -1, -1},    {SYS_rename, -1, 0, 1, -1, -1},     {SYS_mkdir, -1, 0, -1, -1, -1},
    {SYS_mkdirat, 0, 1, -1, -1, -1},   {SYS_mknod, -1, 0, -1, -1, -1},     {SYS_mknodat, 0, 1, -1, -1, -1},
    {SYS_symlink, -1, 1, -1, -1, -1},  {SYS_link, -1, 0, 1, -1, -1},       {SYS_chmod, -1, 0, -1, -1, -1},
    {SYS_fchmodat, 0, 1, -1, -1, -1},  {SYS_fchmod, 0, -1, -1, -1, -1},    {SYS_chown, -1, 0, -1, -1, -1},
    {SYS_truncate, -1, 0, -1, -1, -1}, {SYS_utimensat, 0, 1, -1, -1, -1},  {SYS_setxattr, -1, 0, -1, -1, -1},
    {SYS_stat, -1, 0, -1, -1, -1},     {SYS_newfstatat, 0, 1, -1, -1, -1}, {SYS_statx, 0, 1, -1, -1, -1},
    {SYS_access, -1, 0, -1, -1, -1},   {SYS_readlink, -1, 0, -1, -1, -1},  {SYS_chdir, -1, 0, -1, -1, -1},
    {SYS_execve, -1, 0, -1, -1, -1},   {SYS_execveat, 0, 1, -1, -1, -1},   {SYS_connect, 0, -1, -1, 1, -1},
    {SYS_bind, 0, -1, -1, 1, -1},      {SYS_sendto, 0, -1, -1, 4, -1},     {SYS_sendmsg, 0, -1, -1, -1, 1},
    {SYS_sendmmsg, 0, -1, -1, -1, 1},
};
enum { call_count = sizeof calls / sizeof calls[0] };

static bool read_memory(pid_t pid, uint64_t address, void* into, size_t size) {
  struct iovec local = {into, size};
  struct iovec remote = {(void*)address, size};
  return process_vm_readv(pid, &local, 1, &remote, 1, 0) > 0;
}

static bool below(const char* path, const char* directory) {
  const char* at = strstr(path, directory);
  return at != NULL && at[strlen(directory)] != '\0';
}

enum use { looking, reading, changing, binding };
static bool forbidden(const char* path, enum use use) {
  if (below(path, "/race/hi/")) return true;
  if (use == looking) return false;
  if (use == binding) return strstr(path, "/race/no/bound") != NULL;
  return below(path, "/race/no/") || (use == changing && below(path, "/race/ro/"));
}

/// What the call is about to do, as far as its numbers tell.
static enum use use_of(const struct seccomp_notif* request) {
  uint64_t flags = 0;
  switch (request->data.nr) {
    case SYS_open:
      flags = request->data.args[1];
      break;
    case SYS_openat:
      flags = request->data.args[2];
      break;
    case SYS_openat2:
      return reading;
    case SYS_bind:
      return binding;
    case SYS_stat:
    case SYS_newfstatat:
    case SYS_statx:
    case SYS_access:
    case SYS_readlink:
    case SYS_chdir:
      return looking;
    default:
      return changing;
  }
  if ((flags & O_PATH) != 0) return looking;
  return (flags & (O_ACCMODE | O_CREAT | O_TRUNC)) == 0 ? reading : changing;
}

static bool path_forbidden(pid_t pid, int dir, uint64_t address, enum use use) {
  char text[4096] = "";
  char full[8400] = "";
  if (address != 0 && !read_memory(pid, address, text, 64)) return false;
  text[63] = '\0';
  if (text[0] != '/' && dir >= 0) {
    char link[64];
    snprintf(link, sizeof link, "/proc/%d/fd/%d", pid, dir);
    ssize_t got = readlink(link, full, 4095);
    if (got > 0) full[got] = '\0';
    strcat(full, "/");
  }
  strcat(full, text);
  char* last = strrchr(full, '/');
  char real[4096] = "";
  if (last != NULL && last != full) {  // the directory resolved, the last component as it is
    *last = '\0';
    if (realpath(full, real) == NULL) strcpy(real, full);
    *last = '/';
    strncat(real, last, sizeof real - strlen(real) - 1);
  }
  return forbidden(real, use);
}

static bool address_forbidden(pid_t pid, int fd, uint64_t address, enum use use) {
  struct sockaddr_storage name = {0};
  if (address == 0 || !read_memory(pid, address, &name, sizeof(struct sockaddr_in))) return false;
  if (name.ss_family == AF_UNIX) {
    return path_forbidden(pid, -1, address + 2, use);
  }
  unsigned port = ntohs(((struct sockaddr_in*)&name)->sin_port);
  if (use == binding) return false;
  if (port != 7103) return port == 7102;
  char link[64];
  char text[64] = "";
  snprintf(link, sizeof link, "/proc/%d/fdinfo/%d", pid, fd);  // O_NONBLOCK marks the TCP socket of that race
  int info = open(link, O_RDONLY);
  read(info, text, sizeof text - 1);
  close(info);
  return strstr(text, "04002") != NULL;
}

static bool refused(const struct seccomp_notif* request) {
  const struct trapped* call = NULL;
  for (int i = 0; i < call_count; i++) {
    if (calls[i].number == request->data.nr) call = &calls[i];
  }
  pid_t pid = (pid_t)request->pid;
  const uint64_t* args = (const uint64_t*)request->data.args;
  int fd = call->dir >= 0 ? (int)args[call->dir] : -1;
  enum use use = use_of(request);
  if (call->path >= 0 && path_forbidden(pid, fd, args[call->path], use)) return true;
  if (call->path < 0 && call->address < 0 && call->message < 0 && path_forbidden(pid, fd, 0, use)) return true;
  if (call->path2 >= 0 && path_forbidden(pid, -1, args[call->path2], use)) return true;
  if (call->address >= 0) return address_forbidden(pid, fd, args[call->address], use);
  if (call->message >= 0) {
    struct msghdr message;
    return read_memory(pid, args[call->message], &message, sizeof message) &&
           address_forbidden(pid, fd, (uint64_t)message.msg_name, use);
  }
  return false;
}

static int install(void) {
  struct sock_filter program[call_count + 3];
  int n = 0;
  program[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (int i = 0; i < call_count; i++) {
    program[n++] =
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i].number, (uint8_t)(call_count - i), 0);
  }
  program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
  struct sock_fprog fprog = {(unsigned short)n, program};
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &fprog);
}

int main(int argc, char** argv) {
  must(argc > 1, "usage: naive PROGRAM");
  int told[2];
  int go[2];
  must(pipe(told) == 0 && pipe(go) == 0, "pipe");
  pid_t child = fork();
  if (child == 0) {
    syscall(SYS_prctl, 38 /* PR_SET_NO_NEW_PRIVS */, 1, 0, 0, 0);
    int listener = install();
    write(told[1], &listener, sizeof listener);
    char byte;
    read(go[0], &byte, 1);
    close(listener);
    execv(argv[1], argv + 1);
    _exit(127);
  }
  int number = -1;
  read(told[0], &number, sizeof number);
  int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
  int listener = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
  must(listener >= 0, "pidfd_getfd of the listener");
  write(go[1], "g", 1);
  for (;;) {
    struct seccomp_notif request;
    memset(&request, 0, sizeof request);
    struct pollfd waiting = {listener, POLLIN, 0};
    if (poll(&waiting, 1, 50) != 1 || (waiting.revents & POLLIN) == 0) {
      int status;
      if (waitpid(child, &status, WNOHANG) == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      continue;
    }
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) != 0) continue;
    struct seccomp_notif_resp response = {.id = request.id};
    bool no = refused(&request);
    usleep(20);  // long enough for the other side, on a busy machine too
    if (no)
      response.error = -EACCES;
    else
      response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
  }
}
