// pulse FILE: makes trapped calls for ever from several threads and processes, and notes the time of each that succeeded.
//
// The note is one 8-byte store into FILE, shared by mmap: CLOCK_MONOTONIC in microseconds, readable from outside. Slot 0 is for
// successes, slot 1 for the last time that anything ran at all, slot 2 counts calls that succeeded with the refused path.
#include "guest.h"

static volatile uint64_t* slots;

static uint64_t now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000U + (uint64_t)time.tv_nsec / 1000U;
}

static void* beat(void* unused) {
  for (;;) {
    int fd = open("/etc/passwd", O_RDONLY);
    if (fd >= 0) slots[0] = now_us();
    close(fd);
    if (mkdir("/work/pulse", 0755) == 0) slots[0] = now_us();
    if (rmdir("/work/pulse") == 0) slots[0] = now_us();
    fd = open("/etc/shadow", O_RDONLY);
    if (fd >= 0) slots[2]++;
    close(fd);
    slots[1] = now_us();
  }
  return unused;
}

int main(int argc, char** argv) {
  must(argc == 2, "file");
  int fd = open(argv[1], O_RDWR | O_CREAT, 0644);
  must(fd >= 0 && ftruncate(fd, 4096) == 0, argv[1]);
  slots = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  must(slots != MAP_FAILED, "mmap");
  for (int sig = 1; sig < 65; sig++) signal(sig, SIG_IGN);
  if (fork() == 0) setsid();
  fork();
  pthread_t thread;
  pthread_create(&thread, NULL, beat, NULL);
  beat(NULL);
}
