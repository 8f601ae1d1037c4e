// Calls that change names and metadata, case by case, to be run with and without a supervisor: equal line by line.
//
// Runs in an empty directory given as the argument, with the fixtures that the suite made below /fixtures.
#include <dirent.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <utime.h>

#include "differential.h"

static const char* const targets[] = {
    "/fixtures/root0644",
    "/fixtures/root0666",
    "/fixtures/own0644",
    "/fixtures/own0000",
    "/fixtures/group0660",
    "/fixtures/dir0755",
    "/fixtures/owndir",
    "/fixtures/link-file",
    "/fixtures/link-own",
    "/fixtures/link-dir",
    "/fixtures/link-dangling",
    "/fixtures/link-loop",
    "/fixtures/own0644/",
    "/fixtures/owndir/",
    "/fixtures/missing",
    "/fixtures/dir0700/inside",
    "/fixtures/sticky/own",
    "/fixtures/sticky/root",
    "/fixtures/sticky/other",
    "",
    ".",
    "/dev/null",
    "/proc/self/status",
    "/proc/self/exe",
    "/etc/passwd",
};
#define EACH_TARGET(t) for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++)

static void metadata(void) {
  EACH_TARGET(t) {
    const char* path = targets[t];
    say("target '%s'", path);
    if (is_the_machines(path)) continue;
    CASE(chmod(path, 0640));
    CASE(chmod(path, 06755));
    CASE(syscall(SYS_fchmodat, AT_FDCWD, path, 0600, 0));
    CASE(syscall(452, AT_FDCWD, path, 0604, AT_SYMLINK_NOFOLLOW));
    CASE(syscall(452, AT_FDCWD, path, 0604, 0x4000));
    CASE(chown(path, (uid_t)-1, (gid_t)-1));
    CASE(chown(path, getuid(), 2000));
    CASE(lchown(path, 1000, (gid_t)-1));
    CASE(fchownat(AT_FDCWD, path, (uid_t)-1, 1000, AT_SYMLINK_NOFOLLOW));
    CASE(fchownat(AT_FDCWD, path, 0, 0, 0x8000));
    if (strncmp(path, "/fix", 4) == 0) show(path);
    struct utimbuf times = {1000, 2000};
    CASE(utime(path, &times));
    CASE(utime(path, NULL));
    CASE(syscall(SYS_utime, path, (void*)8));
    struct timeval bad[2] = {{1, 2000000}, {1, 0}};
    CASE(syscall(SYS_utimes, path, bad));
    struct timespec exact[2] = {{100, 999999999}, {200, 1}};
    CASE(utimensat(AT_FDCWD, path, exact, 0));
    CASE(utimensat(AT_FDCWD, path, exact, AT_SYMLINK_NOFOLLOW));
    struct stat st;
    if (stat(path, &st) == 0 && strncmp(path, "/fix", 4) == 0)
      say("  times %s %s", st.st_atim.tv_sec == 100 ? "set" : "kept",
          st.st_mtim.tv_sec == 200 && st.st_mtim.tv_nsec == 1 ? "set" : "kept");
    exact[0].tv_nsec = UTIME_OMIT;
    exact[1].tv_nsec = UTIME_NOW;
    CASE(utimensat(AT_FDCWD, path, exact, 0));
    exact[1].tv_nsec = UTIME_OMIT;
    CASE(utimensat(AT_FDCWD, path, exact, 0));
    exact[1].tv_nsec = 1000000000;
    CASE(utimensat(AT_FDCWD, path, exact, 0));
    CASE(utimensat(AT_FDCWD, path, NULL, 0x10));
    CASE(setxattr(path, "user.a", "value", 5, 0));
    CASE(setxattr(path, "user.a", "value", 5, XATTR_CREATE));
    CASE(setxattr(path, "user.b", "value", 5, XATTR_REPLACE));
    CASE(setxattr(path, "user.b", "", 0, 0));
    CASE(setxattr(path, "bogus", "value", 5, 0));
    CASE(setxattr(path, "", "value", 5, 0));
    CASE(syscall(SYS_setxattr, path, "user.a", 8, 5, 0));
    CASE(syscall(SYS_setxattr, path, "user.a", path, 70000, 0));
    CASE(setxattr(path, "user.a", "x", 1, 99));
    CASE(setxattr(path, NULL, "x", 1, 0));
    CASE(lsetxattr(path, "user.l", "x", 1, 0));
    CASE(lsetxattr(path, "trusted.l", "x", 1, 0));
    CASE(setxattr(path, "security.capability", "\1\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, 0));
    char value[16];
    CASE(getxattr(path, "user.a", value, sizeof value));
    CASE(removexattr(path, "user.a"));
    CASE(removexattr(path, "user.a"));
    CASE(lremovexattr(path, "user.l"));
    CASE(removexattr(path, "security.capability"));
    if (strcmp(path, "/etc/passwd") != 0) CASE(truncate(path, 3));
    CASE(truncate(path, -1));
    if (strncmp(path, "/fix", 4) == 0) show(path);
  }
  CASE(chmod(NULL, 0600));
  CASE(chmod((char*)1, 0600));
  CASE(truncate(NULL, 0));
  CASE(setxattr((char*)1, "user.a", "v", 1, 0));
}

static void by_descriptor(void) {
  make_file("fd", 0644, "contents");
  const int flags[] = {O_RDONLY, O_RDWR, O_PATH};
  for (size_t f = 0; f < 3; f++) {
    int fd = open("fd", flags[f]);
    CASE(fchmod(fd, 0604));
    CASE(fchown(fd, (uid_t)-1, 2000));
    CASE(fchownat(fd, "", (uid_t)-1, getgid(), AT_EMPTY_PATH));
    CASE(futimens(fd, NULL));
    CASE(syscall(SYS_utimensat, fd, NULL, NULL, 0));
    CASE(utimensat(fd, "", NULL, AT_EMPTY_PATH));
    CASE(fsetxattr(fd, "user.f", "v", 1, 0));
    CASE(fremovexattr(fd, "user.f"));
    CASE(ftruncate(fd, 4));
    CASE(syscall(452, fd, "", 0640, 0x1000));
    show("fd");
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    CASE(chmod(path, 0644));
    CASE(truncate(path, 2));
    CASE(chown(path, (uid_t)-1, (gid_t)-1));
    CASE(utimensat(AT_FDCWD, path, NULL, 0));
    CASE(setxattr(path, "user.m", "v", 1, 0));
    close(fd);
    show("fd");
  }
  CASE(fchmod(999, 0600));
  CASE(fchown(-1, 0, 0));
  CASE(fsetxattr(999, "user.f", "v", 1, 0));
  CASE(futimens(999, NULL));
  CASE(syscall(SYS_utimensat, AT_FDCWD, NULL, NULL, 0));
  int pipes[2];
  must(pipe(pipes) == 0, "pipe");
  CASE(fchmod(pipes[0], 0600));
  CASE(fsetxattr(pipes[0], "user.f", "v", 1, 0));
  close(pipes[0]);
  close(pipes[1]);
  // A set-id bit goes when somebody else's group, a write or a truncate says so.
  make_file("setid", 06755, "contents");
  CASE(truncate("setid", 4));
  show("setid");
  CASE(chmod("setid", 06755));
  CASE(chown("setid", (uid_t)-1, 2000));
  show("setid");
  CASE(chmod("setid", 02755));
  show("setid");
}

static void directories(void) {
  static const mode_t masks[] = {0, 022, 077};
  for (size_t u = 0; u < 3; u++) {
    umask(masks[u]);
    CASE(mkdir("d", 0777));
    show("d");
    CASE(rmdir("d"));
    CASE(mkdir("d", 07777));
    show("d");
    CASE(rmdir("d"));
    CASE(mkdir("/fixtures/setgid/d", 0700));
    show("/fixtures/setgid/d");
    CASE(rmdir("/fixtures/setgid/d"));
  }
  umask(022);
  CASE(mkdir("d/", 0755));
  CASE(mkdir("d", 0755));
  CASE(mkdir("d/.", 0755));
  CASE(mkdir("d/..", 0755));
  CASE(mkdir("/", 0755));
  CASE(mkdir("", 0755));
  CASE(mkdir(".", 0755));
  CASE(mkdir("missing/d", 0755));
  CASE(mkdir("/fixtures/root0644/d", 0755));
  CASE(mkdir("/fixtures/dir0755/d", 0755));
  CASE(mkdir("/fixtures/link-dangling", 0755));
  CASE(mkdir("/fixtures/link-dangling/", 0755));
  CASE(mkdir("/proc/d", 0755));
  CASE(mkdir("/sys/d", 0755));
  CASE(mkdir(NULL, 0755));
  CASE(syscall(SYS_mkdirat, 999, "d2", 0755));
  CASE(syscall(SYS_mkdirat, 999, "/fixtures/root0644", 0755));
  make_file("d/f", 0644, "");
  CASE(rmdir("d"));
  CASE(rmdir("d/f"));
  CASE(rmdir("d/."));
  CASE(rmdir("d/.."));
  CASE(rmdir("."));
  CASE(rmdir("/"));
  CASE(rmdir(""));
  CASE(unlink("d"));
  CASE(unlink("d/f/"));
  CASE(unlink("d/f"));
  CASE(unlink("d/f"));
  CASE(symlink("d", "l"));
  CASE(rmdir("l"));
  CASE(rmdir("l/"));
  CASE(unlink("l/"));
  CASE(unlinkat(AT_FDCWD, "d", 0));
  CASE(unlinkat(AT_FDCWD, "d", 0x400));
  CASE(unlinkat(AT_FDCWD, "d/", AT_REMOVEDIR));
  CASE(unlinkat(AT_FDCWD, "l", AT_REMOVEDIR));
  CASE(unlink("l"));
  CASE(unlink("/fixtures/sticky/root"));
  CASE(unlink("/fixtures/sticky/other"));
  CASE(unlink("/fixtures/sticky/own"));
  CASE(unlink("/fixtures/dir0755/inside"));
  CASE(unlink("/proc/self/status"));
  CASE(unlink("/dev/null/x"));
  CASE(rmdir("/proc"));
  CASE(rmdir("/dev/shm"));
}

static void links(void) {
  make_file("source", 0644, "s");
  CASE(link("source", "hard"));
  show("hard");
  CASE(link("source", "hard"));
  CASE(link("missing", "x"));
  CASE(link("source", "missing/x"));
  CASE(link("source", "x/"));
  CASE(link("source/", "x"));
  CASE(link(".", "x"));
  CASE(link("/fixtures/root0644", "x"));
  CASE(link("/fixtures/root0600", "x2"));
  CASE(link("/dev/null", "x3"));
  CASE(link("/proc/self/status", "x4"));
  CASE(symlink("source", "soft"));
  CASE(link("soft", "hard-soft"));
  show("hard-soft");
  CASE(linkat(AT_FDCWD, "soft", AT_FDCWD, "hard-followed", AT_SYMLINK_FOLLOW));
  show("hard-followed");
  CASE(linkat(AT_FDCWD, "soft", AT_FDCWD, "x5", 0x800));
  CASE(link("/fixtures/link-dangling", "x6"));
  CASE(linkat(AT_FDCWD, "/fixtures/link-dangling", AT_FDCWD, "x7", AT_SYMLINK_FOLLOW));
  int fd = open("source", O_PATH);
  CASE(linkat(fd, "", AT_FDCWD, "by-fd", AT_EMPTY_PATH));
  CASE(linkat(fd, "", AT_FDCWD, "by-fd2", 0));
  CASE(linkat(999, "", AT_FDCWD, "by-fd3", AT_EMPTY_PATH));
  CASE(linkat(999, "source", 999, "by-fd3", 0));
  close(fd);
  fd = open(".", O_TMPFILE | O_RDWR, 0640);
  CASE(linkat(fd, "", AT_FDCWD, "named", AT_EMPTY_PATH));
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  CASE(linkat(AT_FDCWD, path, AT_FDCWD, "named2", AT_SYMLINK_FOLLOW));
  show("named2");
  close(fd);
  fd = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0640);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  CASE(linkat(AT_FDCWD, path, AT_FDCWD, "named3", AT_SYMLINK_FOLLOW));
  close(fd);
  CASE(symlink("", "empty"));
  CASE(symlink("target", "soft"));
  CASE(symlink("target", "s/"));
  CASE(symlink("target", "missing/s"));
  CASE(symlink("target", ""));
  CASE(symlink("target", "/fixtures/dir0755/s"));
  char longtarget[5000];
  memset(longtarget, 't', sizeof longtarget);
  longtarget[4095] = '\0';
  CASE(symlink(longtarget, "long"));
  longtarget[4095] = 't';
  longtarget[4999] = '\0';
  CASE(symlink(longtarget, "long2"));
  CASE(symlink(NULL, "s"));
  CASE(symlink("t", NULL));
  show("soft");
  for (size_t size = 0; size < 3; size++) {
    char buffer[8] = "-------";
    CASE(syscall(SYS_readlink, "soft", buffer, size));
    say("  '%s'", buffer);
  }
}

static void remove_tree(const char* path) {
  DIR* dir = opendir(path);
  must(dir != NULL, path);
  for (struct dirent* entry; (entry = readdir(dir)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    char name[512];
    snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    if (entry->d_type == DT_DIR)
      remove_tree(name);
    else
      must(unlink(name) == 0, name);
  }
  closedir(dir);
  must(rmdir(path) == 0, path);
}

static void renames(void) {
  static const char* const kinds[] = {"file",
                                      "file2",
                                      "dir",
                                      "emptydir",
                                      "link",
                                      "dirlink",
                                      "missing",
                                      "dir/inner",
                                      "dir/sub",
                                      "hardfile",
                                      ".",
                                      "..",
                                      "file/",
                                      "emptydir/",
                                      "newname/",
                                      "missing/x",
                                      "/fixtures/sticky/root",
                                      "/fixtures/dir0755/inside",
                                      "/dev/shm/x"};
  for (size_t a = 0; a < sizeof kinds / sizeof kinds[0]; a++) {
    for (size_t b = 0; b < sizeof kinds / sizeof kinds[0]; b++) {
      for (unsigned flags = 0; flags < 3; flags++) {
        must(mkdir("arena", 0755) == 0 && chdir("arena") == 0, "arena");
        make_file("file", 0644, "1");
        make_file("file2", 0600, "22");
        must(link("file", "hardfile") == 0, "link");
        must(mkdir("dir", 0755) == 0 && mkdir("dir/sub", 0755) == 0 && mkdir("emptydir", 0700) == 0, "mkdir");
        make_file("dir/inner", 0644, "333");
        must(symlink("file", "link") == 0 && symlink("dir", "dirlink") == 0, "symlink");
        long result = flags == 0 ? rename(kinds[a], kinds[b]) : renameat2(AT_FDCWD, kinds[a], AT_FDCWD, kinds[b], flags);
        say("rename %s %s %u -> %s", kinds[a], kinds[b], flags, outcome(result));
        if (result == 0) {
          show(kinds[a]);
          show(kinds[b]);
          if (flags == 2)
            renameat2(AT_FDCWD, kinds[a], AT_FDCWD, kinds[b], flags);
          else if (kinds[a][0] == '/')
            rename(kinds[b], kinds[a]);
        }
        must(chdir("..") == 0, "chdir");
        remove_tree("arena");
      }
    }
  }
  make_file("r", 0644, "");
  CASE(renameat2(AT_FDCWD, "r", AT_FDCWD, "w", 4));
  CASE(renameat2(AT_FDCWD, "r", AT_FDCWD, "w", 6));
  CASE(renameat2(AT_FDCWD, "r", AT_FDCWD, "w", 8));
  CASE(renameat2(999, "r", AT_FDCWD, "w", 0));
  CASE(renameat2(AT_FDCWD, "r", 999, "/dev/shm/w", 0));
  CASE(rename(NULL, "w"));
  CASE(rename("r", (char*)1));
  CASE(rename("", "w"));
  CASE(rename("/", "w"));
  CASE(rename("r", "/"));
  CASE(rename("/proc", "w"));
}

static void nodes(void) {
  static const mode_t types[] = {S_IFIFO, S_IFSOCK, S_IFREG, 0, S_IFCHR, S_IFBLK, S_IFDIR, S_IFLNK, 0170000};
  for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
    say("type %o", types[t]);
    CASE(mknod("n", types[t] | 0666, makedev(1, 3)));
    show("n");
    CASE(mknod("n", types[t] | 0666, 0));
    CASE(mknod("n/", types[t] | 0666, 0));
    CASE(mknodat(999, "m", types[t] | 0666, 0));
    CASE(mknod("/fixtures/setgid/n", types[t] | 02777, makedev(0, 0)));
    show("/fixtures/setgid/n");
    unlink("n");
    unlink("/fixtures/setgid/n");
  }
  CASE(mknod("/fixtures/dir0755/n", S_IFIFO | 0666, 0));
  CASE(mknod(NULL, S_IFIFO | 0666, 0));
}

static void limits(void) {
  make_file("limited", 0644, "x");
  IN_CHILD({
    struct rlimit limit = {1000, 1000};
    must(setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
    signal(SIGXFSZ, SIG_IGN);
    CASE(truncate("limited", 1000));
    CASE(truncate("limited", 1001));
    int fd = open("limited", O_RDWR);
    CASE(ftruncate(fd, 1001));
    CASE(pwrite(fd, "xy", 2, 999));
    CASE(pwrite(fd, "xy", 2, 1000));
    fd = open("limited2", O_CREAT | O_RDWR, 0600);
    CASE(pwrite(fd, "xy", 2, 1000));
  });
  show("limited");
}

int main(int argc, char** argv) {
  begin(argc, argv);
  directories();
  links();
  nodes();
  renames();
  limits();
  by_descriptor();
  metadata();
  return 0;
}
