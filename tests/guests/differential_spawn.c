// Processes and threads at work: pipelines, vfork, posix_spawn, many threads, a leader that ends first.
//
// Runs in an empty directory given as the argument.
#include <sched.h>
#include <spawn.h>

#include "differential.h"

static long shell(const char* command) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    execl("/bin/busybox", "sh", "-c", command, NULL);
    _exit(127);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

static void pipelines(void) {
  CASE(shell(
      "i=0; while [ $i -lt 60 ]; do r=$(echo a b c | tr a-c x-z | cat); [ \"$r\" = 'x y z' ] || echo bad; i=$((i+1)); done"));
  CASE(
      shell("for i in 1 2 3 4 5 6 7 8 9 10; do cat < /etc/passwd | sort | grep root | wc -l > out-$i & done; wait; cat out-* | "
            "sort | head -1"));
  CASE(shell("echo one > f; echo two >> f; cat f; mv f g; ls g; rm g; ls f 2>/dev/null"));
  CASE(shell("cat <<END\nhere document\nEND"));
  CASE(shell("mkfifo p; cat p & echo through the fifo > p; wait"));
  CASE(shell("(exit 7)"));
  CASE(shell("kill -9 $$"));
}

static void* churn(void* number) {
  char name[64];
  long failed = 0;
  for (int i = 0; i < 200; i++) {
    snprintf(name, sizeof name, "churn-%ld", (long)number);
    int fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0600);
    if (fd < 0 || write(fd, name, 7) != 7) failed++;
    close(fd);
    struct stat st;
    if (stat(name, &st) != 0 || st.st_size != 7) failed++;
    if (unlink(name) != 0) failed++;
  }
  return (void*)failed;
}

static void threads(void) {
  pthread_t all[16];
  for (long i = 0; i < 16; i++) pthread_create(&all[i], NULL, churn, (void*)i);
  long failed = 0;
  for (int i = 0; i < 16; i++) {
    void* result;
    pthread_join(all[i], &result);
    failed += (long)result;
  }
  say("threads: %ld failures", failed);
}

static void* spawn_one(void* unused) {
  (void)unused;
  pid_t child;
  char* args[] = {"true", NULL};
  char* none[] = {NULL};
  if (posix_spawn(&child, "/bin/busybox", NULL, NULL, args, none) != 0) return (void*)1;
  int status;
  waitpid(child, &status, 0);
  return (void*)(long)(status != 0);
}

static void spawns(void) {
  for (int round = 0; round < 3; round++) {
    pthread_t all[64];
    for (int i = 0; i < 64; i++) pthread_create(&all[i], NULL, spawn_one, NULL);
    long failed = 0;
    for (int i = 0; i < 64; i++) {
      void* result;
      pthread_join(all[i], &result);
      failed += (long)result;
    }
    say("64 spawns at once: %ld failures", failed);
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "spawned", O_CREAT | O_WRONLY, 0640);
  pid_t child;
  char* args[] = {"echo", "spawned", NULL};
  char* none[] = {NULL};
  CASE(posix_spawn(&child, "/bin/busybox", &actions, NULL, args, none));
  waitpid(child, NULL, 0);
  show("spawned");
  CASE(posix_spawn(&child, "/missing", NULL, NULL, args, none));
  pid_t forked = vfork();
  if (forked == 0) {
    int fd = open("by-vfork", O_CREAT | O_WRONLY, 0600);
    _exit(fd >= 0 ? 0 : 1);
  }
  int status = -1;
  waitpid(forked, &status, 0);
  say("vfork child: %x", status);
  show("by-vfork");
}

static void* after_the_leader(void* unused) {
  (void)unused;
  sleep_ms(100);
  int fd = open("leader-gone", O_CREAT | O_EXCL | O_RDWR, 0600);
  int proc = open("/proc/self/status", O_RDONLY);
  int thread = open("/proc/thread-self/comm", O_RDONLY);
  struct stat st;
  _exit((fd >= 0 ? 1 : 0) + (proc >= 0 ? 2 : 0) + (thread >= 0 ? 4 : 0) + (stat("/etc/passwd", &st) == 0 ? 8 : 0));
}

static void leader_ends_first(void) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    pthread_t thread;
    pthread_create(&thread, NULL, after_the_leader, NULL);
    pthread_exit(NULL);
  }
  int status = -1;
  waitpid(child, &status, 0);
  say("after the leader's end: %x", status);
  show("leader-gone");
}

static char stack[65536] __attribute__((aligned(16)));
static int with_flags(void* unused) {
  (void)unused;
  int fd = open("by-clone", O_CREAT | O_RDWR, 0600);
  _exit(fd >= 0 ? 0 : 1);
}

static void clones(void) {
  static const int flags[] = {SIGCHLD,
                              CLONE_FILES | SIGCHLD,
                              CLONE_FS | SIGCHLD,
                              CLONE_VM | SIGCHLD,
                              CLONE_VM | CLONE_FILES | CLONE_FS | SIGCHLD,
                              CLONE_VFORK | SIGCHLD,
                              CLONE_UNTRACED | SIGCHLD,
                              CLONE_IO | SIGCHLD};
  for (size_t f = 0; f < sizeof flags / sizeof flags[0]; f++) {
    fflush(stdout);
    pid_t child = clone(with_flags, stack + sizeof stack, flags[f], NULL);
    int status = -1;
    waitpid(child, &status, 0);
    say("clone %x -> child %x", flags[f], status);
    unlink("by-clone");
  }
  IN_CHILD({
    CASE(unshare(CLONE_FILES));
    CASE(close(open("by-clone", O_CREAT | O_RDWR, 0600)));
    CASE(unshare(CLONE_FS));
    CASE(chdir("/etc"));
    CASE(close(open("passwd", O_RDONLY)));
  });
}

int main(int argc, char** argv) {
  begin(argc, argv);
  pipelines();
  threads();
  spawns();
  leader_ends_first();
  clones();
  return 0;
}
