// try OPERATION ARGS [-- OPERATION ARGS]...: file operations one after the other in one process, each with a line of outcome.
//
//   try open /etc/shadow r -- unlink /work/x        ->  open /etc/shadow r = EACCES
//                                                       unlink /work/x = OK
#include <dirent.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <utime.h>

#include "guest.h"

static char* note;  // what an operation adds to its line

static long open_and_close(long fd) {
  if (fd >= 0) close((int)fd);
  return fd;
}

static long try_open(char** a) { return open_and_close(open(a[0], open_flags(a[1] ? a[1] : "r"), 0644)); }
static long try_creat(char** a) { return open_and_close(syscall(SYS_creat, a[0], 0644)); }
static long try_old_open(char** a) { return open_and_close(syscall(SYS_open, a[0], open_flags(a[1] ? a[1] : "r"), 0644)); }
static long try_openat2(char** a) {
  struct open_how how = {.flags = (uint64_t)open_flags(a[1] ? a[1] : "r")};
  if ((how.flags & (O_CREAT | O_TMPFILE)) != 0) how.mode = 0644;
  return open_and_close(syscall(SYS_openat2, AT_FDCWD, a[0], &how, sizeof how));
}
/// The directory first, then the last component relative to it.
static long try_openat(char** a) {
  char* copy = strdup(a[0]);
  char* slash = strrchr(copy, '/');
  *slash = '\0';
  int dir = open(*copy ? copy : "/", O_PATH | O_DIRECTORY);
  if (dir < 0) return -1;
  long fd = openat(dir, slash + 1, open_flags(a[1] ? a[1] : "r"), 0644);
  int saved = errno;
  close(dir);
  errno = saved;
  return open_and_close(fd);
}
/// An O_PATH fd, opened again through /proc/self/fd.
static long try_reopen(char** a) {
  int fd = open(a[0], O_PATH);
  if (fd < 0) return -1;
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return open_and_close(open(path, open_flags(a[1] ? a[1] : "r")));
}
static long try_read(char** a) {
  int fd = open(a[0], O_RDONLY);
  if (fd < 0) return -1;
  static char text[4096];
  ssize_t got = read(fd, text, sizeof text - 1);
  if (got < 0) return -1;
  text[got] = '\0';
  text[strcspn(text, "\n")] = '\0';
  note = text;
  close(fd);
  return 0;
}
static long try_write(char** a) {
  int fd = open(a[0], O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (fd < 0) return -1;
  ssize_t put = write(fd, a[1], strlen(a[1]));
  return open_and_close(put < 0 ? -1 : fd);
}
static long wait_for(pid_t child) {
  int status = 0;
  must(waitpid(child, &status, 0) == child, "waitpid");
  static char text[32];
  if (WIFSIGNALED(status)) {
    snprintf(text, sizeof text, "signal %d", WTERMSIG(status));
  } else {
    if (WEXITSTATUS(status) >= 100 && WEXITSTATUS(status) < 250) {  // the errno of a failed execve
      errno = WEXITSTATUS(status) - 100;
      return -1;
    }
    snprintf(text, sizeof text, "exit %d", WEXITSTATUS(status));
  }
  note = text;
  return 0;
}
static char* small_env[] = {"PATH=/bin", NULL};
static long try_exec(char** a) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    execve(a[0], a, small_env);
    _exit(100 + errno);
  }
  return wait_for(child);
}
static long try_execveat(char** a) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    int fd = open(a[0], O_PATH);
    if (fd < 0) _exit(100 + errno);
    syscall(SYS_execveat, fd, "", a, small_env, AT_EMPTY_PATH);
    _exit(100 + errno);
  }
  return wait_for(child);
}
/// A copy of the program in a memfd, executed by its fd.
static long try_memfd_exec(char** a) {
  int in = open(a[0], O_RDONLY);
  int fd = (int)syscall(SYS_memfd_create, "code", 0);
  if (in < 0 || fd < 0) return -1;
  char buffer[65536];
  for (ssize_t got; (got = read(in, buffer, sizeof buffer)) > 0;) must(write(fd, buffer, (size_t)got) == got, "write memfd");
  close(in);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    syscall(SYS_execveat, fd, "", a, small_env, AT_EMPTY_PATH);
    _exit(100 + errno);
  }
  return wait_for(child);
}
/// Real and effective user, as somebody who was made another by his program sees them.
static long try_ids(char** a) {
  (void)a;
  static char text[64];
  snprintf(text, sizeof text, "%u %u", getuid(), geteuid());
  note = text;
  return 0;
}
static long try_stat(char** a) {
  struct stat st;
  return stat(a[0], &st);
}
static long try_lstat(char** a) {
  struct stat st;
  return lstat(a[0], &st);
}
static long try_old_stat(char** a) {
  struct stat st;
  return syscall(SYS_stat, a[0], &st);
}
static long try_statx(char** a) {
  struct statx st;
  return statx(AT_FDCWD, a[0], 0, STATX_BASIC_STATS, &st);
}
static long try_access(char** a) { return access(a[0], F_OK); }
static long try_faccessat2(char** a) { return syscall(SYS_faccessat2, AT_FDCWD, a[0], F_OK, 0); }
static long try_readlink(char** a) {
  static char text[4096];
  ssize_t got = readlink(a[0], text, sizeof text - 1);
  if (got >= 0) text[got] = '\0', note = text;
  return got;
}
static long try_chdir(char** a) {
  int back = open(".", O_PATH);
  long result = chdir(a[0]);
  int saved = errno;
  if (result == 0) must(fchdir(back) == 0, "fchdir back");
  close(back);
  errno = saved;
  return result;
}
static long try_enter(char** a) { return chdir(a[0]); }
static long try_chroot(char** a) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) _exit(chroot(a[0]) == 0 ? 0 : 100 + errno);
  return wait_for(child);
}
static long try_statfs(char** a) {
  struct statfs st;
  return statfs(a[0], &st);
}
static int by_name(const void* a, const void* b) { return strcmp(*(char* const*)a, *(char* const*)b); }
static long try_list(char** a) {
  DIR* dir = opendir(a[0]);
  if (dir == NULL) return -1;
  char* names[1024];
  size_t count = 0;
  for (struct dirent* entry; (entry = readdir(dir)) != NULL && count < 1024;) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) names[count++] = strdup(entry->d_name);
  }
  closedir(dir);
  qsort(names, count, sizeof names[0], by_name);
  static char text[8192];
  text[0] = '\0';
  for (size_t i = 0; i < count; i++) {
    if (strlen(text) + strlen(names[i]) + 2 > sizeof text) break;
    if (i > 0) strcat(text, ",");
    strcat(text, names[i]);
  }
  note = text;
  return 0;
}
static long try_truncate(char** a) { return truncate(a[0], atol(a[1] ? a[1] : "0")); }
static long try_chmod(char** a) { return chmod(a[0], (mode_t)strtoul(a[1] ? a[1] : "640", NULL, 8)); }
static long try_fchmodat2(char** a) { return syscall(452, AT_FDCWD, a[0], 0640, 0); }
static long try_chown(char** a) { return chown(a[0], (uid_t)atoi(a[1] ? a[1] : "1000"), (gid_t)-1); }
static long try_lchown(char** a) { return lchown(a[0], 1000, (gid_t)-1); }
static long try_utime(char** a) {
  struct utimbuf times = {1000, 2000};
  return utime(a[0], &times);
}
static long try_utimes(char** a) { return utimes(a[0], NULL); }
static long try_utimensat(char** a) { return utimensat(AT_FDCWD, a[0], NULL, 0); }
static long try_setxattr(char** a) { return setxattr(a[0], a[1] ? a[1] : "user.x", "v", 1, 0); }
static long try_lsetxattr(char** a) { return lsetxattr(a[0], a[1] ? a[1] : "user.x", "v", 1, 0); }
static long try_removexattr(char** a) { return removexattr(a[0], a[1] ? a[1] : "user.x"); }
static long on_read_only_fd(char** a, int what) {
  int fd = open(a[0], O_RDONLY | O_NONBLOCK);
  if (fd < 0) return -1;
  long result = -1;
  switch (what) {
    case 0:
      result = fchmod(fd, 0640);
      break;
    case 1:
      result = fchown(fd, 1000, (gid_t)-1);
      break;
    case 2:
      result = futimens(fd, NULL);
      break;
    case 3:
      result = fsetxattr(fd, "user.x", "v", 1, 0);
      break;
    case 4:
      result = fremovexattr(fd, "user.x");
      break;
    default:
      result = ioctl(fd, strtoul(a[1], NULL, 0), a[2] ? strtoul(a[2], NULL, 0) : 0);
      break;
  }
  int saved = errno;
  close(fd);
  errno = saved;
  return result;
}
static long try_fchmod(char** a) { return on_read_only_fd(a, 0); }
static long try_fchown(char** a) { return on_read_only_fd(a, 1); }
static long try_futimens(char** a) { return on_read_only_fd(a, 2); }
static long try_fsetxattr(char** a) { return on_read_only_fd(a, 3); }
static long try_fremovexattr(char** a) { return on_read_only_fd(a, 4); }
static long try_ioctl(char** a) { return on_read_only_fd(a, 5); }
/// chmod by /proc/self/fd/N of an O_PATH fd: the fd form that works on O_PATH.
static long try_chmod_magic(char** a) {
  int fd = open(a[0], O_PATH);
  if (fd < 0) return -1;
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return chmod(path, 0640);
}
static long try_unlink(char** a) { return unlink(a[0]); }
static long try_rmdir(char** a) { return rmdir(a[0]); }
static long try_unlinkat_dir(char** a) { return unlinkat(AT_FDCWD, a[0], AT_REMOVEDIR); }
static long try_mkdir(char** a) { return mkdir(a[0], 0755); }
static long try_mkfifo(char** a) { return mkfifo(a[0], 0644); }
static long try_mksock(char** a) { return mknod(a[0], S_IFSOCK | 0644, 0); }
static long try_mkreg(char** a) { return mknod(a[0], S_IFREG | 0644, 0); }
static long try_mkdev(char** a) { return mknod(a[0], S_IFCHR | 0644, makedev(1, 3)); }
static long try_link(char** a) { return link(a[0], a[1]); }
static long try_linkfd(char** a) {
  int fd = open(a[0], O_PATH);
  if (fd < 0) return -1;
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return linkat(AT_FDCWD, path, AT_FDCWD, a[1], AT_SYMLINK_FOLLOW);
}
static long try_linkempty(char** a) {
  int fd = open(a[0], O_PATH);
  return fd < 0 ? -1 : linkat(fd, "", AT_FDCWD, a[1], AT_EMPTY_PATH);
}
/// An unnamed file in a directory, then given a name.
static long try_tmpfile_link(char** a) {
  int fd = open(a[0], O_TMPFILE | O_RDWR, 0644);
  if (fd < 0) return -1;
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return linkat(AT_FDCWD, path, AT_FDCWD, a[1], AT_SYMLINK_FOLLOW);
}
static long try_symlink(char** a) { return symlink(a[0], a[1]); }
static long try_rename(char** a) { return rename(a[0], a[1]); }
static long try_exchange(char** a) { return renameat2(AT_FDCWD, a[0], AT_FDCWD, a[1], RENAME_EXCHANGE); }
static long try_noreplace(char** a) { return renameat2(AT_FDCWD, a[0], AT_FDCWD, a[1], RENAME_NOREPLACE); }
static long try_watch(char** a) {
  int fd = inotify_init1(IN_CLOEXEC);
  must(fd >= 0, "inotify_init1");
  long result = inotify_add_watch(fd, a[0], IN_MODIFY);
  int saved = errno;
  close(fd);
  errno = saved;
  return result;
}

