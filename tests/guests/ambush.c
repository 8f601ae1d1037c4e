// ambush MILLISECONDS VICTIM: lies in wait for processes that enter the container and reaches for what they hold (rows 36, 53).
//
// As container root with every capability. Takes each new process's descriptors with pidfd_getfd; over a socket that is not ours
// it says to the other side, in warder's own words, that the program is VICTIM, a process of the host, and that it has failed:
// who believes that ends the victim. Prints "took N" for each kind of descriptor, and "entered N" for the processes seen.
#include <dirent.h>

#include "guest.h"

static char kinds[64][64];
static int kind_count, entered;

static void remember(const char* kind) {
  for (int i = 0; i < kind_count; i++) {
    if (strcmp(kinds[i], kind) == 0) return;
  }
  if (kind_count < 64) snprintf(kinds[kind_count++], sizeof kinds[0], "%s", kind);
}

/// type, number, text: see supervisor/protocol/messages.h.
static void say(int socket, uint32_t type, uint64_t number, const char* text) {
  char datagram[128];
  uint32_t size = (uint32_t)strlen(text);
  memcpy(datagram, &type, 4);
  memcpy(datagram + 4, &number, 8);
  memcpy(datagram + 12, &size, 4);
  memcpy(datagram + 16, text, size);
  send(socket, datagram, 16 + size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void rob(pid_t pid, uint64_t victim) {
  enum { failed = 2, listener = 3, started = 6 };
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (pidfd < 0) return;
  entered++;
  for (int turn = 0; turn < 200; turn++) {
    for (int number = 1000; number < 1007; number++) {
      int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
      if (fd < 0) {
        if (errno == ESRCH) goto gone;
        continue;
      }
      char path[64];
      char link[64] = "";
      snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
      if (readlink(path, link, sizeof link - 1) > 0) link[strcspn(link, "[")] = '\0', remember(link);
      int type = 0;
      socklen_t size = sizeof type;
      if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET) {
        say(fd, started, victim, "");
        say(fd, listener, 0, "");
        say(fd, failed, 1, "the container says so");
      }
      close(fd);
    }
  }
gone:
  close(pidfd);
}

int main(int argc, char** argv) {
  must(argc == 3, "usage");
  long end = now_ms() + atol(argv[1]);
  uint64_t victim = strtoull(argv[2], NULL, 10);
  pid_t last = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (last == 0) _exit(0);
  waitpid(last, NULL, 0);
  puts("ready");
  fflush(stdout);
  while (now_ms() < end) {
    for (pid_t pid = last + 1; pid < last + 8; pid++) {
      if (kill(pid, 0) != 0) continue;
      rob(pid, victim);
      last = pid;
    }
  }
  printf("entered %d\n", entered);
  for (int i = 0; i < kind_count; i++) printf("took %s\n", kinds[i]);
  return 0;
}
