// What a descriptor from an opening call is good for: flags, locks, leases, mappings, limits, passing on, and unnamed files.
//
// Runs in an empty directory given as the argument, with the fixtures that the suite made below /fixtures.
#include <linux/openat2.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "differential.h"

static void numbers(void) {
  int first = open("/etc/passwd", O_RDONLY);
  int second = open("/etc/passwd", O_RDONLY);
  say("the next descriptor is one more: %d", second - first);
  close(first);
  CASE(open("/etc/passwd", O_RDONLY) == first);
  close(second);
  must(dup2(first, 100) == 100, "dup2");
  CASE(open("/etc/passwd", O_RDONLY) == second);
  CASE(open("/missing", O_RDONLY));
  close(first);
  close(second);
  close(100);
  IN_CHILD({
    struct rlimit limit = {20, 20};
    must(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
    int fd;
    int last = -1;
    while ((fd = open("/etc/passwd", O_RDONLY)) >= 0) last = fd;
    say("the last descriptor is %d, then %s", last, outcome(-1));
    CASE(open("never-made", O_CREAT | O_RDWR, 0600));
    CASE(open("/missing", O_RDONLY));
    CASE(open("/fixtures/root0600", O_RDONLY));
    CASE(open("/etc/passwd", O_PATH));
    CASE(syscall(SYS_creat, "never-made", 0600));
    CASE(open(".", O_TMPFILE | O_RDWR, 0600));
    CASE(socket(AF_UNIX, SOCK_STREAM, 0));
    CASE(mkdir("made-without-descriptor", 0755));
    struct stat st;
    CASE(stat("/etc/passwd", &st));
  });
  show("never-made");
}

static void locks(void) {
  make_file("locked", 0644, "0123456789");
  int a = open("locked", O_RDWR);
  int b = open("locked", O_RDWR);
  CASE(flock(a, LOCK_EX | LOCK_NB));
  CASE(flock(b, LOCK_EX | LOCK_NB));
  IN_CHILD(CASE(flock(a, LOCK_EX | LOCK_NB)));
  CASE(flock(a, LOCK_UN));
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 5};
  CASE(fcntl(a, F_OFD_SETLK, &whole));
  CASE(fcntl(b, F_OFD_SETLK, &whole));
  whole.l_type = F_UNLCK;
  CASE(fcntl(a, F_OFD_SETLK, &whole));
  whole.l_type = F_WRLCK;
  CASE(fcntl(a, F_SETLK, &whole));
  CASE(fcntl(b, F_SETLK, &whole));
  IN_CHILD({
    struct flock asked = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    CASE(fcntl(b, F_GETLK, &asked));
    say("held by the parent: %d", asked.l_pid == getppid());
    int c = open("locked", O_RDWR);
    CASE(fcntl(c, F_SETLK, &whole));
  });
  // Closing any descriptor of the file ends the process's locks on it.
  close(open("locked", O_RDONLY));
  IN_CHILD(CASE(fcntl(b, F_SETLK, &whole)));
  close(a);
  close(b);
}

static void on_signal(int number) { (void)number; }

static void leases(void) {
  make_file("leased", 0644, "lease");
  signal(SIGIO, on_signal);
  int fd = open("leased", O_RDONLY);
  CASE(fcntl(fd, F_SETLEASE, F_RDLCK));
  CASE(fcntl(fd, F_GETLEASE));
  CASE(close(open("leased", O_RDONLY)));
  IN_CHILD(CASE(open("leased", O_WRONLY | O_NONBLOCK)));
  CASE(fcntl(fd, F_SETLEASE, F_UNLCK));
  CASE(fcntl(fd, F_SETLEASE, F_WRLCK));
  close(fd);
  fd = open("leased", O_RDWR);
  CASE(fcntl(fd, F_SETLEASE, F_RDLCK));
  CASE(fcntl(fd, F_SETLEASE, F_WRLCK));
  IN_CHILD(CASE(open("leased", O_RDONLY | O_NONBLOCK)));
  close(fd);
  CASE(fcntl(open("/fixtures/root0644", O_RDONLY), F_SETLEASE, F_RDLCK));
  int directory = open(".", O_RDONLY);
  CASE(fcntl(directory, F_NOTIFY, DN_CREATE));
  close(directory);
}

static long mapped(int fd, int protection, int flags) {
  void* where = mmap(NULL, 4096, protection, flags, fd, 0);
  if (where == MAP_FAILED) return -1;
  munmap(where, 4096);
  return 0;
}

