// The open family case by case, to be run with and without a supervisor: the two outputs must be equal line by line.
//
// Runs in an empty directory given as the argument, with the fixtures that the suite made below /fixtures.
#include <linux/openat2.h>
#include <sys/resource.h>

#include "differential.h"

static const struct {
  const char* name;
  int flags;
} flag_sets[] = {
    {"RDONLY", O_RDONLY},
    {"WRONLY", O_WRONLY},
    {"RDWR|CLOEXEC", O_RDWR | O_CLOEXEC},
    {"ACCMODE3", O_ACCMODE},
    {"CREAT|WRONLY", O_CREAT | O_WRONLY},
    {"CREAT|EXCL|RDWR", O_CREAT | O_EXCL | O_RDWR},
    {"CREAT|TRUNC|WRONLY", O_CREAT | O_TRUNC | O_WRONLY},
    {"TRUNC|RDONLY", O_TRUNC | O_RDONLY},
    {"CREAT|EXCL|NOFOLLOW", O_CREAT | O_EXCL | O_NOFOLLOW},
    {"DIRECTORY", O_DIRECTORY},
    {"CREAT|DIRECTORY", O_CREAT | O_DIRECTORY},
    {"NOFOLLOW", O_NOFOLLOW},
    {"PATH", O_PATH},
    {"PATH|NOFOLLOW", O_PATH | O_NOFOLLOW},
    {"PATH|DIRECTORY|CLOEXEC", O_PATH | O_DIRECTORY | O_CLOEXEC},
    {"PATH|CREAT|TRUNC", O_PATH | O_CREAT | O_TRUNC},
    {"TMPFILE|RDWR", O_TMPFILE | O_RDWR},
    {"TMPFILE|RDONLY", O_TMPFILE | O_RDONLY},
    {"APPEND|RDWR|SYNC|NONBLOCK", O_APPEND | O_RDWR | O_SYNC | O_NONBLOCK},
    {"NOATIME", O_NOATIME},
    {"ASYNC|NONBLOCK", O_ASYNC | O_NONBLOCK},
    {"NOCTTY|WRONLY|DSYNC", O_NOCTTY | O_WRONLY | O_DSYNC},
    {"bit31", (int)0x80000000u},
    {"bits", 0x7f000000},
};

static const char* const objects[] = {
    "/fixtures/root0644",
    "/fixtures/root0600",
    "/fixtures/root0666",
    "/fixtures/own0644",
    "/fixtures/own0000",
    "/fixtures/group0660",
    "/fixtures/dir0755",
    "/fixtures/dir0755/",
    "/fixtures/dir0700",
    "/fixtures/dir0700/inside",
    "/fixtures/sticky/root",
    "/fixtures/sticky/own",
    "/fixtures/link-file",
    "/fixtures/link-dir",
    "/fixtures/link-dir/",
    "/fixtures/link-dir/inside",
    "/fixtures/link-dangling",
    "/fixtures/link-loop",
    "/fixtures/link-chain13",
    "/fixtures/link-chain41",
    "/fixtures/root0644/",
    "/fixtures/root0644/below",
    "/fixtures/missing/below",
    "",
    ".",
    "..",
    "/",
    "//fixtures///dir0755/.//inside",
    "/fixtures/dir0755/../root0644",
    "/fixtures/link-dir/../root0644",
    "/dev/null",
    "/dev/zero",
    "/dev/tty",
    "/dev/full",
    "/proc/version",
    "/proc/self/status",
    "/proc/self/fd",
    "/proc/self/exe",
    "/proc/self/cwd",
    "/proc/self/root",
    "/proc/thread-self/comm",
    "/proc/self/ns/pid",
    "/dev/fd",
    "/dev/stdin",
    "/proc/1/status",
    "/proc/sys/kernel/hostname",
    "/proc/999999/status",
};

static void report_fd(const char* object, const char* flags, int fd) {
  if (fd < 0) {
    say("open %s %s -> %s", object, flags, outcome(-1));
    return;
  }
  struct stat st;
  int stated = fstat(fd, &st);
  say("open %s %s -> fd %d fl %x cloexec %d mode %06o", object, flags, fd, fcntl(fd, F_GETFL) & ~O_NOFOLLOW, fcntl(fd, F_GETFD),
      stated == 0 ? st.st_mode : 0);
  close(fd);
}

static void every_object_with_every_flag(void) {
  for (size_t o = 0; o < sizeof objects / sizeof objects[0]; o++) {
    for (size_t f = 0; f < sizeof flag_sets / sizeof flag_sets[0]; f++) {
      // The directory of a process's descriptors lets itself do what it refuses to others.
      if (strcmp(objects[o], "/proc/self/fd") == 0 && (flag_sets[f].flags & O_TMPFILE) == O_TMPFILE) continue;
      // What must not be overwritten or truncated by a case stays as it is: such fixtures are not writable to anyone but root.
      report_fd(objects[o], flag_sets[f].name, open(objects[o], flag_sets[f].flags, 0666));
    }
  }
}

