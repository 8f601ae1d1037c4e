// tty TRIAL...: what can be done to the terminal on standard input (rows 49, 50), each with a line of outcome.
//
//   inject    TIOCSTI of "x"            inject_high  the same with garbage in the upper half of the request
//   select    TIOCLINUX                 discipline   TIOCSETD         console  TIOCCONS
//   steal     TIOCSCTTY with force      controlling  open of /dev/tty      new_console  open of /dev/console
#include <sys/ioctl.h>

#include "guest.h"

static long attempt(const char* trial) {
  char byte = 'x';
  char sub = 2;
  int discipline = 0;
  if (strcmp(trial, "inject") == 0) return ioctl(0, TIOCSTI, &byte);
  if (strcmp(trial, "inject_high") == 0) return syscall(SYS_ioctl, 0, 0xabcd00000000UL + TIOCSTI, &byte);
  if (strcmp(trial, "select") == 0) return ioctl(0, TIOCLINUX, &sub);
  if (strcmp(trial, "discipline") == 0) return ioctl(0, TIOCSETD, &discipline);
  if (strcmp(trial, "console") == 0) return ioctl(0, TIOCCONS, 0);
  if (strcmp(trial, "steal") == 0) {
    pid_t child = fork();
    if (child == 0) {
      setsid();
      _exit(ioctl(0, TIOCSCTTY, 1) == 0 ? 0 : errno);
    }
    int status = 0;
    waitpid(child, &status, 0);
    errno = WEXITSTATUS(status);
    return errno == 0 ? 0 : -1;
  }
  if (strcmp(trial, "controlling") == 0) return open("/dev/tty", O_RDWR);
  if (strcmp(trial, "new_console") == 0) return open("/dev/console", O_RDWR);
  must(false, trial);
  return -1;
}

int main(int argc, char** argv) {
  for (int i = 1; i < argc; i++) {
    long result = attempt(argv[i]);
    printf("%s = %s\n", argv[i], outcome(result));
    fflush(stdout);
  }
  return 0;
}
