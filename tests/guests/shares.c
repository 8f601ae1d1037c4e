// shares NAME: what threads and processes share, changed around or under a trapped call. Each prints one line (rows 8, 9, 16, 17,
// 26).
//
//   switching   a thread takes on and off ids, groups and capabilities without one trapped call between: each open is as whom it
//   is leaderless  the first thread has ended; others go on opening, and one executes exec_race   one thread executes while its
//   siblings' calls are being answered flags       processes cloned with every combination of what can be shared: each is refused
//   the same roots       chroot, and a sibling that shares it: names are the container's all the same exits       processes whose
//   numbers come again and again make and die: nothing is made for the wrong one
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

#include "guest.h"

static const char* const secret = "/etc/shadow";

// ---- switching

static void set_effective(uint64_t effective) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  syscall(SYS_capget, &header, data);
  data[0].effective = (uint32_t)effective & data[0].permitted;
  data[1].effective = (uint32_t)(effective >> 32) & data[1].permitted;
  syscall(SYS_capset, &header, data);
}
static bool opens(const char* path) {
  int fd = open(path, O_RDONLY);
  if (fd >= 0) close(fd);
  return fd >= 0;
}
/// Files: /work/root 0600 root, /work/user 0600 1000, /work/group 0060 root:3000.
static void switching(void) {
  long wrong = 0;
  int group_file = open("/work/group", O_CREAT | O_WRONLY, 0);
  fchown(group_file, 0, 3000);
  fchmod(group_file, 0060);
  close(open("/work/root", O_CREAT | O_WRONLY, 0600));
  int user_file = open("/work/user", O_CREAT | O_WRONLY, 0);
  fchown(user_file, 1000, 1000);
  fchmod(user_file, 0600);
  const uint64_t overrides = 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH;
  gid_t group = 3000;
  for (int i = 0; i < 2000; i++) {
    set_effective(~overrides);
    wrong += !opens("/work/root") + opens("/work/user") + opens("/work/group");
    syscall(SYS_setgroups, 1, &group);
    wrong += i % 2 != 0 ? 0 : opens("/work/user");  // root of group 3000: the owner's bits are the ones that count
    syscall(SYS_setgroups, 0, NULL);
    set_effective(~0ULL);
    wrong += !opens("/work/user") + !opens("/work/group");
    syscall(SYS_setfsuid, 1000);
    wrong += opens("/work/root") + !opens("/work/user");
    syscall(SYS_setfsuid, 0);
    syscall(SYS_setresuid, -1, 1000, -1);
    wrong += opens("/work/root");
    syscall(SYS_setresuid, -1, 0, -1);
  }
  // Without the power to which groups mean nothing, and with groups that come and go.
  syscall(SYS_setfsgid, 2000);
  for (int i = 0; i < 500; i++) {
    set_effective(~overrides);
    syscall(SYS_setfsuid, 2000);
    set_effective(1U << CAP_SETGID | 1U << CAP_SETUID);
    wrong += opens("/work/group");
    syscall(SYS_setgroups, 1, &group);
    wrong += !opens("/work/group");
    syscall(SYS_setgroups, 0, NULL);
    wrong += opens("/work/group");
    syscall(SYS_setfsuid, 0);
    set_effective(~0ULL);
  }
  printf("switching: wrong %ld\n", wrong);
}

// ---- leaderless

static void* after_the_leader(void* unused) {
  (void)unused;
  sleep_ms(200);
  char text[64] = "";
  int fd = open("/proc/thread-self/comm", O_RDONLY);
  must(fd >= 0 && read(fd, text, sizeof text) > 0, "/proc/thread-self/comm");
  struct stat st;
  bool good = opens("/etc/passwd") && !opens(secret) && errno == EACCES && stat("/proc/thread-self/stat", &st) == 0 &&
              mkdir("/work/leaderless", 0755) == 0;
  int mine = open("/work/leaderless/f", O_CREAT | O_RDWR, 0600);
  char path[64];
  snprintf(path, sizeof path, "/proc/thread-self/fd/%d", mine);  // /proc/self is the leader, which has none any more
  good = good && mine >= 0 && opens(path);
  printf("leaderless: %s\n", good ? "good" : "bad");
  fflush(stdout);
  char* words[] = {"echo", "leaderless: executed", NULL};
  execv("/bin/echo", words);
  exit(1);
}
static void leaderless(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, after_the_leader, NULL);
  syscall(SYS_exit, 0);
}

// ---- exec_race

static volatile int go;
static void* keep_opening(void* unused) {
  (void)unused;
  for (;;) {
    if (opens(secret)) _exit(66);
    opens("/etc/passwd");
    mkdir("/work/race", 0755);
    rmdir("/work/race");
  }
  return NULL;
}
static void* execute(void* name) {
  while (!go) sched_yield();
  char* words[] = {name, NULL};
  execv(name, words);
  return NULL;
}
/// Whoever comes first ends all others, in the middle of their calls: an allowed program has run, or a refused one was killed.
static void exec_race(void) {
  long wrong = 0;
  long ran = 0;
  for (int round = 0; round < 60; round++) {
    pid_t child = fork();
    if (child == 0) {
      pthread_t threads[6];
      for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, keep_opening, NULL);
      pthread_create(&threads[3], NULL, execute, "/bin/true");
      pthread_create(&threads[4], NULL, execute, "/bin/true");
      pthread_create(&threads[5], NULL, execute, "/work/denied");
      go = 1;
      sleep_ms(3000);
      _exit(77);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
      ran++;
    } else {
      wrong++;
    }
  }
  printf("exec_race: wrong %ld ran %d\n", wrong, ran > 0);
}

