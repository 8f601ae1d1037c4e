// without FEATURE PROGRAM [ARG...]: runs a program, and everything it starts, on a kernel that seems to lack something (row 62).
//
// Runs on the host's side, in front of warder. FEATURE is a name of the table below; `without list` prints them.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include "guest.h"

/// The call fails with `error` where its argument (-1: whatever it is) has all of `bits`, or is `value`.
static const struct feature {
  const char* name;
  int number, error, argument;
  uint32_t bits, value;
} features[] = {
    {"seccomp", SYS_seccomp, ENOSYS, -1, 0, 0},
    {"new_listener", SYS_seccomp, EINVAL, 1, SECCOMP_FILTER_FLAG_NEW_LISTENER, 0},
    {"wait_killable", SYS_seccomp, EINVAL, 1, 1U << 5, 0},
    {"receive", SYS_ioctl, EINVAL, 1, 0, SECCOMP_IOCTL_NOTIF_RECV},
    {"id_valid", SYS_ioctl, EINVAL, 1, 0, SECCOMP_IOCTL_NOTIF_ID_VALID},
    {"add_descriptor", SYS_ioctl, EINVAL, 1, 0, SECCOMP_IOCTL_NOTIF_ADDFD},
    {"set_flags", SYS_ioctl, EINVAL, 1, 0, 0x40082104},
    {"landlock_create", 444, ENOSYS, -1, 0, 0},
    {"landlock_add", 445, EINVAL, -1, 0, 0},
    {"landlock_restrict", 446, EPERM, -1, 0, 0},
    {"openat2", SYS_openat2, ENOSYS, -1, 0, 0},
    {"pidfd_getfd", SYS_pidfd_getfd, ENOSYS, -1, 0, 0},
    {"pidfd_open", SYS_pidfd_open, ENOSYS, -1, 0, 0},
    {"process_vm_readv", SYS_process_vm_readv, ENOSYS, -1, 0, 0},
    {"ptrace", SYS_ptrace, EPERM, -1, 0, 0},
    {"kcmp", SYS_kcmp, ENOSYS, -1, 0, 0},
    {"close_range", SYS_close_range, ENOSYS, -1, 0, 0},
    {"memfd_create", SYS_memfd_create, ENOSYS, -1, 0, 0},
    {"clone3", SYS_clone3, ENOSYS, -1, 0, 0},
    {"open_tree", 428, ENOSYS, -1, 0, 0},
    {"fsopen", 430, ENOSYS, -1, 0, 0},
    {"mount_setattr", 442, ENOSYS, -1, 0, 0},
    {"no_new_privs", SYS_prctl, EINVAL, 0, 0, PR_SET_NO_NEW_PRIVS},
    {"securebits", SYS_prctl, EINVAL, 0, 0, PR_SET_SECUREBITS},
    {"dumpable", SYS_prctl, EINVAL, 0, 0, PR_SET_DUMPABLE},
};
enum { count = sizeof features / sizeof features[0] };

static void take_away(const struct feature* feature) {
  struct sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)feature->number, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
               (uint32_t)offsetof(struct seccomp_data, args) + 8 * (uint32_t)(feature->argument < 0 ? 0 : feature->argument)),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, feature->argument < 0 ? 0
                                          : feature->bits != 0  ? feature->bits
                                                                : 0xffffffff),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
               feature->argument < 0 ? 0
               : feature->bits != 0  ? feature->bits
                                     : feature->value,
               0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)feature->error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog filter = {sizeof program / sizeof program[0], program};
  must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0, "seccomp (needs CAP_SYS_ADMIN)");
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "list") == 0) {
    for (int i = 0; i < count; i++) puts(features[i].name);
    return 0;
  }
  must(argc > 2, "usage: without FEATURE PROGRAM");
  for (int i = 0; i < count; i++) {
    if (strcmp(features[i].name, argv[1]) != 0) continue;
    take_away(&features[i]);
    execvp(argv[2], argv + 2);
  }
  must(false, argv[1]);
  return 99;
}