static void creation(void) {
  static const mode_t masks[] = {0, 022, 027, 077, 0777};
  static const mode_t modes[] = {0, 0644, 0666, 0777, 01777, 02755, 04711, 07777, 0177777};
  char name[64];
  for (size_t u = 0; u < sizeof masks / sizeof masks[0]; u++) {
    umask(masks[u]);
    for (size_t m = 0; m < sizeof modes / sizeof modes[0]; m++) {
      snprintf(name, sizeof name, "made-%o-%o", masks[u], modes[m]);
      int fd = open(name, O_CREAT | O_RDWR, modes[m]);
      say("create umask %o mode %o -> %s", masks[u], modes[m], outcome(fd));
      show(name);
      close(fd);
      unlink(name);
      snprintf(name, sizeof name, "/fixtures/setgid/made-%o-%o", masks[u], modes[m]);
      fd = (int)syscall(SYS_creat, name, modes[m]);
      say("creat in setgid -> %s", outcome(fd));
      show(name);
      close(fd);
      unlink(name);
    }
  }
  umask(022);
  CASE(syscall(SYS_open, "sys-open", O_CREAT | O_WRONLY, 0640) >= 0);
  show("sys-open");
  CASE(open("made/", O_CREAT | O_WRONLY, 0644));
  CASE(open("missing/made", O_CREAT | O_WRONLY, 0644));
  CASE(open("/fixtures/link-dangling", O_CREAT | O_WRONLY, 0644) >= 0);
  show("/fixtures/dangling-target");
  unlink("/fixtures/dangling-target");
  CASE(open("/fixtures/dir0755/new", O_CREAT | O_WRONLY, 0644) >= 0);
  unlink("/fixtures/dir0755/new");
  CASE(open("/fixtures/link-file", O_CREAT | O_EXCL | O_WRONLY, 0644));
  make_file("full", 0644, "contents");
  int fd = open("full", O_WRONLY | O_TRUNC);
  show("full");
  close(fd);
  fd = open("readonly-created", O_CREAT | O_RDWR, 0);  // the mode does not bind the creating fd
  CASE(write(fd, "x", 1));
  close(fd);
  CASE(open("readonly-created", O_RDWR) >= 0);
}

static void names(void) {
  char* longname = malloc(8192);
  for (int length = 254; length <= 257; length++) {
    memset(longname, 'n', (size_t)length);
    longname[length] = '\0';
    int fd = open(longname, O_CREAT | O_RDWR, 0644);
    say("name of %d -> %s", length, outcome(fd));
    if (fd >= 0) close(fd);
    unlink(longname);
  }
  for (int length = 4090; length <= 4100; length++) {
    memset(longname, '/', 8191);
    strcpy(longname + length - 4, "/etc");
    int fd = open(longname, O_RDONLY);
    say("path of %d -> %s", length, outcome(fd));
    if (fd >= 0) close(fd);
  }
  CASE(open(NULL, O_RDONLY));
  CASE(open((char*)1, O_RDONLY));
  CASE(open((char*)-1L, O_RDONLY));
  CASE(open((char*)0x800000000000L, O_RDONLY));
  CASE(close(open(at_page_edge("/etc/passwd", true), O_RDONLY)));
  CASE(open(at_page_edge("/etc/passwd", false), O_RDONLY));
  CASE(open(at_page_edge("", true), O_RDONLY));
  CASE(open(at_page_edge("", false), O_RDONLY));
  CASE(open("new\nline \x80\xff", O_CREAT | O_RDWR, 0600) >= 0);
  show("new\nline \x80\xff");
  free(longname);
}

static void directory_fds(void) {
  int dir = open("/fixtures/dir0755", O_RDONLY | O_DIRECTORY);
  int path = open("/fixtures/dir0755", O_PATH);
  int file = open("/fixtures/root0644", O_RDONLY);
  int noexec = open("/fixtures/dir0700", O_PATH);
  const int fds[] = {dir, path, file, noexec, 999, -1, AT_FDCWD, -200};
  const char* const below[] = {"inside", ".", "..", "../root0644", "", "/etc/passwd", "missing", "inside/", "./inside", "../.."};
  for (size_t f = 0; f < sizeof fds / sizeof fds[0]; f++) {
    for (size_t b = 0; b < sizeof below / sizeof below[0]; b++) {
      int fd = openat(fds[f], below[b], O_RDONLY);
      say("openat #%zu '%s' -> %s %d", f, below[b], outcome(fd), fd < 0 ? -1 : fd);
      if (fd >= 0) close(fd);
      struct stat st;
      int flags = below[b][0] == '\0' ? AT_EMPTY_PATH : 0;
      int result = fstatat(fds[f], below[b], &st, flags);
      say("fstatat #%zu '%s' -> %s", f, below[b], outcome(result));
    }
  }
  int high = 0;
  CASE(close(openat((int)0xffffff9c, "/etc/passwd", O_RDONLY)));
  CASE(syscall(SYS_openat, 0xdeadbeef00000000UL | (unsigned)dir, "inside", 0) >= 0);
  CASE(syscall(SYS_openat, 0x1ffffff9cUL, "/etc/passwd", O_RDONLY) >= 0);
  high++;
  for (int fd = 3; fd < 20; fd++) close(fd);
  (void)high;
}

