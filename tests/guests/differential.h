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

/// Runs `body` in a child; for what changes the process (chroot, chdir, rlimits).
#define IN_CHILD(...)                                                 \
  do {                                                                \
    fflush(stdout);                                                   \
    pid_t child_of_case = fork();                                     \
    if (child_of_case == 0) {                                         \
      __VA_ARGS__;                                                    \
      fflush(stdout);                                                 \
      _exit(0);                                                       \
    }                                                                 \
    int status_of_case = 0;                                           \
    waitpid(child_of_case, &status_of_case, 0);                       \
    if (status_of_case != 0) say("child: status %x", status_of_case); \
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