static void mappings(void) {
  make_file("mapped", 0755, "mapping");
  make_file("/dev/shm/mapped", 0755, "mapping");
  static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR, O_PATH};
  static const char* const paths[] = {"mapped", "/dev/shm/mapped", "/dev/zero", "/dev/null", "."};
  for (size_t p = 0; p < 5; p++) {
    for (size_t m = 0; m < 4; m++) {
      int fd = open(paths[p], modes[m]);
      say("%s mode %d -> %s", paths[p], modes[m], outcome(fd));
      CASE(mapped(fd, PROT_READ, MAP_SHARED));
      CASE(mapped(fd, PROT_READ | PROT_WRITE, MAP_SHARED));
      CASE(mapped(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE));
      CASE(mapped(fd, PROT_READ | PROT_EXEC, MAP_PRIVATE));
      close(fd);
    }
  }
  unlink("/dev/shm/mapped");
}

static void flags(void) {
  make_file("flags", 0644, "0123456789");
  int a = open("flags", O_RDWR | O_APPEND);
  CASE(write(a, "end", 3));
  CASE(pwrite(a, "x", 1, 0));
  CASE(fcntl(a, F_SETFL, O_NONBLOCK));
  CASE(fcntl(a, F_GETFL));
  CASE(lseek(a, 0, SEEK_CUR));
  close(a);
  show("flags");
  a = open("flags", O_RDONLY);
  CASE(write(a, "x", 1));
  CASE(ftruncate(a, 0));
  CASE(fsync(a));
  close(a);
  a = open("flags", O_WRONLY);
  char text[16];
  CASE(read(a, text, 4));
  close(a);
  a = open("flags", O_ACCMODE);
  CASE(read(a, text, 4));
  CASE(write(a, "x", 1));
  CASE(ftruncate(a, 1));
  close(a);
  a = open("flags", O_PATH);
  CASE(read(a, text, 4));
  CASE(fchmod(a, 0600));
  CASE(fcntl(a, F_GETFL));
  CASE(fcntl(a, F_SETFL, O_APPEND));
  CASE(ioctl(a, 0x5401));
  close(a);
  a = open("flags", O_RDONLY | O_CLOEXEC);
  CASE(fcntl(a, F_GETFD));
  close(a);
  a = open("new-readonly", O_CREAT | O_EXCL | O_RDWR, 0);
  CASE(write(a, "ok", 2));
  close(a);
  CASE(open("new-readonly", O_RDWR));
  show("new-readonly");
}

