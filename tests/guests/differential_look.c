// Calls that only look (stat, access, readlink, readdir, chdir, execve of what is none), with and without a supervisor.
//
// Runs in an empty directory given as the argument, with the fixtures that the suite made below /fixtures.
#include <dirent.h>
#include <sys/inotify.h>
#include <sys/statfs.h>
#include <sys/xattr.h>

#include "differential.h"

static const char* const targets[] = {
    "/fixtures/root0644",
    "/fixtures/root0600",
    "/fixtures/own0000",
    "/fixtures/group0660",
    "/fixtures/dir0755",
    "/fixtures/dir0755/",
    "/fixtures/dir0700",
    "/fixtures/dir0700/inside",
    "/fixtures/dir0700/missing",
    "/fixtures/setgid",
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
    "/fixtures/missing",
    "/fixtures/missing/below",
    "/never/x/there",
    "/nowhere/a.secret",
    "",
    ".",
    "..",
    "/",
    "/dev/null",
    "/dev/tty",
    "/proc",
    "/proc/self/exe",
    "/proc/self/cwd",
    "/proc/self/root",
    "/proc/version",

    "/guests",
    "/dev/pts/ptmx",
};

static void say_stat(const char* call, const char* path, long result, const struct stat* st) {
  if (result != 0) {
    say("%s '%s' -> %s", call, path, outcome(-1));
    return;
  }
  bool stable = strncmp(path, "/fix", 4) == 0;
  say("%s '%s' -> %06o %u:%u %ld", call, path, st->st_mode, st->st_uid, st->st_gid,
      stable && !S_ISDIR(st->st_mode) ? (long)st->st_size : 0);
}

static void looks(void) {
  for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
    const char* path = targets[t];
    struct stat st;
    say_stat("stat", path, syscall(SYS_stat, path, &st), &st);
    say_stat("lstat", path, syscall(SYS_lstat, path, &st), &st);
    say_stat("fstatat", path, fstatat(AT_FDCWD, path, &st, 0), &st);
    say_stat("fstatat nofollow", path, fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW), &st);
    say_stat("fstatat empty", path, fstatat(AT_FDCWD, path, &st, AT_EMPTY_PATH), &st);
    say_stat("fstatat bad flag", path, fstatat(AT_FDCWD, path, &st, 0x8000), &st);
    struct statx sx;
    long result = statx(AT_FDCWD, path, AT_STATX_SYNC_AS_STAT, STATX_BASIC_STATS, &sx);
    say("statx '%s' -> %s %o %u", path, outcome(result), result == 0 ? sx.stx_mode : 0, result == 0 ? sx.stx_uid : 0);
    CASE(statx(AT_FDCWD, path, 0, 0x80000000U, &sx));
    CASE(statx(AT_FDCWD, path, 0x6000, STATX_MODE, &sx));
    CASE(statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_MODE, &sx));
    for (int mode = 0; mode < 9; mode++) say("access '%s' %d -> %s", path, mode, outcome(access(path, mode)));
    CASE(syscall(SYS_faccessat, AT_FDCWD, path, R_OK));
    CASE(syscall(SYS_faccessat2, AT_FDCWD, path, R_OK | W_OK, AT_EACCESS));
    CASE(syscall(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_SYMLINK_NOFOLLOW));
    CASE(syscall(SYS_faccessat2, AT_FDCWD, path, R_OK, AT_EMPTY_PATH));
    CASE(syscall(SYS_faccessat2, AT_FDCWD, path, R_OK, 0x8000));
    char buffer[4096] = "";
    ssize_t got = readlink(path, buffer, sizeof buffer - 1);
    if (got >= 0) buffer[got] = '\0';
    bool process = strncmp(path, "/proc/self", 10) == 0 || strncmp(path, "/dev", 4) == 0;
    say("readlink '%s' -> %s %s", path, outcome(got), process ? "" : buffer);
    CASE(readlinkat(AT_FDCWD, path, buffer, 2));
    struct statfs sf;
    result = statfs(path, &sf);
    say("statfs '%s' -> %s %lx", path, outcome(result), result == 0 ? (long)sf.f_type : 0);
    IN_CHILD(CASE(chdir(path)));
    IN_CHILD({
      int dir = open(path, O_PATH);
      CASE(fchdir(dir));
    });
    IN_CHILD(CASE(chroot(path)));
    int watcher = inotify_init();
    CASE(inotify_add_watch(watcher, path, IN_ALL_EVENTS));
    CASE(inotify_add_watch(watcher, path, IN_ONLYDIR | IN_CREATE));
    CASE(inotify_add_watch(watcher, path, IN_DONT_FOLLOW | IN_CREATE));
    CASE(inotify_add_watch(watcher, path, 0));
    close(watcher);
    char value[64];
    CASE(getxattr(path, "user.none", value, sizeof value));
    CASE(llistxattr(path, value, 0));
  }
}

