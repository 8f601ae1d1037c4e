// Files mapped executable in each way that there is, and races for it.
//
//   mapping map|shared|protect|pkey|reopen|deleted|implies FILE
//   mapping tmpfile DIRECTORY | memfd | anonymous
//   mapping move|link|exchange FROM TO     whether a file comes to another place so that it can be mapped there
//   mapping race_path|race_fd|race_move ROUNDS [win]
//
// The races map what /work/ok and /work/no hold while a sibling exchanges which of the two is meant; a win is an executable page
// of a file of /work/no, which begins with D.
#include <sched.h>
#include <sys/personality.h>

#include "guest.h"

static const size_t page = 4096;

static long map_fd(int fd, int flags) {
  if (fd < 0) return -1;
  void* at = mmap(NULL, page, PROT_READ | PROT_EXEC, flags, fd, 0);
  int error = errno;
  close(fd);
  errno = error;
  return at == MAP_FAILED ? -1 : 0;
}
static long map(const char* path) { return map_fd(open(path, O_RDONLY), MAP_PRIVATE); }

/// A page that is readable first, of a file or of nobody, made executable afterwards.
static long protect(int fd, bool by_key) {
  if (fd < 0) return -1;
  void* at = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  if (at == MAP_FAILED) return -1;
  if (by_key) return syscall(SYS_pkey_mprotect, at, page, PROT_READ | PROT_EXEC, -1);
  return mprotect(at, page, PROT_READ | PROT_EXEC);
}

static int filled(int fd) {
  static const char text[4096] = "D";
  if (fd >= 0) must(write(fd, text, sizeof text) == (ssize_t)sizeof text, "write");
  return fd;
}

static bool is_executable(const void* at) {
  FILE* maps = fopen("/proc/self/maps", "r");
  must(maps != NULL, "/proc/self/maps");
  char line[512];
  bool found = false;
  unsigned long from = 0;
  unsigned long to = 0;
  char bits[8];
  while (fgets(line, sizeof line, maps) != NULL) {
    if (sscanf(line, "%lx-%lx %7s", &from, &to, bits) != 3) continue;
    if (from <= (unsigned long)at && (unsigned long)at < to) found = bits[2] == 'x';
  }
  fclose(maps);
  return found;
}

/// READ_IMPLIES_EXEC makes each readable mapping executable; EACCES here where it did not.
static long implies(const char* path) {
  must(personality(READ_IMPLIES_EXEC) >= 0, "personality");
  int fd = open(path, O_RDONLY);
  if (fd < 0) return -1;
  void* at = mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, 0);
  if (at == MAP_FAILED) return -1;
  errno = EACCES;
  return is_executable(at) ? 0 : -1;
}

static long one(const char* what, char** a) {
  if (strcmp(what, "map") == 0) return map(a[0]);
  if (strcmp(what, "shared") == 0) return map_fd(open(a[0], O_RDONLY), MAP_SHARED);
  if (strcmp(what, "protect") == 0) return protect(open(a[0], O_RDONLY), false);
  if (strcmp(what, "pkey") == 0) return protect(open(a[0], O_RDONLY), true);
  if (strcmp(what, "implies") == 0) return implies(a[0]);
  if (strcmp(what, "memfd") == 0) return map_fd(filled((int)syscall(SYS_memfd_create, "code", 0)), MAP_PRIVATE);
  if (strcmp(what, "tmpfile") == 0) return map_fd(filled(open(a[0], O_TMPFILE | O_RDWR, 0700)), MAP_PRIVATE);
  if (strcmp(what, "reopen") == 0) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", open(a[0], O_RDONLY));
    return map(link);
  }
  if (strcmp(what, "deleted") == 0) {
    int fd = filled(open(a[0], O_CREAT | O_EXCL | O_RDWR, 0700));
    unlink(a[0]);
    return map_fd(fd, MAP_PRIVATE);
  }
  if (strcmp(what, "anonymous") == 0) {
    void* at = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? -1 : mprotect(at, page, PROT_READ | PROT_EXEC);
  }
  if (strcmp(what, "move") == 0) return rename(a[0], a[1]);
  if (strcmp(what, "link") == 0) return link(a[0], a[1]);
  if (strcmp(what, "exchange") == 0) return renameat2(AT_FDCWD, a[0], AT_FDCWD, a[1], RENAME_EXCHANGE);
  must(false, "usage");
  return -1;
}

static volatile int stop;
static volatile unsigned long flips;
static int flipped = -1;
static int allowed = -1;
static int denied = -1;

static void* exchange_links(void* unused) {
  (void)unused;
  for (; !stop; flips++) renameat2(AT_FDCWD, "/work/ok/a", AT_FDCWD, "/work/ok/b", RENAME_EXCHANGE);
  return NULL;
}
static void* exchange_descriptors(void* unused) {
  (void)unused;
  for (; !stop; flips++) dup2((flips & 1) != 0 ? denied : allowed, flipped);
  return NULL;
}
/// Two files that try to change places, across the border and back.
static void* exchange_files(void* unused) {
  (void)unused;
  for (; !stop; flips++) {
    renameat2(AT_FDCWD, "/work/ok/f", AT_FDCWD, "/work/no/f", RENAME_EXCHANGE);
    rename("/work/no/f", "/work/ok/g");
    link("/work/no/f", "/work/ok/g");
  }
  return NULL;
}

/// On a busy machine the sibling may rest on one of the two for long: goes on until something was mapped (`to_win`: until a win).
static void race(const char* what, long rounds, bool to_win) {
  void* (*flip)(void*) = exchange_links;
  const char* path = "/work/ok/a/f";
  if (strcmp(what, "race_fd") == 0) {
    allowed = open("/work/ok/f", O_RDONLY);
    denied = open("/work/no/f", O_RDONLY);
    must(allowed >= 0 && denied >= 0, "files");
    flipped = dup(allowed);
    flip = exchange_descriptors;
    path = NULL;
  } else if (strcmp(what, "race_move") == 0) {
    flip = exchange_files;
    path = "/work/ok/g";
  } else {
    must(symlink("/work/ok", "/work/ok/a") == 0 && symlink("/work/no", "/work/ok/b") == 0, "symlink");
  }
  pthread_t thread;
  must(pthread_create(&thread, NULL, flip, NULL) == 0, "pthread_create");
  long done = 0;
  long wins = 0;
  for (long i = 0; i < rounds || ((to_win ? wins : done) == 0 && i < 1000 * rounds); i++) {
    if (i % 64 == 0) sched_yield();
    int fd = path == NULL ? flipped : open(path, O_RDONLY);
    if (fd < 0) continue;
    char* at = mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    if (path != NULL) close(fd);
    if (at == MAP_FAILED) continue;
    done++;
    if (at[0] == 'D') wins++;
    munmap(at, page);
  }
  stop = 1;
  pthread_join(thread, NULL);
  printf("%s done %ld wins %ld flips %s\n", what, done, wins, flips > 10 ? "many" : "few");
}

int main(int argc, char** argv) {
  must(argc >= 2, "usage");
  if (strncmp(argv[1], "race_", 5) == 0) {
    must(argc == 3 || argc == 4, "usage");
    race(argv[1], atol(argv[2]), argc == 4);
    return 0;
  }
  // Several are divided by "--": mapping map FILE -- memfd -- ...
  for (int i = 1; i < argc; i++) {
    int end = i;
    while (end < argc && strcmp(argv[end], "--") != 0) end++;
    argv[end] = NULL;
    printf("%s = %s\n", argv[i], outcome(one(argv[i], argv + i + 1)));
    i = end;
  }
  return 0;
}
