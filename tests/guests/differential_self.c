// Whose /proc/self, root, cwd, umask and ids a call sees: always the caller's, never the supervisor's.
//
// Runs in an empty directory given as the argument, with the fixtures that the suite made below /fixtures.
#include <dirent.h>
#include <grp.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

#include "differential.h"

/// Does the status file of this path name this process (Pid) or thread?
static void whose_as(const char* shown, const char* path, pid_t pid) {
  char text[4096];
  read_text(path, text, sizeof text);
  const char* line = strstr(text, "\nPid:\t");
  say("%s is %s", shown, line == NULL ? "unreadable" : atoi(line + 6) == pid ? "the caller" : "somebody else");
}

static void whose(const char* path, pid_t pid) { whose_as(path, path, pid); }

static void* in_thread(void* unused) {
  (void)unused;
  pid_t tid = (pid_t)syscall(SYS_gettid);
  char path[100];
  prctl(PR_SET_NAME, "second");
  whose("/proc/thread-self/status", tid);
  whose("/proc/self/status", getpid());
  snprintf(path, sizeof path, "/proc/self/task/%d/status", tid);
  whose_as("/proc/self/task/TID/status", path, tid);
  char text[64];
  read_text("/proc/thread-self/comm", text, sizeof text);
  say("comm %s", text);
  read_text("/proc/self/comm", text, sizeof text);
  say("leader's comm %s", text);
  return NULL;
}

static void link_text(const char* path) {
  char text[4096];
  ssize_t got = readlink(path, text, sizeof text - 1);
  text[got > 0 ? got : 0] = '\0';
  char own[32];
  snprintf(own, sizeof own, "%d", getpid());
  say("readlink %s -> %s %s", path, outcome(got), strcmp(text, own) == 0 ? "own pid" : text);
}

static void own_proc(void) {
  char pid_path[64];
  static const char* const spellings[] = {"/proc/self/status",
                                          "/proc/./self/status",
                                          "/proc//self//status",
                                          "/proc/self/../self/status",
                                          "/proc/thread-self/../../status",
                                          "/proc/self/task/../status",
                                          "/proc/self/root/proc/self/status",
                                          "self-link/status",
                                          "proc-link/self/status"};
  CASE(symlink("/proc/self", "self-link"));
  CASE(symlink("/proc", "proc-link"));
  for (size_t s = 0; s < sizeof spellings / sizeof spellings[0]; s++) whose(spellings[s], getpid());
  snprintf(pid_path, sizeof pid_path, "/proc/%d/status", getpid());
  char text[4096];
  read_text(pid_path, text, sizeof text);
  say("by number: %s", strstr(text, "Pid:") != NULL ? "readable" : "not");
  int proc = open("/proc", O_PATH);
  int fd = openat(proc, "self/status", O_RDONLY);
  CASE(read(fd, text, 5));
  text[5] = '\0';
  say("'%s'", text);
  close(fd);
  CASE(close(openat(proc, "self/fd/1", O_WRONLY | O_NONBLOCK)));
  CASE(fchdir(proc));
  whose("self/status", getpid());
  CASE(access("self/cmdline", R_OK));
  must(chdir("/work") == 0, "chdir");
  pthread_t thread;
  pthread_create(&thread, NULL, in_thread, NULL);
  pthread_join(thread, NULL);
  IN_CHILD(whose("/proc/self/status", getpid()));
  link_text("/proc/self");
  link_text("/proc/self/exe");
  link_text("/proc/self/cwd");
  link_text("/proc/self/root");
  static const char* const magic[] = {"/proc/self/cwd/.",
                                      "/proc/self/root/etc/passwd",
                                      "/proc/self/exe",
                                      "/proc/self/mem",
                                      "/proc/self/maps",
                                      "/proc/self/environ",
                                      "/proc/self/auxv",
                                      "/proc/self/ns/mnt",
                                      "/proc/self/fdinfo/1",
                                      "/proc/self/mountinfo",
                                      "/proc/self/oom_score_adj",
                                      "/proc/self/attr/current",
                                      "/proc/self/net/tcp",
                                      "/proc/self/map_files",
                                      "/proc/1/environ",
                                      "/proc/1/cwd",
                                      "/proc/1/root/etc/passwd",
                                      "/proc/1/exe",
                                      "/proc/1/mem",
                                      "/proc/1/fd/0",
                                      "/proc/net/tcp",
                                      "/proc/mounts",
                                      "/proc/sys/kernel/pid_max",
                                      "/proc/kcore",
                                      "/proc/keys",
                                      "/proc/sysrq-trigger"};
  for (size_t m = 0; m < sizeof magic / sizeof magic[0]; m++) {
    static const int flags[] = {O_RDONLY, O_RDWR, O_PATH, O_RDONLY | O_NOFOLLOW, O_DIRECTORY};
    for (size_t f = 0; f < 5; f++) {
      int opened = open(magic[m], flags[f]);
      say("open %s %x -> %s", magic[m], flags[f], outcome(opened));
      if (opened >= 0) close(opened);
    }
    struct stat st;
    int result = stat(magic[m], &st);
    say("stat %s -> %s", magic[m], outcome(result));
  }
  int comm = open("/proc/self/comm", O_WRONLY);
  CASE(write(comm, "renamed", 7));
  close(comm);
  prctl(PR_GET_NAME, text);
  say("comm is %s", text);
  close(proc);
}

