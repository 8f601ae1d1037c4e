// other_namespace: trapped calls before and after unshare(CLONE_NEWUSER), and when the capabilities of the new namespace are
// given up.
#include <linux/capability.h>
#include <sched.h>

#include "guest.h"

static void look(const char* when) {
  struct stat st;
  int fd = open("/etc/passwd", O_RDONLY);
  printf("%s: open %s", when, outcome(fd));
  if (fd >= 0) close(fd);
  printf(", stat %s", outcome(stat("/etc/passwd", &st)));
  fd = open("/etc/shadow", O_RDONLY);
  printf(", shadow %s\n", outcome(fd));
  fflush(stdout);
}

int main(void) {
  look("before");
  long made = syscall(SYS_unshare, CLONE_NEWUSER);
  printf("unshare %s\n", outcome(made));
  look("with capabilities");
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2] = {{0}};
  must(syscall(SYS_capset, &header, none) == 0, "capset");
  look("without");
  return 0;
}
