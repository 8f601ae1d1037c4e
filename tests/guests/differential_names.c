// Every call that takes a path, on every kind of name: with and without a supervisor equal line by line.
//
// Each case starts from the same small tree in the directory of the argument; after a call that succeeded the tree is shown.
#include <dirent.h>
#include <sys/inotify.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "differential.h"

static char at_name_max[256];       // 255 bytes
static char beyond_name_max[257];   // 256 bytes
static char new_at_path_max[4096];  // 4095 bytes that name "new"
static char file_at_path_max[4096];
static char beyond_path_max[4097];
static char below_name_max[300];
static char in_sub_name_max[300];
static char in_sub_beyond[300];
static char directory_beyond[300];
static char* edge;       // ends with its NUL at the end of a page
static char* past_edge;  // has no NUL before the end of its page

static void pad_with_dots(char* text, size_t length, const char* name) {
  size_t padding = length - strlen(name);
  for (size_t i = 0; i < padding; i++) text[i] = i % 2 == 0 ? '.' : '/';
  if (padding % 2 == 1) text[padding - 1] = '/';  // "./" and one more slash
  strcpy(text + padding, name);
}

static void make_long_names(void) {
  memset(at_name_max, 'n', 255);
  memset(beyond_name_max, 'n', 256);
  pad_with_dots(new_at_path_max, 4095, "new");
  pad_with_dots(file_at_path_max, 4095, "file");
  pad_with_dots(beyond_path_max, 4096, "file");
  snprintf(below_name_max, sizeof below_name_max, "%s/new", at_name_max);
  snprintf(in_sub_name_max, sizeof in_sub_name_max, "sub/%s", at_name_max);
  snprintf(in_sub_beyond, sizeof in_sub_beyond, "sub/%s", beyond_name_max);
  snprintf(directory_beyond, sizeof directory_beyond, "%s/new", beyond_name_max);
  edge = at_page_edge("file", true);
  past_edge = at_page_edge("file", false);
}

static const struct {
  const char* text;
  const char* shown;
} names[] = {
    {"new", NULL},
    {"new/", NULL},
    {"new/.", NULL},
    {"new/..", NULL},
    {"./new", NULL},
    {"sub/../new", NULL},
    {"sub//./new", NULL},
    {"missing/new", NULL},
    {"missing/../new", NULL},
    {"file", NULL},
    {"file/", NULL},
    {"file/.", NULL},
    {"file/..", NULL},
    {"file/new", NULL},
    {"sub", NULL},
    {"sub/", NULL},
    {"sub/.", NULL},
    {"sub/..", NULL},
    {"sub/inside", NULL},
    {"empty", NULL},
    {"empty/", NULL},
    {"link", NULL},
    {"link/", NULL},
    {"dirlink", NULL},
    {"dirlink/", NULL},
    {"dirlink/.", NULL},
    {"dirlink/..", NULL},
    {"dirlink/new", NULL},
    {"dirlink/../new", NULL},
    {"dangling", NULL},
    {"dangling/", NULL},
    {"dangling/new", NULL},
    {"loop", NULL},
    {"loop/", NULL},
    {"loop/new", NULL},
    {"fifo/", NULL},
    {"socket", NULL},
    {"hard", NULL},
    {"noread", NULL},
    {"nosearch/inside", NULL},
    {"nosearch/new", NULL},
    {"nosearch/missing/new", NULL},
    {"nowrite/new", NULL},
    {"nowrite/inside", NULL},
    {"nothing/new", NULL},
    {"/readonly/root0644", NULL},
    {"/readonly/new", NULL},
    {"/readonly/missing/new", NULL},
    {"/readonly/dir0755", NULL},
    {"/readonly/own0644", NULL},
    {"/proc/new", NULL},
    {"/proc/self/new", NULL},
    {"/proc/self/fd/new", NULL},
    {"/sys/new", NULL},
    {"/dev/shm", NULL},
    {"/dev/null/new", NULL},
    {"", NULL},
    {".", NULL},
    {"..", NULL},
    {"/", NULL},
    {"//", NULL},
    {"/..", NULL},
    {"new (deleted)", NULL},
    {"\xff\xfe\x01 name", "bytes"},
    {"line\nbreak", "line break"},
    {at_name_max, "NAME_MAX"},
    {beyond_name_max, "NAME_MAX+1"},
    {below_name_max, "NAME_MAX/new"},
    {directory_beyond, "NAME_MAX+1/new"},
    {in_sub_name_max, "sub/NAME_MAX"},
    {in_sub_beyond, "sub/NAME_MAX+1"},
    {new_at_path_max, "new of PATH_MAX-1"},
    {file_at_path_max, "file of PATH_MAX-1"},
    {beyond_path_max, "file of PATH_MAX"},
    {NULL, "null"},
    {(const char*)8, "bad address"},
    {"?edge", "file at the end of a page"},
    {"?past", "file past the end of a page"},
};