static void bad_pointers(void) {
  struct stat st;
  struct statx sx;
  CASE(syscall(SYS_stat, NULL, &st));
  CASE(syscall(SYS_stat, "/etc/passwd", NULL));
  CASE(syscall(SYS_stat, "/etc/passwd", 8));
  CASE(syscall(SYS_newfstatat, AT_FDCWD, "/etc/passwd", 8, 0));
  CASE(syscall(SYS_newfstatat, 1, "", &st, AT_EMPTY_PATH));
  CASE(syscall(SYS_newfstatat, 1, NULL, &st, AT_EMPTY_PATH));
  CASE(syscall(SYS_newfstatat, 999, "", &st, AT_EMPTY_PATH));
  CASE(syscall(SYS_statx, AT_FDCWD, "/etc/passwd", 0, STATX_MODE, 8));
  CASE(syscall(SYS_statx, 1, NULL, AT_EMPTY_PATH, STATX_MODE, &sx));
  CASE(syscall(SYS_statx, 1, "", AT_EMPTY_PATH, STATX_MODE, &sx));
  CASE(syscall(SYS_access, 8, 0));
  CASE(syscall(SYS_readlink, "/fixtures/link-file", 8, 100));
  CASE(syscall(SYS_readlink, "/fixtures/link-file", NULL, 100));
  CASE(syscall(SYS_readlink, "/fixtures/link-file", &st, -1));
  CASE(syscall(SYS_chdir, 8));
  CASE(syscall(SYS_chroot, 8));
  CASE(syscall(SYS_statfs, "/etc", 8));
  CASE(syscall(SYS_getdents64, 999, &st, sizeof st));
  CASE(syscall(SYS_getdents64, 0, &st, sizeof st));
  CASE(stat(at_page_edge("/etc/passwd", true), &st));
  CASE(stat(at_page_edge("/etc/passwd", false), &st));
  CASE(chdir(at_page_edge("/etc", false)));
  CASE(inotify_add_watch(999, "/etc", IN_CREATE));
  CASE(inotify_add_watch(0, "/etc", IN_CREATE));
}

static int by_text(const void* a, const void* b) { return strcmp(*(char* const*)a, *(char* const*)b); }

