// stacked PROGRAM [ARG...]: runs a program under a filter of the workload's own above warder's (row 45).
//
// The filter answers close and chdir with an error, and hands openat2 to a listener that does not exist. Whatever a workload
// adds, the outcome may only be more denied.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "guest.h"

int main(int argc, char** argv) {
  must(argc > 1, "usage: stacked PROGRAM");
  struct sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_chdir, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 2, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EUCLEAN),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
  };
  struct sock_fprog filter = {sizeof program / sizeof program[0], program};
  must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
  must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0, "seccomp");
  execv(argv[1], argv + 1);
  return 99;
}