static const struct {
  const char* name;
  long (*run)(char** args);
} operations[] = {
    {"open", try_open},
    {"old_open", try_old_open},
    {"openat", try_openat},
    {"openat2", try_openat2},
    {"creat", try_creat},
    {"reopen", try_reopen},
    {"read", try_read},
    {"write", try_write},
    {"exec", try_exec},
    {"execveat", try_execveat},
    {"memfd_exec", try_memfd_exec},
    {"ids", try_ids},
    {"stat", try_stat},
    {"lstat", try_lstat},
    {"old_stat", try_old_stat},
    {"statx", try_statx},
    {"access", try_access},
    {"faccessat2", try_faccessat2},
    {"readlink", try_readlink},
    {"chdir", try_chdir},
    {"enter", try_enter},
    {"chroot", try_chroot},
    {"statfs", try_statfs},
    {"list", try_list},
    {"truncate", try_truncate},
    {"chmod", try_chmod},
    {"fchmodat2", try_fchmodat2},
    {"chmod_magic", try_chmod_magic},
    {"chown", try_chown},
    {"lchown", try_lchown},
    {"utime", try_utime},
    {"utimes", try_utimes},
    {"utimensat", try_utimensat},
    {"setxattr", try_setxattr},
    {"lsetxattr", try_lsetxattr},
    {"removexattr", try_removexattr},
    {"fchmod", try_fchmod},
    {"fchown", try_fchown},
    {"futimens", try_futimens},
    {"fsetxattr", try_fsetxattr},
    {"fremovexattr", try_fremovexattr},
    {"ioctl", try_ioctl},
    {"unlink", try_unlink},
    {"rmdir", try_rmdir},
    {"unlinkat_dir", try_unlinkat_dir},
    {"mkdir", try_mkdir},
    {"mkfifo", try_mkfifo},
    {"mksock", try_mksock},
    {"mkreg", try_mkreg},
    {"mkdev", try_mkdev},
    {"link", try_link},
    {"linkfd", try_linkfd},
    {"linkempty", try_linkempty},
    {"tmpfile_link", try_tmpfile_link},
    {"symlink", try_symlink},
    {"rename", try_rename},
    {"exchange", try_exchange},
    {"noreplace", try_noreplace},
    {"watch", try_watch},
};

static void perform(int count, char** words) {
  for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
    if (strcmp(words[0], operations[i].name) != 0) continue;
    note = NULL;
    long result = operations[i].run(words + 1);
    const char* said = outcome(result);
    for (int w = 0; w < count; w++) printf("%s ", words[w]);
    printf("= %s%s%s\n", said, note != NULL ? " " : "", note != NULL ? note : "");
    fflush(stdout);
    return;
  }
  fprintf(stderr, "try: no operation '%s'\n", words[0]);
  exit(2);
}

int main(int argc, char** argv) {
  int first = 1;
  for (int i = 1; i <= argc; i++) {
    if (i < argc && strcmp(argv[i], "--") != 0) continue;
    argv[i] = NULL;
    if (i > first) perform(i - first, argv + first);
    first = i + 1;
  }
  return 0;
}
