// numbers [all]: every system call number there could be, with arguments that no call accepts; `all`: of the x32 and i386 ABIs,
// too.
//
// One line a number: "native 257 EBADF", "x32 1 ENOSYS", "i386 5 ENOSYS"; calls that end or block the caller say so.
#include <poll.h>

#include "guest.h"

static long by_int80(long number) {
  long result;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(number), "b"(-1), "c"(-1), "d"(-1), "S"(-1), "D"(-1)
                   : "memory", "r8", "r9", "r10", "r11");
  if (result >= 0 || result < -4095) return result;
  errno = (int)-result;
  return -1;
}
static long natively(long number) { return syscall(number, -1L, -1L, -1L, -1L, -1L, -1L); }

static void ask(const char* abi, long shown, long number, long (*call)(long)) {
  int ends[2];
  must(pipe(ends) == 0, "pipe");
  pid_t child = fork();
  must(child >= 0, "fork");
  if (child == 0) {
    setpgid(0, 0);
    signal(SIGALRM, SIG_DFL);
    alarm(1);
    errno = 0;
    long result = call(number);
    int answer = result >= 0 ? 0 : errno;
    syscall(SYS_write, ends[1], &answer, sizeof answer);
    syscall(SYS_exit_group, 0);
  }
  close(ends[1]);
  int answer = -1;
  struct pollfd told = {ends[0], POLLIN, 0};
  if (poll(&told, 1, 2000) != 1 || read(ends[0], &answer, sizeof answer) != sizeof answer) answer = -1;
  kill(child, SIGKILL);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  const char* name = answer > 0                                           ? strerrorname_np(answer)
                     : answer == 0                                        ? "OK"
                     : WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL ? "signal"
                                                                          : "no return";
  printf("%s %ld %s\n", abi, shown, name != NULL ? name : "E?");
  fflush(stdout);
}

int main(int argc, char** argv) {
  (void)argv;
  for (long number = 0; number < 600; number++) {
    // Calls that make another process, end this one, or take its descriptors away before it has spoken.
    if (number == SYS_fork || number == SYS_vfork || number == SYS_clone || number == SYS_close_range) continue;
    ask("native", number, number, natively);
  }
  static const long far[] = {1000, 4095, 65535, 0x3fffffff, 0x7fffffff, -2};
  for (size_t f = 0; f < sizeof far / sizeof far[0]; f++) ask("native", far[f], far[f], natively);
  for (long number = 0; argc > 1 && number < 600; number++) ask("x32", number, number | 0x40000000, natively);
  for (long number = 0; argc > 1 && number < 600; number++) {
    if (number == 2 || number == 120 || number == 190 || number == 436) continue;
    ask("i386", number, number, by_int80);
  }
  puts("end");
  return 0;
}
