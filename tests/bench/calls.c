// calls SECONDS PATH: median nanoseconds of open+close and of stat of PATH, measured in batches. Runs as the workload.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { batch = 50, most_batches = 200000 };

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void open_and_close(const char* path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    perror(path);
    exit(1);
  }
  close(fd);
}

static void look(const char* path) {
  struct stat found;
  if (stat(path, &found) != 0) {
    perror(path);
    exit(1);
  }
}

static int ascending(const void* a, const void* b) {
  uint64_t x = *(const uint64_t*)a, y = *(const uint64_t*)b;
  return x < y ? -1 : x > y;
}

static double median_of(void (*call)(const char*), const char* path, double seconds) {
  static uint64_t took[most_batches];
  uint64_t end = now() + (uint64_t)(seconds * 1e9);
  int count = 0;
  for (int i = 0; i < batch; ++i) call(path);  // warm
  while (count < most_batches && (count < 20 || now() < end)) {
    uint64_t begin = now();
    for (int i = 0; i < batch; ++i) call(path);
    took[count++] = now() - begin;
  }
  qsort(took, (size_t)count, sizeof took[0], ascending);
  return (double)took[count / 2] / batch;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  double seconds = atof(argv[1]);
  double opening = median_of(open_and_close, argv[2], seconds);
  double looking = median_of(look, argv[2], seconds);
  printf("{\"open+close\": %.1f, \"stat\": %.1f}\n", opening, looking);
  return 0;
}