// ---- flags

static long passed;
static int try_secret(void* unused) {
  (void)unused;
  struct stat st;
  int fd = (int)syscall(SYS_openat, AT_FDCWD, secret, O_RDONLY);
  if (fd >= 0 || syscall(SYS_stat, "/nowhere/a.x", &st) == 0 || syscall(SYS_unlink, "/etc/kept") == 0)
    __atomic_add_fetch(&passed, 1, __ATOMIC_SEQ_CST);
  syscall(SYS_exit, 0);
  return 0;
}
static void flags(void) {
  const unsigned bits[] = {CLONE_FS,    CLONE_FILES,  CLONE_VM,     CLONE_PARENT, CLONE_UNTRACED, CLONE_IO,   CLONE_SYSVSEM,
                           CLONE_VFORK, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWNET, CLONE_NEWPID,   CLONE_NEWNS};
  enum { count = sizeof bits / sizeof bits[0] };
  long made = 0;
  static char stack[65536] __attribute__((aligned(16)));
  for (unsigned set = 0; set < 1U << count; set += set < 256 ? 1 : 37) {
    unsigned all = SIGCHLD;
    for (unsigned i = 0; i < count; i++) all |= (set >> i & 1U) != 0 ? bits[i] : 0;
    pid_t child = clone(try_secret, stack + sizeof stack, (int)all, NULL);
    if (child <= 0) continue;
    made++;
    if ((all & CLONE_PARENT) == 0) {
      waitpid(child, NULL, __WALL);
    } else {
      sleep_ms(3);
    }
  }
  printf("flags: passed %ld made %d\n", passed, made > 100);
}

// ---- roots

static char stack_for_root[65536] __attribute__((aligned(16)));
static int change_root(void* unused) {
  (void)unused;
  long result = chroot("/etc");
  syscall(SYS_exit, result == 0 ? 0 : 1);
  return 0;
}
static void roots(void) {
  pid_t child = fork();
  if (child == 0) {
    int top = open("/", O_PATH | O_DIRECTORY);
    pid_t other = clone(change_root, stack_for_root + sizeof stack_for_root, CLONE_FS | SIGCHLD, NULL);
    int status = 0;
    must(waitpid(other, &status, 0) == other && status == 0, "chroot");
    bool refused = !opens("/shadow") && errno == EACCES;  // "/etc/shadow" by a name of the new root
    refused = refused && !opens("/../shadow") && !opens("/../etc/shadow");
    // The same again, for a caller that cannot chroot itself, seen by the supervisor a moment before.
    pid_t weak = fork();
    if (weak == 0) {
      int wrong = 0;
      for (int i = 0; i < 50; i++) {
        int pipes[2];
        must(pipe(pipes) == 0, "pipe");
        pid_t shares = (pid_t)syscall(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0);
        if (shares == 0) {
          char byte;
          read(pipes[0], &byte, 1);
          _exit(chroot("/") == 0 && fchdir(top) == 0 && chroot(i % 2 == 0 ? "etc" : ".") == 0 ? 0 : 1);
        }
        set_effective(~(1ULL << CAP_SYS_CHROOT));
        opens("/passwd");  // known from here on
        write(pipes[1], "x", 1);
        int status = 1;
        waitpid(shares, &status, 0);
        must(status == 0, "chroot by a sibling");
        wrong += opens("/passwd") != (i % 2 == 0);
        set_effective(~0ULL);
        close(pipes[0]);
        close(pipes[1]);
      }
      _exit(wrong);
    }
    int wrong = 0;
    waitpid(weak, &wrong, 0);
    refused = refused && wrong == 0;
    fchdir(top);
    refused = refused && !opens("etc/shadow") && errno == EACCES;  // the classic way out of a chroot: still the container's name
    printf("roots: %s, %s\n", opens("/passwd") ? "works" : "broken", refused ? "refused" : "open");
    fflush(stdout);
    _exit(0);
  }
  waitpid(child, NULL, 0);
}

// ---- exits

/// What a caller that was killed in the middle of its call leaves may come a moment late, but is its own.
static void exits(void) {
  long strangers = 0;
  for (int round = 0; round < 400; round++) {
    char name[64];
    snprintf(name, sizeof name, "/work/mine-%d", round);
    uid_t owner = 1000 + (uid_t)round % 7;
    pid_t children[4];
    for (int i = 0; i < 4; i++) {
      children[i] = fork();
      if (children[i] == 0) {
        // Born, calls, and is killed by a sibling; the next round's processes may get its number.
        if (i == 3) {
          for (volatile int spin = round * 37 % 5000; spin > 0; spin--) {
          }
          for (int k = 0; k < 3; k++) kill(children[k], SIGKILL);
          _exit(0);
        }
        if (setuid(owner) != 0) _exit(1);
        for (;;) {
          mkdir(name, 0700);
          rmdir(name);
        }
      }
    }
    for (int i = 0; i < 4; i++) waitpid(children[i], NULL, 0);
    struct stat st;
    for (int tries = 0; tries < 3; tries++, sleep_ms(1)) strangers += stat(name, &st) == 0 && st.st_uid != owner;
    rmdir(name);
  }
  printf("exits: made as somebody else %ld\n", strangers);
}

int main(int argc, char** argv) {
  must(argc == 2, "name");
  static const struct {
    const char* name;
    void (*run)(void);
  } shares[] = {{"switching", switching}, {"leaderless", leaderless}, {"exec_race", exec_race},
                {"flags", flags},         {"roots", roots},           {"exits", exits}};
  for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
    if (strcmp(argv[1], shares[i].name) == 0) shares[i].run();
  }
  return 0;
}