static int home;  // the directory of the argument, opened before anything stood in it

static long opened(int fd) {
  if (fd < 0) return -1;
  struct stat st;
  long result = fstat(fd, &st) == 0 ? (long)st.st_mode : -2;
  close(fd);
  return result;
}
static long back_home(long result) {
  int error = errno;
  must(fchdir(home) == 0, "fchdir");
  errno = error;
  return result;
}
static long watched(const char* path, uint32_t mask) {
  static int watcher = -1;  // kept: closing one waits for every reader of marks in the kernel
  if (watcher < 0) watcher = inotify_init1(IN_CLOEXEC);
  int watch = inotify_add_watch(watcher, path, mask);
  if (watch < 0) return -1;
  inotify_rm_watch(watcher, watch);
  return 0;
}
static long handle_of(const char* path, int flags) {
  struct {
    struct file_handle head;
    unsigned char bytes[MAX_HANDLE_SZ];
  } handle = {.head = {.handle_bytes = MAX_HANDLE_SZ}};
  int mount;
  return name_to_handle_at(AT_FDCWD, path, &handle.head, &mount, flags) == 0 ? (long)handle.head.handle_bytes : -1;
}
static long as_socket(const char* path, bool server) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if ((uintptr_t)path < 4096 || path == past_edge || strlen(path) >= sizeof address.sun_path) return 0;
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
  long result = server ? bind(fd, (struct sockaddr*)&address, size) : connect(fd, (struct sockaddr*)&address, size);
  int error = errno;
  close(fd);
  errno = error;
  return result;
}

static struct stat facts;
static struct statx more_facts;
static struct statfs of_volume;
static char buffer[4096];
static const struct timespec times[2] = {{1000, 1}, {2000, 2}};

