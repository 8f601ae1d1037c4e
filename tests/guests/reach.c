// reach: can the workload see, signal, trace, read or starve the supervisor (law 7)? Lines "reached ..." are holes.
//
// Runs as PID 1 of its container or in an exec session, as container root with every capability that the engine gave.
#include <dirent.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>

#include "guest.h"

/// Descriptors of this process that are seccomp listeners.
static void own_listeners(void) {
  for (int fd = 0; fd < 4096; fd++) {
    char path[64];
    char text[256] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (readlink(path, text, sizeof text - 1) > 0 && strstr(text, "seccomp") != NULL) printf("reached listener %d\n", fd);
  }
}

/// Is this process one of ours, that is: a descendant of the container's PID 1 that runs a guest or busybox?
static bool foreign(pid_t pid) {
  char path[64];
  char text[4096] = "";
  snprintf(path, sizeof path, "/proc/%d/exe", pid);
  if (readlink(path, text, sizeof text - 1) < 0) return false;
  return strstr(text, "warder") != NULL || strstr(text, "memfd") != NULL;
}

static void visible_processes(void) {
  DIR* proc = opendir("/proc");
  int count = 0;
  for (struct dirent* entry; (entry = readdir(proc)) != NULL;) {
    pid_t pid = atoi(entry->d_name);
    if (pid <= 0) continue;
    count++;
    if (foreign(pid)) printf("reached process %d\n", pid);
    char path[64];
    char text[4096] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    int fd = open(path, O_RDONLY);
    if (fd >= 0 && read(fd, text, sizeof text - 1) > 0 && strstr(text, "warder") != NULL)
      printf("reached process %d named %s", pid, text);
    close(fd);
  }
  printf("processes %d\n", count);
  printf("parent %d\n", getppid());
}

static void by_number(pid_t limit) {
  pid_t own = getpid();
  for (pid_t pid = 1; pid < limit; pid++) {
    if (kill(pid, 0) != 0 && errno == ESRCH) continue;
    char path[64];
    char text[8192] = "";
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    int fd = open(path, O_RDONLY);
    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0) {
      printf("reached %d, which proc does not show\n", pid);
      continue;
    }
    close(fd);
    if (!foreign(pid) || pid == own) continue;
    if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0) printf("reached %d by ptrace\n", pid);
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    for (int number = 0; number < 2000; number++) {
      if (syscall(SYS_pidfd_getfd, pidfd, number, 0) >= 0) printf("reached fd %d of %d\n", number, pid);
    }
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    if (open(path, O_RDWR) >= 0) printf("reached memory of %d\n", pid);
  }
}

/// The parent of the workload is outside; a process without a visible parent may still be asked for by number 0.
static void parent_calls(void) {
  struct rlimit64 limit = {3, 3};
  if (getppid() != 0 && foreign(getppid())) puts("reached parent");
  if (getpid() == 1) {
    if (syscall(SYS_pidfd_open, 0, 0) >= 0) puts("reached pidfd of 0");
    if (syscall(SYS_sched_setaffinity, -1, 0, NULL) == 0) puts("reached affinity");
    (void)limit;
  }
  // Signals to everything and to groups reach only what is inside.
  signal(SIGUSR1, SIG_IGN);
  kill(-1, SIGUSR1);
  kill(0, SIGUSR1);
}

/// Everything that may be done to the container's PID 1 from inside leaves the supervisor unharmed: a trapped call still works.
static void abuse_pid_1(void) {
  for (int number = 1; number <= 64; number++) {
    if (number == SIGKILL || number == SIGSTOP || getpid() != 1) kill(1, getpid() == 1 ? number : 0);
  }
  struct rlimit64 low = {0, 0};
  if (getpid() != 1) syscall(SYS_prlimit64, 1, RLIMIT_NOFILE, &low, NULL);
  setpriority(PRIO_PROCESS, 1, 19);
  setpriority(PRIO_PGRP, 0, 19);
  struct sched_param lowest = {0};
  sched_setscheduler(1, SCHED_IDLE, &lowest);
  int fd = open("/proc/1/oom_score_adj", O_WRONLY);
  if (fd >= 0) write(fd, "1000", 4);
  close(fd);
}

int main(void) {
  own_listeners();
  visible_processes();
  by_number(3000);
  parent_calls();
  abuse_pid_1();
  struct stat st;
  printf("still answered: open %s, stat %s\n", outcome(open("/etc/passwd", O_RDONLY)), outcome(stat("/etc/passwd", &st)));
  printf("still refused: open %s\n", outcome(open("/etc/shadow", O_RDONLY)));
  puts("end");
  return 0;
}
