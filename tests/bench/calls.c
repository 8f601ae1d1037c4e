// calls OPERATION SECONDS THREADS PATH: what one call costs when THREADS threads make it in a loop, in nanoseconds of wall time
// per call of all threads together; prints the median, both quartiles and the number of slices as JSON. Runs as the workload.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { batch = 20, most_threads = 64, most_slices = 4096, slice_ns = 20000000 };

static const char* path;
static void (*operation)(void);
static atomic_ulong counts[most_threads][16];  // one cache line each
static atomic_int stopping;

static void fail(const char* what) {
  perror(what);
  exit(1);
}

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void do_open(void) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(path);
  close(fd);
}

static void do_miss(void) {
  if (open("/etc/there-is-no-such-file", O_RDONLY | O_CLOEXEC) >= 0) exit(1);
}

static void do_stat(void) {
  struct stat found;
  if (stat(path, &found) != 0) fail(path);
}

static void do_connect(void) {
  static __thread int udp = -1;
  struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  if (udp < 0) udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (connect(udp, (struct sockaddr*)&peer, sizeof peer) != 0) fail("connect");
}

static void do_getpid(void) { syscall(SYS_getpid); }

static void do_read(void) {
  static __thread int zero = -1;
  char byte;
  if (zero < 0) zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  if (read(zero, &byte, 1) != 1) fail("read");
}

static void do_futex(void) {
  static int word;
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void do_spawn(void) {
  pid_t child = vfork();
  if (child == 0) {
    execl(path, "true", (char*)NULL);
    _exit(1);
  }
  int status = 0;
  while (syscall(SYS_wait4, child, &status, 0, NULL) < 0) {
  }
  if (status != 0) fail("spawn");
}

static const struct {
  const char* name;
  void (*call)(void);
} operations[] = {{"open", do_open},     {"miss", do_miss}, {"stat", do_stat},   {"connect", do_connect},
                  {"getpid", do_getpid}, {"read", do_read}, {"futex", do_futex}, {"spawn", do_spawn}};

static void* run(void* number) {
  atomic_ulong* count = counts[(intptr_t)number];
  while (!atomic_load_explicit(&stopping, memory_order_relaxed)) {
    int rounds = operation == do_spawn ? 1 : batch;
    for (int i = 0; i < rounds; ++i) operation();
    atomic_fetch_add_explicit(count, (unsigned long)rounds, memory_order_relaxed);
  }
  return NULL;
}

static unsigned long done(int threads) {
  unsigned long sum = 0;
  for (int i = 0; i < threads; ++i) sum += atomic_load_explicit(counts[i], memory_order_relaxed);
  return sum;
}

static int ascending(const void* a, const void* b) {
  double x = *(const double*)a, y = *(const double*)b;
  return x < y ? -1 : x > y;
}

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  for (size_t i = 0; i < sizeof operations / sizeof operations[0]; ++i) {
    if (strcmp(argv[1], operations[i].name) == 0) operation = operations[i].call;
  }
  int threads = atoi(argv[3]);
  path = argv[4];
  if (operation == NULL || threads < 1 || threads > most_threads) return 2;
  pthread_t ids[most_threads];
  for (intptr_t i = 0; i < threads; ++i) pthread_create(&ids[i], NULL, run, (void*)i);

  static double slices[most_slices];
  int count = 0;
  struct timespec pause = {0, slice_ns};
  nanosleep(&pause, NULL);  // warm
  uint64_t began = now(), before = began;
  unsigned long calls = done(threads);
  while (count < most_slices && before - began < (uint64_t)(atof(argv[2]) * 1e9)) {
    nanosleep(&pause, NULL);
    uint64_t at = now();
    unsigned long sum = done(threads);
    if (sum > calls) slices[count++] = (double)(at - before) / (double)(sum - calls);
    before = at;
    calls = sum;
  }
  atomic_store(&stopping, 1);
  for (int i = 0; i < threads; ++i) pthread_join(ids[i], NULL);
  if (count == 0) return 1;
  qsort(slices, (size_t)count, sizeof slices[0], ascending);
  printf("{\"median\": %.1f, \"low\": %.1f, \"high\": %.1f, \"slices\": %d}\n", slices[count / 2], slices[count / 4],
         slices[count * 3 / 4], count);
  return 0;
}
