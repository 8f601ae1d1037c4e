// What all guest programs share: static C, runs in an empty image, says what happened in one line of text per operation.
//
// A guest never judges: it prints results and errno names, and the Python suite outside knows what was to be expected.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/// "OK" for a result that is not negative, else the name of errno.
static inline const char* outcome(long result) {
  if (result >= 0) return "OK";
  const char* name = strerrorname_np(errno);
  return name != NULL ? name : "E?";
}

/// Ends the guest: for what must work everywhere.
static inline void must(bool condition, const char* what) {
  if (condition) return;
  fprintf(stderr, "guest: %s: %s\n", what, strerror(errno));
  exit(99);
}

static inline long now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000L + time.tv_nsec / 1000000L;
}

static inline void sleep_ms(long ms) {
  struct timespec time = {ms / 1000, (ms % 1000) * 1000000L};
  while (nanosleep(&time, &time) != 0 && errno == EINTR) {
  }
}

/// The flags of open(2) from letters: r w b(oth) c(reat) x(excl) t(runc) a(ppend) p(ath) d(irectory) n(onblock) f(nofollow)
/// m(tmpfile).
static inline int open_flags(const char* letters) {
  int flags = 0;
  for (; *letters != '\0'; letters++) {
    switch (*letters) {
      case 'w':
        flags |= O_WRONLY;
        break;
      case 'b':
        flags |= O_RDWR;
        break;
      case 'c':
        flags |= O_CREAT;
        break;
      case 'x':
        flags |= O_EXCL;
        break;
      case 't':
        flags |= O_TRUNC;
        break;
      case 'a':
        flags |= O_APPEND;
        break;
      case 'p':
        flags |= O_PATH;
        break;
      case 'd':
        flags |= O_DIRECTORY;
        break;
      case 'n':
        flags |= O_NONBLOCK;
        break;
      case 'f':
        flags |= O_NOFOLLOW;
        break;
      case 'm':
        flags |= O_TMPFILE;
        break;
      default:
        break;
    }
  }
  return flags;
}