/// One call on the name `p`; an entry of the list of verbs below.
#define VERBS                                                                                \
  V(open_read, opened(open(p, O_RDONLY | O_NONBLOCK)))                                       \
  V(open_write, opened(open(p, O_WRONLY | O_NONBLOCK)))                                      \
  V(open_mode3, opened(open(p, O_ACCMODE | O_NONBLOCK)))                                     \
  V(open_create, opened(open(p, O_RDWR | O_CREAT | O_NONBLOCK, 0640)))                       \
  V(open_create_read, opened(open(p, O_RDONLY | O_CREAT | O_NONBLOCK, 0400)))                \
  V(open_exclusive, opened(open(p, O_WRONLY | O_CREAT | O_EXCL | O_NONBLOCK, 06755)))        \
  V(open_truncate, opened(open(p, O_WRONLY | O_TRUNC | O_NONBLOCK)))                         \
  V(open_create_truncate, opened(open(p, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, 0)))     \
  V(open_nofollow, opened(open(p, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)))                      \
  V(open_create_nofollow, opened(open(p, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600))) \
  V(open_directory, opened(open(p, O_RDONLY | O_DIRECTORY)))                                 \
  V(open_directory_nofollow, opened(open(p, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)))           \
  V(open_path, opened(open(p, O_PATH)))                                                      \
  V(open_path_nofollow, opened(open(p, O_PATH | O_NOFOLLOW)))                                \
  V(open_temporary, opened(open(p, O_TMPFILE | O_RDWR, 0600)))                               \
  V(creat, opened((int)syscall(SYS_creat, p, 0755)))                                         \
  V(mkdir, mkdir(p, 03777))                                                                  \
  V(mkfifo, mknod(p, S_IFIFO | 0644, 0))                                                     \
  V(mkreg, mknod(p, S_IFREG | 0644, 0))                                                      \
  V(mksock, mknod(p, S_IFSOCK | 0644, 0))                                                    \
  V(mkdev, mknod(p, S_IFCHR | 0644, makedev(1, 3)))                                          \
  V(symlink, symlink("file", p))                                                             \
  V(link_to, link("file", p))                                                                \
  V(link_from, link(p, "other"))                                                             \
  V(link_from_followed, linkat(AT_FDCWD, p, AT_FDCWD, "other", AT_SYMLINK_FOLLOW))           \
  V(rename_file_to, rename("file", p))                                                       \
  V(rename_directory_to, rename("empty", p))                                                 \
  V(rename_full_directory_to, rename("sub", p))                                              \
  V(rename_from, rename(p, "other"))                                                         \
  V(rename_onto_directory, rename(p, "empty"))                                               \
  V(rename_slash, rename(p, "other/"))                                                       \
  V(rename_noreplace, renameat2(AT_FDCWD, "file", AT_FDCWD, p, RENAME_NOREPLACE))            \
  V(rename_exchange, renameat2(AT_FDCWD, "file", AT_FDCWD, p, RENAME_EXCHANGE))              \
  V(unlink, unlink(p))                                                                       \
  V(rmdir, rmdir(p))                                                                         \
  V(unlinkat_directory, unlinkat(AT_FDCWD, p, AT_REMOVEDIR))                                 \
  V(chmod, chmod(p, 04711))                                                                  \
  V(chmod_nofollow, syscall(452, AT_FDCWD, p, 0700, AT_SYMLINK_NOFOLLOW))                    \
  V(chown, chown(p, (uid_t)-1, getgid()))                                                    \
  V(chown_other, chown(p, 4000, 4000))                                                       \
  V(lchown, lchown(p, getuid(), getgid()))                                                   \
  V(truncate, truncate(p, 3))                                                                \
  V(truncate_longer, truncate(p, 100))                                                       \
  V(utimensat, utimensat(AT_FDCWD, p, times, 0))                                             \
  V(utimensat_nofollow, utimensat(AT_FDCWD, p, times, AT_SYMLINK_NOFOLLOW))                  \
  V(utimensat_now, utimensat(AT_FDCWD, p, NULL, 0))                                          \
  V(stat, syscall(SYS_stat, p, &facts))                                                      \
  V(lstat, syscall(SYS_lstat, p, &facts))                                                    \
  V(statx, statx(AT_FDCWD, p, AT_SYMLINK_NOFOLLOW, STATX_ALL, &more_facts))                  \
  V(access, access(p, F_OK))                                                                 \
  V(access_all, access(p, R_OK | W_OK | X_OK))                                               \
  V(faccessat_nofollow, syscall(SYS_faccessat2, AT_FDCWD, p, W_OK, AT_SYMLINK_NOFOLLOW))     \
  V(faccessat_effective, syscall(SYS_faccessat2, AT_FDCWD, p, X_OK, AT_EACCESS))             \
  V(readlink, readlink(p, buffer, sizeof buffer))                                            \
  V(statfs, statfs(p, &of_volume))                                                           \
  V(getxattr, getxattr(p, "user.name", buffer, sizeof buffer))                               \
  V(lgetxattr, lgetxattr(p, "user.name", buffer, sizeof buffer))                             \
  V(listxattr, listxattr(p, buffer, sizeof buffer))                                          \
  V(llistxattr, llistxattr(p, buffer, sizeof buffer))                                        \
  V(setxattr, setxattr(p, "user.name", "value", 5, XATTR_CREATE))                            \
  V(lsetxattr, lsetxattr(p, "user.name", "value", 5, 0))                                     \
  V(removexattr, removexattr(p, "user.name"))                                                \
  V(lremovexattr, lremovexattr(p, "user.name"))                                              \
  V(inotify, watched(p, IN_ALL_EVENTS))                                                      \
  V(inotify_nofollow, watched(p, IN_ALL_EVENTS | IN_DONT_FOLLOW))                            \
  V(inotify_directory, watched(p, IN_CREATE | IN_ONLYDIR))                                   \
  V(handle, handle_of(p, 0))                                                                 \
  V(handle_followed, handle_of(p, AT_SYMLINK_FOLLOW))                                        \
  V(chdir, back_home(chdir(p)))                                                              \
  V(bind, as_socket(p, true))                                                                \
  V(connect, as_socket(p, false))

#define V(name, call) \
  static long verb_##name(const char* p) { return (long)(call); }
VERBS
#undef V

static const struct {
  const char* name;
  long (*run)(const char*);
} verbs[] = {
#define V(name, call) {#name, verb_##name},
    VERBS
#undef V
};

/// Empties the current directory.
static void sweep(void) {
  DIR* dir = opendir(".");
  must(dir != NULL, "sweep");
  for (struct dirent* entry; (entry = readdir(dir)) != NULL;) {
    const char* name = entry->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
    if (unlink(name) == 0 || errno == ENOENT) continue;
    chmod(name, 0700);
    must(chdir(name) == 0, name);
    sweep();
    must(chdir("..") == 0 && rmdir(name) == 0, name);
  }
  closedir(dir);
}