/// Every entry once, whatever the size of the buffer; offsets can be returned to.
static void listings(void) {
  static const size_t sizes[] = {24, 64, 280, 4096, 32768};
  mkdir("many", 0755);
  for (int i = 0; i < 300; i++) {
    char name[64];
    snprintf(name, sizeof name, "many/%0*d", 1 + i % 40, i);
    close(open(name, O_CREAT | O_WRONLY, 0644));
  }
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
    int fd = open("many", O_RDONLY | O_DIRECTORY);
    char* names[512];
    int count = 0;
    char* buffer = malloc(sizes[s]);
    long got;
    while ((got = syscall(SYS_getdents64, fd, buffer, sizes[s])) > 0) {
      for (long at = 0; at < got;) {
        struct dirent64* entry = (struct dirent64*)(buffer + at);
        char line[300];
        snprintf(line, sizeof line, "%s %d", entry->d_name, entry->d_type);
        if (count < 512) names[count++] = strdup(line);
        at += entry->d_reclen;
      }
    }
    say("getdents64 %zu -> %d entries then %s", sizes[s], count, outcome(got));
    qsort(names, (size_t)count, sizeof names[0], by_text);
    for (int i = 0; i < count; i++) {
      if (s == 3) say("  %s", names[i]);
      free(names[i]);
    }
    lseek(fd, 0, SEEK_SET);
    got = syscall(SYS_getdents, fd, buffer, sizes[s]);
    say("getdents %zu -> %s", sizes[s], got < 0 ? outcome(got) : got > 0 ? "some" : "none");
    free(buffer);
    close(fd);
  }
  DIR* dir = opendir("many");
  for (int i = 0; i < 10; i++) readdir(dir);
  long place = telldir(dir);
  struct dirent* entry = readdir(dir);
  char* first = strdup(entry->d_name);
  for (int i = 0; i < 50; i++) readdir(dir);
  seekdir(dir, place);
  entry = readdir(dir);
  say("seekdir comes back: %d", strcmp(first, entry->d_name) == 0);
  rewinddir(dir);
  int count = 0;
  while (readdir(dir) != NULL) count++;
  say("rewinddir: %d", count);
  closedir(dir);
  static const char* const places[] = {"/fixtures", "/guests/missing", "/fixtures/dir0700", "/fixtures/link-dir",
                                       "/proc/self/task"};
  for (size_t p = 0; p < sizeof places / sizeof places[0]; p++) {
    struct dirent** list;
    int found = scandir(places[p], &list, NULL, alphasort);
    say("scandir %s -> %s %d", places[p], outcome(found), found);
  }
}

static void not_executable(void) {
  make_file("text", 0755, "not a program\n");
  make_file("script", 0755, "#!/bin/busybox echo\n");
  make_file("script2", 0755, "#!./script\n");
  make_file("script-missing", 0755, "#!/missing\n");
  make_file("script-own", 0755, "#!script-own\n");
  make_file("plain", 0644, "#!/bin/busybox echo\n");
  make_file("empty", 0755, "");
  static const char* const programs[] = {"text",
                                         "script",
                                         "script2",
                                         "script-missing",
                                         "script-own",
                                         "plain",
                                         "empty",
                                         "missing",
                                         "missing/x",
                                         ".",
                                         "/",
                                         "",
                                         "/dev/null",
                                         "/fixtures/link-loop",
                                         "/fixtures/root0600",
                                         "/bin/busybox/",
                                         "/proc/self/status",
                                         "/fixtures/dir0700/inside"};
  for (size_t p = 0; p < sizeof programs / sizeof programs[0]; p++) {
    char* args[] = {"echo", "argument", NULL};
    char* none[] = {NULL};
    IN_CHILD({
      execve(programs[p], args, none);
      say("execve '%s' -> %s", programs[p], outcome(-1));
    });
    IN_CHILD({
      int fd = open(programs[p], O_PATH);
      syscall(SYS_execveat, fd, "", args, none, AT_EMPTY_PATH);
      say("execveat '%s' -> %s", programs[p], outcome(-1));
    });
    IN_CHILD({
      syscall(SYS_execveat, AT_FDCWD, programs[p], args, none, AT_SYMLINK_NOFOLLOW);
      say("execveat nofollow '%s' -> %s", programs[p], outcome(-1));
    });
  }
  CASE(syscall(SYS_execve, NULL, NULL, NULL));
  CASE(syscall(SYS_execve, 8, NULL, NULL));
  CASE(syscall(SYS_execve, "/bin/busybox", 8, NULL));
  CASE(syscall(SYS_execveat, 999, "", NULL, NULL, AT_EMPTY_PATH));
  CASE(syscall(SYS_execveat, AT_FDCWD, "/bin/busybox", NULL, NULL, 0x8000));
}

int main(int argc, char** argv) {
  begin(argc, argv);
  looks();
  bad_pointers();
  listings();
  not_executable();
  return 0;
}