static void own_descriptors(void) {
  make_file("/work/lock-me", 0600, "by descriptor");
  int file = open("/work/lock-me", O_RDONLY);
  int pipes[2];
  must(pipe(pipes) == 0, "pipe");
  int sock = socket(AF_UNIX, SOCK_STREAM, 0);
  int memfd = (int)syscall(SYS_memfd_create, "memory", 8);  // MFD_NOEXEC_SEAL: a profile with exec rights asks for it
  must(write(pipes[1], "piped", 5) == 5 && write(memfd, "memory", 6) == 6, "write");
  const int fds[] = {file, pipes[0], pipes[1], sock, memfd, 999};
  for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
    char path[64];
    static const char* const forms[] = {"/proc/self/fd/%d", "/dev/fd/%d", "/proc/thread-self/fd/%d"};
    for (size_t form = 0; form < 3; form++) {
      snprintf(path, sizeof path, forms[form], fds[i]);
      static const int flags[] = {
          O_RDONLY | O_NONBLOCK, O_WRONLY | O_NONBLOCK, O_RDWR | O_NONBLOCK,    O_PATH,
          O_PATH | O_NOFOLLOW,   O_RDONLY | O_NOFOLLOW, O_RDONLY | O_DIRECTORY, O_RDWR | O_CREAT | O_NONBLOCK};
      for (size_t f = 0; f < sizeof flags / sizeof flags[0]; f++) {
        int opened = open(path, flags[f], 0600);
        struct stat st = {0};
        if (opened >= 0) fstat(opened, &st);
        say("open fd #%zu form %zu flags %x -> %s %o", i, form, flags[f], outcome(opened), st.st_mode);
        if (opened >= 0) close(opened);
      }
      struct stat st;
      int result = stat(path, &st);
      say("stat fd #%zu -> %s %o %ld", i, outcome(result), result == 0 ? st.st_mode : 0, result == 0 ? (long)st.st_size : 0);
      result = lstat(path, &st);
      say("lstat fd #%zu -> %s %o", i, outcome(result), result == 0 ? st.st_mode & S_IFMT : 0);
      char text[256];
      ssize_t got = readlink(path, text, sizeof text - 1);
      text[got > 0 ? got : 0] = '\0';
      say("readlink fd #%zu -> %s %.5s", i, outcome(got), text);
      CASE(access(path, R_OK));
      if (fds[i] != pipes[0]) CASE(truncate(path, 4));
    }
  }
  char text[16] = "";
  int dup = open("/dev/stdin", O_RDONLY);
  CASE(dup >= 0);
  must(dup2(file, 0) == 0, "dup2");
  int again = open("/dev/stdin", O_RDONLY);
  CASE(read(again, text, 4));
  say("stdin says %.4s", text);
  DIR* dir = opendir("/proc/self/fd");
  int count = 0;
  while (readdir(dir) != NULL) count++;
  say("own descriptors %d", count);
  closedir(dir);
}

