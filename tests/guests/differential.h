// How the differential guests report: one line a case, with nothing in it that may differ between two honest runs (no pid, inode
// or time of day).
#pragma once

#include "guest.h"

static inline void say(const char* format, ...) {
  va_list args;
  va_start(args, format);
  vprintf(format, args);
  va_end(args);
  putchar('\n');
  fflush(stdout);
}

/// One case: the call as text, its result and errno.
#define CASE(call)                          \
  do {                                      \
    errno = 0;                              \
    long case_result = (long)(call);        \
    if (case_result < 0) {                  \
      say("%s -> %s", #call, outcome(-1));  \
    } else {                                \
      say("%s -> %ld", #call, case_result); \
    }                                       \
  } while (0)

/// The state of a name: type and mode, owner, links, size.
static inline void show(const char* path) {
  struct stat st;
  if (lstat(path, &st) != 0) {
    say("  %s: %s", path, outcome(-1));
    return;
  }
  say("  %s: %06o %u:%u links %lu size %ld", path, st.st_mode, st.st_uid, st.st_gid, (unsigned long)st.st_nlink,
      S_ISDIR(st.st_mode) ? -1L : (long)st.st_size);
}

/// A new file with this mode (whatever the umask) and contents.
static inline void make_file(const char* path, mode_t mode, const char* text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  must(fd >= 0, path);
  must(write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
  must(fchmod(fd, mode) == 0, path);
  close(fd);
}

static inline void read_text(const char* path, char* text, size_t size) {
  int fd = open(path, O_RDONLY);
  ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);
  text[got > 0 ? got : 0] = '\0';
  if (fd >= 0) close(fd);
}

/// The same start everywhere: in the directory of the argument (seen from the root that a second one names), with an empty pipe
/// as standard input.
static inline void begin(int argc, char** argv) {
  must(argc >= 2, "directory");
  if (argc == 3) must(chroot(argv[2]) == 0, "chroot");
  must(chdir(argv[1]) == 0, "directory");
  umask(022);
  int ends[2];
  must(pipe(ends) == 0 && dup2(ends[0], 0) == 0, "pipe");
  close(ends[0]);
  close(ends[1]);
}

/// A device that is bound from the machine's /dev: in a user namespace with the machine's ids a change would be everybody's, so
/// warder binds it read-only.
static inline int is_the_machines(const char* path) {
  struct stat node, directory;
  return strcmp(path, "/dev/null") == 0 && stat(path, &node) == 0 && stat("/dev", &directory) == 0 &&
         node.st_dev != directory.st_dev;
}

/// Runs a statement in a child; for what changes the process (chroot, chdir, rlimits). What it says goes through a pipe, so that
/// no limit or root of the child matters to it.
#define IN_CHILD(...)                                                                           \
  do {                                                                                          \
    fflush(stdout);                                                                             \
    int said_by_child[2];                                                                       \
    must(pipe2(said_by_child, O_CLOEXEC) == 0, "pipe");                                         \
    pid_t child_of_case = fork();                                                               \
    if (child_of_case == 0) {                                                                   \
      dup2(said_by_child[1], 1);                                                                \
      close(said_by_child[0]);                                                                  \
      close(said_by_child[1]);                                                                  \
      __VA_ARGS__;                                                                              \
      fflush(stdout);                                                                           \
      _exit(0);                                                                                 \
    }                                                                                           \
    close(said_by_child[1]);                                                                    \
    char text_of_child[4096];                                                                   \
    for (ssize_t got; (got = read(said_by_child[0], text_of_child, sizeof text_of_child)) > 0;) \
      fwrite(text_of_child, 1, (size_t)got, stdout);                                            \
    close(said_by_child[0]);                                                                    \
    int status_of_case = 0;                                                                     \
    waitpid(child_of_case, &status_of_case, 0);                                                 \
    if (status_of_case != 0) say("child: status %x", status_of_case);                           \
  } while (0)

/// A page of text that ends exactly where unmapped memory begins; returns where `text` (with its NUL, unless cut) starts.
static inline char* at_page_edge(const char* text, bool with_nul) {
  long page = sysconf(_SC_PAGESIZE);
  char* pages = mmap(NULL, (size_t)page * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  must(pages != MAP_FAILED, "mmap");
  must(mprotect(pages + page, (size_t)page, PROT_NONE) == 0, "mprotect");
  size_t length = strlen(text) + (with_nul ? 1 : 0);
  char* start = pages + page - length;
  memcpy(start, text, length);
  return start;
}