static void unnamed_files(void) {
  int fd = open(".", O_TMPFILE | O_RDWR, 0666);
  CASE(write(fd, "temporary", 9));
  struct stat st;
  fstat(fd, &st);
  say("unnamed: mode %o links %lu", st.st_mode, (unsigned long)st.st_nlink);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int again = open(path, O_RDWR);
  char text[16] = "";
  CASE(read(again, text, 9));
  CASE(chmod(path, 0600));
  CASE(truncate(path, 4));
  CASE(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
  CASE(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
  show("named");
  CASE(unlink("named"));
  CASE(linkat(AT_FDCWD, path, AT_FDCWD, "named-again", AT_SYMLINK_FOLLOW));
  close(again);
  close(fd);
  // A file that was removed while open.
  make_file("removed", 0644, "removed");
  fd = open("removed", O_RDWR);
  CASE(unlink("removed"));
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  again = open(path, O_RDWR);
  CASE(read(again, text, 7));
  CASE(linkat(AT_FDCWD, path, AT_FDCWD, "resurrected", AT_SYMLINK_FOLLOW));
  CASE(linkat(fd, "", AT_FDCWD, "resurrected", AT_EMPTY_PATH));
  CASE(stat(path, &st));
  CASE(utimensat(AT_FDCWD, path, NULL, 0));
  close(again);
  close(fd);
  CASE(syscall(SYS_memfd_create, "memory", 0x40));
  CASE(syscall(SYS_memfd_create, "memory", 0x18));
  CASE(syscall(SYS_memfd_create, NULL, 0));
  char name[300];
  memset(name, 'n', sizeof name);
  name[249] = '\0';
  CASE(close((int)syscall(SYS_memfd_create, name, 0)));
  name[249] = 'n';
  name[250] = '\0';
  CASE(syscall(SYS_memfd_create, name, 0));
  fd = (int)syscall(SYS_memfd_create, "memory", 0);
  CASE(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
  CASE(ftruncate(fd, 100));
  CASE(fcntl(fd, F_GETFD));
  char where[64] = "";
  char link_of_fd[64];
  snprintf(link_of_fd, sizeof link_of_fd, "/proc/self/fd/%d", fd);
  CASE(readlink(link_of_fd, where, sizeof where - 1));
  say("  %s", where);
  close(fd);
  fd = (int)syscall(SYS_memfd_create, "memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  CASE(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
  CASE(fcntl(fd, F_GETFD));
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  CASE(close(open(path, O_RDWR)));
  CASE(close(open(path, O_RDONLY)));
  CASE(truncate(path, 100));
  CASE(chmod(path, 0600));
  CASE(chown(path, getuid(), getgid()));
  CASE(access(path, W_OK));
  close(fd);
}

static long list(int fd) {
  char entries[1024];
  return syscall(SYS_getdents64, fd, entries, sizeof entries);
}

static void lost_directory(void) {
  IN_CHILD({
    must(mkdir("lost", 0755) == 0 && chdir("lost") == 0, "lost");
    int here = open(".", O_RDONLY | O_DIRECTORY);
    CASE(rmdir("../lost"));
    char text[256];
    CASE(getcwd(text, sizeof text) == NULL);
    struct stat st;
    CASE(stat(".", &st));
    say("links %lu", (unsigned long)st.st_nlink);
    CASE(open("new", O_CREAT | O_RDWR, 0600));
    CASE(mkdir("new", 0700));
    CASE(symlink("x", "new"));
    CASE(link("/etc/passwd", "new"));
    CASE(mknod("new", S_IFIFO | 0600, 0));
    CASE(rename("../named-again", "new"));
    CASE(open("missing", O_RDONLY));
    CASE(list(here));
    CASE(unlink("missing"));
    CASE(rmdir("."));
    CASE(chmod(".", 0700));
    CASE(access(".", W_OK));
    CASE(open(".", O_TMPFILE | O_RDWR, 0600));
    CASE(close(open(".", O_RDONLY)));
    CASE(close(open("..", O_RDONLY)));
    CASE(stat("../numbers", &st));
    CASE(utimensat(AT_FDCWD, ".", NULL, 0));
    CASE(chdir(".."));
    CASE(getcwd(text, sizeof text) == NULL);
  });
}

static int pass(int fd) {
  int pair[2];
  must(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0, "socketpair");
  char control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec byte = {"x", 1};
  struct msghdr message = {.msg_iov = &byte, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  if (sendmsg(pair[0], &message, 0) != 1) return -1;
  if (recvmsg(pair[1], &message, 0) != 1) return -1;
  int passed = -1;
  header = CMSG_FIRSTHDR(&message);
  if (header != NULL) memcpy(&passed, CMSG_DATA(header), sizeof passed);
  close(pair[0]);
  close(pair[1]);
  return passed;
}

static void passing(void) {
  int file = open("/etc/passwd", O_RDONLY);
  int passed = pass(file);
  char text[8] = "";
  CASE(read(passed, text, 4));
  CASE(lseek(file, 0, SEEK_CUR));
  int directory = open("/fixtures/dir0755", O_PATH);
  passed = pass(directory);
  CASE(close(openat(passed, "inside", O_RDONLY)));
  CASE(openat(passed, "../root0600", O_RDONLY) >= 0);
  struct stat st;
  CASE(fstatat(passed, "inside", &st, 0));
  CASE(fchdir(passed));
  CASE(access("inside", R_OK));
  CASE(faccessat(directory, "inside", W_OK, 0));
  CASE(pass(999));
}

static long at2(int directory, const char* path, uint64_t how_flags, uint64_t mode, uint64_t resolve) {
  struct open_how how = {how_flags, mode, resolve};
  int fd = (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
  if (fd < 0) return -1;
  struct stat st;
  fstat(fd, &st);
  close(fd);
  return st.st_mode;
}

static void resolving(void) {
  must(mkdir("tree", 0755) == 0 && mkdir("tree/sub", 0755) == 0, "tree");
  make_file("tree/sub/file", 0644, "x");
  must(symlink("../../outside", "tree/sub/escape") == 0 && symlink("/etc/passwd", "tree/absolute") == 0, "links");
  must(symlink("sub/file", "tree/inner") == 0 && symlink("/sub/file", "tree/rooted") == 0, "links");
  must(symlink("/proc/self/fd/1", "tree/magic") == 0, "links");
  int tree = open("tree", O_RDONLY | O_DIRECTORY);
  static const uint64_t ways[] = {0,
                                  RESOLVE_BENEATH,
                                  RESOLVE_IN_ROOT,
                                  RESOLVE_NO_SYMLINKS,
                                  RESOLVE_NO_MAGICLINKS,
                                  RESOLVE_NO_XDEV,
                                  RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
                                  RESOLVE_IN_ROOT | RESOLVE_NO_XDEV,
                                  RESOLVE_CACHED | RESOLVE_BENEATH | RESOLVE_IN_ROOT,
                                  0x40};
  static const char* const paths[] = {"sub/file",
                                      "sub/../sub/file",
                                      "..",
                                      "../tree/sub/file",
                                      "sub/escape",
                                      "absolute",
                                      "inner",
                                      "rooted",
                                      "/sub/file",
                                      "/",
                                      "magic",
                                      "sub/missing",
                                      "/etc/passwd",
                                      "sub/../../etc/passwd",
                                      "",
                                      "/proc/version",
                                      "/../../sub/file",
                                      "sub/file/"};
  for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
    for (size_t p = 0; p < sizeof paths / sizeof paths[0]; p++) {
      say("resolve %lx '%s' -> %s", (long)ways[w], paths[p], outcome(at2(tree, paths[p], O_RDONLY | O_NONBLOCK, 0, ways[w])));
      long made = at2(tree, paths[p], O_RDWR | O_CREAT | O_EXCL, 0600, ways[w]);
      say("  and create -> %s", outcome(made));
      if (made >= 0) unlinkat(tree, "sub/missing", 0);
    }
  }
  CASE(at2(tree, "sub/file", O_RDONLY, 0600, 0));
  CASE(at2(tree, "sub/file", O_CREAT | O_RDWR, 0100000, 0));
  CASE(at2(tree, "sub/file", 1ULL << 40, 0, 0));
  CASE(at2(tree, "sub/file", 0x70000000, 0, 0));
  CASE(at2(999, "sub/file", O_RDONLY, 0, 0));
  CASE(at2(999, "/etc/passwd", O_RDONLY, 0, 0));
  CASE(at2(999, "/etc/passwd", O_RDONLY, 0, RESOLVE_BENEATH));
  CASE(at2(AT_FDCWD, "tree/sub/file", O_RDONLY, 0, RESOLVE_BENEATH));
  struct {
    struct open_how how;
    char more[40];
  } larger = {.how = {.flags = O_RDONLY}};
  CASE(close((int)syscall(SYS_openat2, tree, "sub/file", &larger, sizeof larger)));
  larger.more[7] = 1;
  CASE(syscall(SYS_openat2, tree, "sub/file", &larger, sizeof larger));
  CASE(syscall(SYS_openat2, tree, "sub/file", &larger, 8));
  CASE(syscall(SYS_openat2, tree, "sub/file", &larger, 5000));
  CASE(syscall(SYS_openat2, tree, "sub/file", NULL, sizeof larger.how));
  CASE(syscall(SYS_openat2, tree, NULL, &larger, sizeof larger.how));
}

/// stat by name and by descriptor say the same, to the last bit.
static void same_facts(void) {
  static const char* const paths[] = {"/", "/etc/passwd", "/proc/self/status", "/dev/null", "/fixtures/link-file", "/dev/shm"};
  for (size_t p = 0; p < sizeof paths / sizeof paths[0]; p++) {
    struct stat by_name, by_fd;
    int fd = open(paths[p], O_RDONLY);
    stat(paths[p], &by_name);
    fstat(fd, &by_fd);
    bool same = by_name.st_dev == by_fd.st_dev && by_name.st_ino == by_fd.st_ino && by_name.st_blksize == by_fd.st_blksize &&
                by_name.st_rdev == by_fd.st_rdev && by_name.st_nlink == by_fd.st_nlink;
    struct statx x, y;
    statx(AT_FDCWD, paths[p], 0, STATX_ALL | STATX_MNT_ID, &x);
    statx(fd, "", AT_EMPTY_PATH, STATX_ALL | STATX_MNT_ID, &y);
    same = same && x.stx_mask == y.stx_mask && x.stx_attributes == y.stx_attributes && x.stx_mnt_id == y.stx_mnt_id;
    same = same && makedev(x.stx_dev_major, x.stx_dev_minor) == by_fd.st_dev;
    struct statfs s, t;
    statfs(paths[p], &s);
    fstatfs(fd, &t);
    same = same && s.f_flags == t.f_flags && s.f_type == t.f_type && memcmp(&s.f_fsid, &t.f_fsid, sizeof s.f_fsid) == 0;
    say("facts of %s by name and descriptor are the same: %d, mask %x", paths[p], same, x.stx_mask);
    close(fd);
  }
}

int main(int argc, char** argv) {
  begin(argc, argv);
  numbers();
  locks();
  leases();
  mappings();
  flags();
  unnamed_files();
  lost_directory();
  passing();
  must(chdir(argv[1]) == 0, "directory");
  resolving();
  same_facts();
  return 0;
}
