// Which times change by which call, of the file and of its directory; and what watchers are told of it.
//
// Runs in an empty directory given as the argument.
#include <poll.h>
#include <sys/inotify.h>
#include <sys/xattr.h>

#include "differential.h"

static int watcher;
static struct stat before_file, before_dir, before_other;

static void look(const char* path, struct stat* st) {
  memset(st, 0, sizeof *st);
  lstat(path, st);
}

static bool later(struct timespec a, struct timespec b) {
  return b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec > a.tv_nsec);
}

static const char* changed(const struct stat* old, const struct stat* now) {
  static char text[4][8];
  static int next;
  char* word = text[next++ % 4];
  sprintf(word, "%c%c%c", later(old->st_atim, now->st_atim) ? 'a' : '-', later(old->st_mtim, now->st_mtim) ? 'm' : '-',
          later(old->st_ctim, now->st_ctim) ? 'c' : '-');
  return word;
}

static void drain(bool tell) {
  char buffer[4096] __attribute__((aligned(8)));
  struct pollfd ready = {watcher, POLLIN, 0};
  while (poll(&ready, 1, 0) > 0) {
    ssize_t got = read(watcher, buffer, sizeof buffer);
    for (ssize_t at = 0; at < got;) {
      struct inotify_event* event = (struct inotify_event*)(buffer + at);
      if (tell) {
        const char* name = event->len == 0 ? "" : event->name[0] == '#' ? "#" : event->name;  // unnamed files are numbered
        say("    event %d %x %s%s", event->wd, event->mask, name, event->cookie != 0 ? " cookie" : "");
      }
      at += (ssize_t)(sizeof *event + event->len);
    }
  }
}

static void start(const char* object) {
  system("exec /bin/busybox rm -rf ./*");
  make_file("file", 0644, "contents\n");
  must(mkdir("dir", 0755) == 0 && mkdir("sub", 0755) == 0 && symlink("file", "link") == 0, "start");
  make_file("sub/inside", 0644, "inside\n");
  drain(false);
  sleep_ms(10);
  look(object, &before_file);
  look(".", &before_dir);
  look("sub", &before_other);
  drain(false);
}

/// One call on a fresh tree: its result, the times of what `object` names, "." and "sub", and the events.
#define CHANGE(call, object)                                                                                 \
  do {                                                                                                       \
    start(object);                                                                                           \
    errno = 0;                                                                                               \
    long change = (long)(call);                                                                              \
    say("%s -> %s", #call, outcome(change));                                                                 \
    drain(true);                                                                                             \
    struct stat file_now, dir_now, sub_now;                                                                  \
    look(object, &file_now);                                                                                 \
    look(".", &dir_now);                                                                                     \
    look("sub", &sub_now);                                                                                   \
    say("  file %s, directory %s, sub %s", changed(&before_file, &file_now), changed(&before_dir, &dir_now), \
        changed(&before_other, &sub_now));                                                                   \
  } while (0)

static long opened(int fd) { return fd < 0 ? -1 : close(fd); }
static long read_some(const char* path, int flags) {
  char text[4];
  int fd = open(path, flags);
  long got = read(fd, text, sizeof text);
  close(fd);
  return got;
}
static long bound(const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  long result = bind(fd, (struct sockaddr*)&address, sizeof address);
  close(fd);
  return result;
}

int main(int argc, char** argv) {
  begin(argc, argv);
  must(mkdir("times", 0755) == 0 && chdir("times") == 0 && mkdir("sub", 0755) == 0, "times");
  watcher = inotify_init1(IN_CLOEXEC);
  must(inotify_add_watch(watcher, ".", IN_ALL_EVENTS & ~(uint32_t)(IN_ACCESS)) >= 0, "watch");
  const struct timespec times[2] = {{1, 2}, {3, 4}};
  const struct timespec omit_first[2] = {{0, UTIME_OMIT}, {0, UTIME_NOW}};
  const struct timespec omit_both[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
  CHANGE(0, "file");
  CHANGE(chmod("file", 0600), "file");
  CHANGE(chmod("file", 0644), "file");
  CHANGE(chown("file", (uid_t)-1, getgid()), "file");
  CHANGE(chown("file", (uid_t)-1, (gid_t)-1), "file");
  CHANGE(lchown("link", getuid(), getgid()), "link");
  CHANGE(truncate("file", 3), "file");
  CHANGE(truncate("file", 9), "file");
  CHANGE(truncate("file", 20), "file");
  CHANGE(opened(open("file", O_WRONLY | O_TRUNC)), "file");
  CHANGE(opened(open("file", O_RDONLY)), "file");
  CHANGE(opened(open("file", O_RDWR | O_CREAT, 0600)), "file");
  CHANGE(opened(open("file", O_RDONLY | O_CREAT | O_EXCL, 0600)), "file");
  CHANGE(opened(open("new", O_RDWR | O_CREAT, 0600)), "new");
  CHANGE(opened(open("new", O_RDWR | O_CREAT | O_TRUNC, 0600)), "new");
  CHANGE(opened(open("sub/new", O_RDWR | O_CREAT | O_EXCL, 0600)), "sub/new");
  CHANGE(opened(open(".", O_TMPFILE | O_RDWR, 0600)), "file");
  CHANGE(opened(open(".", O_RDONLY | O_DIRECTORY)), "file");
  CHANGE(read_some("file", O_RDONLY), "file");
  CHANGE(read_some("file", O_RDONLY | O_NOATIME), "file");
  CHANGE(mkdir("new", 0700), "new");
  CHANGE(mkdir("sub", 0700), "sub");
  CHANGE(mkfifo("new", 0700), "new");
  CHANGE(symlink("x", "new"), "new");
  CHANGE(link("file", "new"), "file");
  CHANGE(link("file", "sub/new"), "file");
  CHANGE(bound("new"), "new");
  CHANGE(unlink("file"), "file");
  CHANGE(unlink("sub/inside"), "file");
  CHANGE(unlink("missing"), "file");
  CHANGE(rmdir("dir"), "file");
  CHANGE(rmdir("sub"), "file");
  CHANGE(rename("file", "new"), "new");
  CHANGE(rename("file", "sub/new"), "sub/new");
  CHANGE(rename("file", "sub/inside"), "sub/inside");
  CHANGE(rename("dir", "sub/dir"), "sub/dir");
  CHANGE(rename("file", "file"), "file");
  CHANGE(renameat2(AT_FDCWD, "file", AT_FDCWD, "sub/inside", RENAME_EXCHANGE), "link");
  CHANGE(rename("missing", "new"), "file");
  CHANGE(utimensat(AT_FDCWD, "file", NULL, 0), "file");
  CHANGE(utimensat(AT_FDCWD, "file", times, 0), "file");
  CHANGE(utimensat(AT_FDCWD, "file", omit_first, 0), "file");
  CHANGE(utimensat(AT_FDCWD, "file", omit_both, 0), "file");
  CHANGE(utimensat(AT_FDCWD, "link", times, AT_SYMLINK_NOFOLLOW), "link");
  CHANGE(setxattr("file", "user.a", "b", 1, 0), "file");
  CHANGE(removexattr("file", "user.missing"), "file");
  char text[64];
  CHANGE(readlink("link", text, sizeof text), "link");
  struct stat st;
  CHANGE(stat("file", &st), "file");
  CHANGE(access("file", R_OK), "file");
  CHANGE(getxattr("file", "user.a", text, sizeof text), "file");
  return 0;
}