static long open2(int dir, const char* path, uint64_t flags, uint64_t mode, uint64_t resolve, size_t size) {
  struct {
    struct open_how how;
    char more[64];
  } block = {.how = {flags, mode, resolve}};
  if (size == 1000) block.more[3] = 1, size = sizeof block;
  long fd = syscall(SYS_openat2, dir, path, &block, size);
  if (fd >= 0) close((int)fd);
  return fd >= 0 ? 0 : fd;
}

static void openat2_cases(void) {
  int dir = open("/fixtures/dir0755", O_PATH);
  const size_t size = sizeof(struct open_how);
  CASE(open2(AT_FDCWD, "/etc/passwd", O_RDONLY, 0, 0, size));
  CASE(open2(AT_FDCWD, "/etc/passwd", O_RDONLY, 0, 0, 8));
  CASE(open2(AT_FDCWD, "/etc/passwd", O_RDONLY, 0, 0, size + 8));
  CASE(open2(AT_FDCWD, "/etc/passwd", O_RDONLY, 0, 0, 1000));
  CASE(open2(AT_FDCWD, "/etc/passwd", O_RDONLY, 0644, 0, size));
  CASE(open2(AT_FDCWD, "/etc/passwd", 1UL << 40, 0, 0, size));
  CASE(open2(AT_FDCWD, "/etc/passwd", 0x80000000UL, 0, 0, size));
  CASE(open2(AT_FDCWD, "/etc/passwd", O_RDONLY, 0, 1UL << 20, size));
  CASE(open2(AT_FDCWD, "made2", O_CREAT | O_RDWR, 0641, 0, size));
  show("made2");
  CASE(open2(AT_FDCWD, "made3", O_CREAT | O_RDWR, 0100641, 0, size));
  CASE(open2(AT_FDCWD, ".", O_TMPFILE | O_RDWR, 0600, 0, size));
  CASE(open2(AT_FDCWD, "made2", O_CREAT | O_DIRECTORY, 0600, 0, size));
  CASE(open2(AT_FDCWD, "made2", O_PATH | O_RDWR, 0, 0, size));
  CASE(syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", NULL, size));
  CASE(syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", NULL, 0));
  CASE(syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", NULL, 1 << 20));
  static const uint64_t resolves[] = {RESOLVE_BENEATH,       RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS,
                                      RESOLVE_NO_MAGICLINKS, RESOLVE_NO_XDEV, RESOLVE_BENEATH | RESOLVE_IN_ROOT};
  static const char* const paths[] = {"inside", "../root0644", "/fixtures/root0644", "up", "absolute", "/inside", "..", "."};
  for (size_t r = 0; r < sizeof resolves / sizeof resolves[0]; r++) {
    for (size_t p = 0; p < sizeof paths / sizeof paths[0]; p++) {
      say("openat2 resolve %lx '%s' -> %s", (unsigned long)resolves[r], paths[p],
          outcome(open2(dir, paths[p], O_RDONLY, 0, resolves[r], size)));
    }
    say("openat2 resolve %lx proc -> %s", (unsigned long)resolves[r],
        outcome(open2(AT_FDCWD, "/proc/self/status", O_RDONLY, 0, resolves[r], size)));
    say("openat2 resolve %lx magic -> %s", (unsigned long)resolves[r],
        outcome(open2(AT_FDCWD, "/proc/self/fd/1", O_WRONLY, 0, resolves[r], size)));
  }
  close(dir);
}

static void deleted_directory(void) {
  must(mkdir("gone", 0755) == 0, "mkdir gone");
  must(mkdir("gone/kept", 0755) == 0, "mkdir");
  IN_CHILD({
    int dir = open("gone", O_RDONLY);
    must(chdir("gone") == 0, "chdir");
    must(rmdir("kept") == 0 && rmdir("../gone") == 0, "rmdir");
    struct stat st;
    CASE(open("file", O_CREAT | O_RDWR, 0644));
    CASE(open(".", O_RDONLY) >= 0);
    CASE(open("..", O_RDONLY) >= 0);
    CASE(open("../full", O_RDONLY) >= 0);
    CASE(openat(dir, "file", O_CREAT | O_RDWR, 0644));
    CASE(openat(dir, ".", O_PATH) >= 0);
    CASE(mkdir("sub", 0755));
    CASE(stat(".", &st));
    CASE(stat("..", &st));
    CASE(access(".", W_OK));
    CASE(open("/etc/passwd", O_RDONLY) >= 0);
    CASE(chdir("."));
    CASE(chdir(".."));
    CASE(rename("a", "b"));
    CASE(symlink("a", "b"));
    CASE(open(".", O_TMPFILE | O_RDWR, 0600));
  });
}

static void deleted_file(void) {
  int fd = open("deleted", O_CREAT | O_RDWR, 0644);
  must(fd >= 0, "deleted");
  must(write(fd, "still", 5) == 5 && unlink("deleted") == 0, "unlink");
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int again = open(path, O_RDONLY);
  char text[8] = "";
  CASE(read(again, text, 5));
  say("deleted file says '%s'", text);
  CASE(open(path, O_RDWR | O_TRUNC) >= 0);
  CASE(open(path, O_RDWR | O_CREAT | O_EXCL, 0600));
  struct stat st;
  CASE(stat(path, &st));
  say("links %lu size %ld", (unsigned long)st.st_nlink, (long)st.st_size);
  CASE(linkat(AT_FDCWD, path, AT_FDCWD, "revived", AT_SYMLINK_FOLLOW));
  CASE(open("deleted", O_RDONLY));
  for (int i = 3; i < 20; i++) close(i);
}

static void descriptor_numbers(void) {
  int a = open("/etc/passwd", O_RDONLY);
  int b = open("/etc/passwd", O_RDONLY);
  int c = open("/etc/passwd", O_RDONLY);
  close(a);
  int d = open("/etc/passwd", O_RDONLY);
  say("numbers %d %d %d %d", a, b, c, d);
  IN_CHILD({
    struct rlimit limit = {8, 8};
    must(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
    for (int i = 0; i < 6; i++) CASE(open("/etc/passwd", O_RDONLY));
    CASE(open("/missing", O_RDONLY));
    CASE(open("never-made", O_CREAT | O_RDWR, 0644));
    show("never-made");  // the kernel takes the number first: a full table creates nothing
    int pipes[2];
    CASE(pipe(pipes));
    limit.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &limit);
    close(3);
    CASE(open("/etc/passwd", O_RDONLY));
  });
  // Descriptors beyond a limit that was lowered take no number below it.
  IN_CHILD({
    for (int i = 0; i < 12; i++) dup2(1, 100 + i);
    struct rlimit limit = {6, 64};
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < 5; i++) CASE(open("made-below", O_CREAT | O_RDWR, 0644));
    CASE(open("/missing", O_RDONLY));
    close(4);
    CASE(open("/missing", O_RDONLY));
    CASE(open("made-below", O_CREAT | O_TRUNC | O_RDWR, 0644));
    unlink("made-below");
  });
  for (int i = 3; i < 20; i++) close(i);
}

/// One name, again and again something else: nothing may be remembered of what it was, least of all that opening it does not
/// wait.
static void changing_kinds(void) {
  char path[256];
  must(getcwd(path, sizeof path - 16) != NULL, "getcwd");
  strcat(path, "/changing");
  for (int round = 0; round < 2; round++) {
    make_file(path, 0644, "file");
    for (int i = 0; i < 3; i++) CASE(close(open(path, O_RDONLY)));
    must(unlink(path) == 0 && mkfifo(path, 0600) == 0, "mkfifo");
    CASE(close(open(path, O_RDONLY | O_NONBLOCK)));
    pid_t writer = fork();
    if (writer == 0) {
      usleep(200000);
      _exit(open(path, O_WRONLY) < 0);
    }
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    CASE(close(open(path, O_RDONLY)));
    clock_gettime(CLOCK_MONOTONIC, &after);
    long waited = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    say("waited for the writer: %s", waited > 100 ? "yes" : "no");
    waitpid(writer, NULL, 0);
    must(unlink(path) == 0 && mkdir(path, 0755) == 0, "mkdir");
    CASE(open(path, O_WRONLY));
    CASE(close(open(path, O_RDONLY)));
    must(rmdir(path) == 0 && symlink("/etc/passwd", path) == 0, "symlink");
    char text[8];
    read_text(path, text, sizeof text);
    say("through the link: %.4s", text);
    CASE(open(path, O_RDONLY | O_NOFOLLOW));
    must(unlink(path) == 0, "unlink");
    CASE(open(path, O_RDONLY));
  }
}

int main(int argc, char** argv) {
  begin(argc, argv);
  every_object_with_every_flag();
  creation();
  names();
  directory_fds();
  openat2_cases();
  deleted_directory();
  deleted_file();
  descriptor_numbers();
  changing_kinds();
  return 0;
}
