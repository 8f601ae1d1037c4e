// flood THREADS SECONDS PATH: opens and closes PATH again and again and prints the median and the 99th percentile of one round in
// nanoseconds, while THREADS threads of another process do nothing but the same. Runs as the workload.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { most_samples = 1000000, least_samples = 300, most_threads = 1000 };

static const char* path;

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void open_and_close(void) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    perror(path);
    exit(1);
  }
  close(fd);
}

static void* run(void* unused) {
  for (;;) open_and_close();
  return unused;
}

static void flood(int threads) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 65536);
  for (int i = 0; i < threads; ++i) {
    pthread_t id;
    if (pthread_create(&id, &small, run, NULL) != 0) exit(1);
  }
  pause();
}

static int ascending(const void* a, const void* b) {
  uint64_t x = *(const uint64_t*)a, y = *(const uint64_t*)b;
  return x < y ? -1 : x > y;
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  int threads = atoi(argv[1]);
  path = argv[3];
  if (threads < 0 || threads > most_threads) return 2;
  pid_t child = threads == 0 ? 0 : fork();
  if (threads != 0 && child == 0) flood(threads);
  usleep(200000);
  static uint64_t samples[most_samples];
  size_t count = 0;
  // A 99th percentile needs its samples, however slow the machine is; there is an end to that, too.
  uint64_t length = (uint64_t)(atof(argv[2]) * 1e9), end = now() + length, last = end + 20 * length;
  while (count < most_samples && (now() < end || (count < least_samples && now() < last))) {
    uint64_t began = now();
    open_and_close();
    samples[count++] = now() - began;
    struct timespec pause = {0, 100000};  // as a program that does something else, too
    nanosleep(&pause, NULL);
  }
  if (child > 0) {
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
  }
  if (count < 100) return 1;
  qsort(samples, count, sizeof samples[0], ascending);
  printf("{\"p50\": %llu, \"p99\": %llu, \"samples\": %zu}\n", (unsigned long long)samples[count / 2],
         (unsigned long long)samples[count * 99 / 100], count);
  return 0;
}
