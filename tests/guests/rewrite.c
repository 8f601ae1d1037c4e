// rewrite PATH: a tracer turns its child's harmless call into an open of PATH at the entry stop, after any check of the number
// that came before (row 46). Prints what the child's call returned.
#include <sys/ptrace.h>
#include <sys/user.h>

#include "guest.h"

int main(int argc, char** argv) {
  must(argc == 2, "path");
  pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    for (;;) syscall(SYS_getppid);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (ptrace(PTRACE_SETOPTIONS, child, NULL, (void*)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) != 0) {
    printf("no tracing: %s\n", outcome(-1));
    return 0;
  }
  bool entered = false;
  bool rewritten = false;
  for (int steps = 0; steps < 20; steps++) {
    ptrace(PTRACE_SYSCALL, child, NULL, NULL);
    waitpid(child, &status, 0);
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != (SIGTRAP | 0x80)) continue;
    entered = !entered;
    struct user_regs_struct regs;
    ptrace(PTRACE_GETREGS, child, NULL, &regs);
    if (entered && regs.orig_rax == SYS_getppid) {
      regs.orig_rax = SYS_openat;
      regs.rdi = (unsigned long long)AT_FDCWD;
      regs.rsi = (unsigned long long)(uintptr_t)argv[1];
      regs.rdx = O_RDONLY;
      ptrace(PTRACE_SETREGS, child, NULL, &regs);
      rewritten = true;
    } else if (!entered && rewritten) {
      long result = (long)regs.rax;
      errno = result < 0 ? (int)-result : 0;
      printf("rewritten: %s\n", outcome(result));
      break;
    }
  }
  kill(child, SIGKILL);
  return 0;
}
