// moving KIND ROUNDS: what is moved turns from a file into a directory with something in it and back (row 19). A win is a file
// below /race/to that had less rights below /race/from. KIND: rename, exchange.
#include <linux/fs.h>

#include "guest.h"

int renameat2(int old_dir, const char* from, int new_dir, const char* to, unsigned flags);

static volatile int stop;
static const char* const from = "/race/from/x";
static const char* const to = "/race/to/x";

static void make_file(const char* path) {
  int fd = open(path, O_CREAT | O_WRONLY, 0644);
  if (fd >= 0) close(fd);
}
static void pause_for(unsigned* seed) {
  *seed = *seed * 1103515245U + 12345U;
  for (unsigned i = (*seed >> 16) % 2000; i > 0; i--) __asm__ volatile("" ::: "memory");
}
static void* turn(void* unused) {
  (void)unused;
  unsigned seed = 3;
  while (!stop) {
    unlink(from);
    mkdir(from, 0755);
    make_file("/race/from/x/prog");
    pause_for(&seed);
    unlink("/race/from/x/prog");
    rmdir(from);
    make_file(from);
    pause_for(&seed);
  }
  return NULL;
}
static bool gained(void) {
  struct stat st;
  bool won = lstat("/race/to/x/prog", &st) == 0;
  if (unlink(to) != 0) {
    unlink("/race/to/x/prog");
    rmdir(to);
  }
  return won;
}

int main(int argc, char** argv) {
  must(argc == 3, "usage");
  long rounds = atol(argv[2]);
  long wins = 0;
  long done = 0;
  bool exchange = strcmp(argv[1], "exchange") == 0;
  pthread_t thread;
  pthread_create(&thread, NULL, turn, NULL);
  for (long i = 0; i < rounds || (done == 0 && i < 100 * rounds); i++) {
    if (exchange) make_file(to);
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, exchange ? RENAME_EXCHANGE : 0) == 0) done++;
    wins += gained();
  }
  stop = 1;
  pthread_join(thread, NULL);
  printf("%s: done %d wins %ld\n", argv[1], done > 0, wins);
  return 0;
}