static void other_roots(void) {
  CASE(mkdir("/work/jail", 0755));
  CASE(mkdir("/work/jail/etc", 0755));
  make_file("/work/jail/etc/passwd", 0644, "jailed\n");
  CASE(symlink("/etc/passwd", "/work/jail/absolute"));
  CASE(symlink("../../../etc/passwd", "/work/jail/up"));
  IN_CHILD({
    int outside = open("/", O_PATH);
    char before[16];
    read_text("/etc/passwd", before, sizeof before);
    say("before the jail '%.4s'", before);
    CASE(chroot("/work/jail"));
    static const char* const paths[] = {"/etc/passwd", "/absolute", "/up", "/../../etc/passwd", "/proc/self/status", "passwd"};
    for (size_t p = 0; p < sizeof paths / sizeof paths[0]; p++) {
      char text[16];
      read_text(paths[p], text, sizeof text);
      say("in the jail %s is '%.6s' %s", paths[p], text, outcome(access(paths[p], R_OK)));
    }
    CASE(openat(outside, "etc/shadow", O_RDONLY) >= 0);
    CASE(openat(outside, "work/jail/absolute", O_RDONLY) >= 0);
    CASE(open("/made-in-jail", O_CREAT | O_RDWR, 0600) >= 0);
    CASE(mkdir("/dir-in-jail", 0700));
    CASE(rename("/made-in-jail", "/dir-in-jail/moved"));
    CASE(link("/dir-in-jail/moved", "/linked"));
    CASE(unlink("/linked"));
    CASE(chdir("/"));
    char cwd[256];
    CASE(getcwd(cwd, sizeof cwd) == NULL);
    say("cwd %s", cwd);
  });
  show("/work/jail/dir-in-jail/moved");
}

/// Credentials are a thread's: libc keeps them equal, the kernel does not.
static void* as_somebody_else(void* unused) {
  (void)unused;
  must(syscall(SYS_setresgid, 1000, 1000, 1000) == 0 && syscall(SYS_setresuid, 1000, 1000, 1000) == 0, "raw setresuid");
  CASE(open("/fixtures/root0600", O_RDONLY));
  CASE(close(open("/work/by-thread", O_CREAT | O_RDWR, 0600)));
  show("/work/by-thread");
  CASE(mkdir("/fixtures/dir0700/no", 0755));
  return NULL;
}

static void ids_and_masks(void) {
  umask(0);
  make_file("/work/ids", 0604, "x");
  if (getuid() != 0) return;
  CASE(chmod("/work", 0777));
  IN_CHILD({
    pthread_t thread;
    pthread_create(&thread, NULL, as_somebody_else, NULL);
    pthread_join(thread, NULL);
    CASE(close(open("/fixtures/root0600", O_RDONLY)));
    CASE(close(open("/work/by-main", O_CREAT | O_RDWR, 0600)));
    show("/work/by-main");
  });
  IN_CHILD({  // the file system ids decide, not the effective ones
    setfsuid(1000);
    CASE(open("/fixtures/root0600", O_RDONLY));
    CASE(open("/fixtures/own0000", O_RDONLY));
    CASE(close(open("/work/by-fsuid", O_CREAT | O_RDWR, 0600)));
    CASE(access("/fixtures/root0600", R_OK));
    show("/work/by-fsuid");
    CASE(mkdir("/work/dir-by-fsuid", 0700));
    show("/work/dir-by-fsuid");
  });
  IN_CHILD({
    must(setresuid(-1, 1000, -1) == 0, "setresuid");
    CASE(open("/fixtures/root0600", O_RDONLY));
    CASE(access("/fixtures/root0600", R_OK));
    CASE(syscall(SYS_faccessat2, AT_FDCWD, "/fixtures/root0600", R_OK, AT_EACCESS));
    CASE(close(open("/fixtures/own0644", O_RDWR)));
    must(setresuid(-1, 0, -1) == 0, "back");
    CASE(close(open("/fixtures/root0600", O_RDONLY)));
  });
  IN_CHILD({
    gid_t groups[] = {2000};
    must(setgroups(1, groups) == 0 && setresgid(1000, 1000, 1000) == 0 && setresuid(1000, 1000, 1000) == 0, "become 1000");
    CASE(close(open("/fixtures/group0660", O_RDWR)));
    CASE(open("/fixtures/root0600", O_RDONLY));
    CASE(chown("/work/by-fsuid", 1000, 2000));
    CASE(chown("/work/by-fsuid", 1000, 3000));
    show("/work/by-fsuid");
  });
  IN_CHILD({  // file system state of its own per thread
    must(unshare(CLONE_FS) == 0, "unshare");
    umask(077);
    CASE(close(open("/work/masked", O_CREAT | O_RDWR, 0666)));
    show("/work/masked");
  });
}

int main(int argc, char** argv) {
  begin(argc, argv);
  own_proc();
  must(chdir(argv[1]) == 0, "directory");
  own_descriptors();
  other_roots();
  ids_and_masks();
  return 0;
}
