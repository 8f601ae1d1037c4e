// passer send SOCKET KIND PATH: hands a descriptor of PATH to whoever listens at SOCKET. KIND: path, directory (both O_PATH),
// read. passer receive SOCKET TRIAL...: takes one and tries what it is good for, each with a line of outcome (row 33):
//
//   reopen    opens it again by /proc/self/fd, for reading      rewrite   ... for writing
//   below     opens "f" below it                                stat      looks at "f" below it
//   exec      executes it by its descriptor                     chmod     changes its mode by /proc/self/fd
//   link      links it to /work/linked                          read      reads through it as it is
#include "guest.h"

static struct sockaddr_un address_of(const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  return address;
}

union control {
  struct cmsghdr header;
  char space[CMSG_SPACE(sizeof(int))];
};

static int send_descriptor(const char* path, int fd) {
  struct sockaddr_un address = address_of(path);
  int to = socket(AF_UNIX, SOCK_STREAM, 0);
  for (int tries = 0; connect(to, (struct sockaddr*)&address, sizeof address) != 0; tries++) {
    must(tries < 1000, "connect");
    sleep_ms(10);
  }
  char byte = 'x';
  struct iovec piece = {&byte, 1};
  union control control = {.header = {.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
  memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  must(sendmsg(to, &message, 0) == 1, "sendmsg");
  read(to, &byte, 1);  // until the other side has tried everything
  puts("sent");
  return 0;
}

static int receive_descriptor(const char* path) {
  struct sockaddr_un address = address_of(path);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  must(bind(listener, (struct sockaddr*)&address, sizeof address) == 0 && listen(listener, 1) == 0, path);
  chmod(path, 0777);
  int from = accept(listener, NULL, NULL);
  char byte;
  struct iovec piece = {&byte, 1};
  union control control;
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  must(recvmsg(from, &message, 0) == 1 && message.msg_controllen > 0, "recvmsg");
  int fd;
  memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
  return fd;
}

static long run(int fd) {
  pid_t child = fork();
  if (child == 0) {
    char* words[] = {"prog", "hello", NULL};
    char* none[] = {NULL};
    syscall(SYS_execveat, fd, "", words, none, AT_EMPTY_PATH);
    _exit(100 + errno);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
  errno = WIFEXITED(status) ? WEXITSTATUS(status) - 100 : ECANCELED;
  return -1;
}

static long attempt(const char* trial, int fd) {
  char again[64];
  char text[8];
  struct stat st;
  snprintf(again, sizeof again, "/proc/self/fd/%d", fd);
  if (strcmp(trial, "reopen") == 0) return open(again, O_RDONLY);
  if (strcmp(trial, "rewrite") == 0) return open(again, O_WRONLY);
  if (strcmp(trial, "below") == 0) return openat(fd, "f", O_RDONLY);
  if (strcmp(trial, "stat") == 0) return fstatat(fd, "f", &st, 0);
  if (strcmp(trial, "exec") == 0) return run(fd);
  if (strcmp(trial, "chmod") == 0) return chmod(again, 0755);
  if (strcmp(trial, "link") == 0) return linkat(AT_FDCWD, again, AT_FDCWD, "/work/linked", AT_SYMLINK_FOLLOW);
  if (strcmp(trial, "read") == 0) return pread(fd, text, sizeof text, 0);
  must(false, trial);
  return -1;
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "hello") == 0) return 0;
  must(argc >= 4, "usage");
  if (strcmp(argv[1], "send") == 0) {
    int fd = open(argv[4], strcmp(argv[3], "read") == 0 ? O_RDONLY : O_PATH);
    must(fd >= 0, argv[4]);
    return send_descriptor(argv[2], fd);
  }
  int fd = receive_descriptor(argv[2]);
  for (int i = 3; i < argc; i++) {
    long result = attempt(argv[i], fd);
    printf("%s = %s\n", argv[i], outcome(result));
  }
  return 0;
}