static void make_node(mode_t mode, const char* name) { must(mknod(name, mode, 0) == 0, name); }

static void plant(void) {
  umask(0);
  must(chmod(".", 0755) == 0, "own directory");
  make_file("file", 0644, "contents\n");
  must(setxattr("file", "user.name", "abc", 3, 0) == 0 || errno == EOPNOTSUPP, "xattr");
  must(link("file", "hard") == 0, "hard");
  make_file("noread", 0200, "secret\n");
  must(mkdir("sub", 0755) == 0 && mkdir("empty", 0755) == 0 && mkdir("nowrite", 0755) == 0, "directories");
  must(mkdir("nosearch", 0755) == 0 && mkdir("nothing", 0755) == 0, "directories");
  make_file("sub/inside", 0600, "inside\n");
  make_file("nowrite/inside", 0644, "inside\n");
  make_file("nosearch/inside", 0644, "inside\n");
  must(chmod("nowrite", 0555) == 0 && chmod("nosearch", 0666) == 0 && chmod("nothing", 0) == 0, "modes");
  must(symlink("file", "link") == 0 && symlink("sub", "dirlink") == 0, "links");
  must(symlink("target", "dangling") == 0 && symlink("loop", "loop") == 0, "links");
  make_node(S_IFIFO | 0644, "fifo");
  make_node(S_IFSOCK | 0644, "socket");
  umask(022);
}

static int by_text(const void* a, const void* b) { return strcmp(*(char* const*)a, *(char* const*)b); }

/// A directory as text: type, mode, owner, links, size, time where a case set it, and the length of the list of attributes.
static void describe(const char* where, char* text, size_t room) {
  char* lines[64];
  size_t count = 0;
  DIR* dir = opendir(where);
  text[0] = '\0';
  if (dir == NULL) return;
  for (struct dirent* entry; (entry = readdir(dir)) != NULL && count < 64;) {
    if (strcmp(entry->d_name, "..") == 0) continue;
    struct stat st;
    char path[512], line[400];
    snprintf(path, sizeof path, "%s/%s", where, entry->d_name);
    if (lstat(path, &st) != 0) continue;
    snprintf(line, sizeof line, "%.20s:%o:%u:%u:%lu:%ld:%ld:%ld", entry->d_name, st.st_mode, st.st_uid, st.st_gid,
             (unsigned long)st.st_nlink, S_ISDIR(st.st_mode) ? 0L : (long)st.st_size,
             st.st_mtim.tv_sec == 2000 ? (long)st.st_mtim.tv_nsec : 0L, (long)llistxattr(path, NULL, 0));
    lines[count++] = strdup(line);
  }
  closedir(dir);
  qsort(lines, count, sizeof lines[0], by_text);
  for (size_t i = 0; i < count; i++) {
    size_t used = strlen(text);
    snprintf(text + used, room - used, " %s", lines[i]);
    free(lines[i]);
  }
}

/// Shows the tree where a call has changed it, and plants it anew.
static void show_and_restore(void) {
  static char planted[2][8192];
  static const char* const places[2] = {".", "sub"};
  char now[8192];
  bool changed = false;
  for (int i = 0; i < 2; i++) {
    describe(places[i], now, sizeof now);
    if (planted[i][0] == '\0') strcpy(planted[i], now);
    if (strcmp(planted[i], now) == 0) continue;
    say("  %s:%s", places[i], now);
    changed = true;
  }
  if (!changed) return;
  sweep();
  plant();
}

int main(int argc, char** argv) {
  begin(argc, argv);
  make_long_names();
  home = open(".", O_RDONLY | O_DIRECTORY);
  sweep();
  plant();
  show_and_restore();
  for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
    const char* path = names[n].text;
    const char* shown = names[n].shown != NULL ? names[n].shown : path;
    if (path != NULL && (uintptr_t)path > 4096 && path[0] == '?') path = path[1] == 'e' ? edge : past_edge;
    for (size_t v = 0; v < sizeof verbs / sizeof verbs[0]; v++) {
      memset(buffer, 0, 16);
      errno = 0;
      long result = verbs[v].run(path);
      say("%s '%s' -> %s %ld %.10s", verbs[v].name, shown, outcome(result), result, buffer);
      if (result < 0) continue;
      show_and_restore();
    }
  }
  sweep();
  return 0;
}
