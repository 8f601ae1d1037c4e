// A request that is judged on one device and made on another: the descriptor is exchanged in between.
//
//   device_race direct            what open and TUNGETFEATURES of /dev/no/tun give
//   device_race race ROUNDS [win]       a sibling makes the descriptor /dev/ok (a zero device) and /dev/no/tun in turn
#include <sched.h>
#include <sys/ioctl.h>

#include "guest.h"

static const unsigned long features = 0x800454cf;  // TUNGETFEATURES: fails on everything but a tun device
static volatile int stop;
static volatile unsigned long flips;
static int ok, no, flipped;

static void* flip(void* unused) {
  (void)unused;
  for (; !stop; flips++) dup2((flips & 1) != 0 ? no : ok, flipped);
  return NULL;
}

int main(int argc, char** argv) {
  must(argc >= 2, "usage");
  unsigned value = 0;
  ok = open("/dev/ok", O_RDWR);
  no = open("/dev/no/tun", O_RDWR);
  printf("open = %s\n", outcome(no));
  must(ok >= 0 && no >= 0, "open");
  if (strcmp(argv[1], "direct") == 0) {
    printf("ioctl = %s\n", outcome(ioctl(no, features, &value)));
    return 0;
  }
  must(argc == 3 || argc == 4, "usage");
  const bool to_win = argc == 4;
  const long rounds = atol(argv[2]);
  flipped = dup(ok);
  pthread_t thread;
  must(pthread_create(&thread, NULL, flip, NULL) == 0, "pthread_create");
  long wins = 0;
  long other = 0;
  // On a busy machine the sibling may rest on one of the two for long.
  for (long i = 0; i < rounds || ((to_win ? wins : other) == 0 && i < 1000 * rounds); i++) {
    if (i % 64 == 0) sched_yield();
    if (ioctl(flipped, features, &value) == 0)
      wins++;
    else
      other += errno == ENOTTY || errno == EINVAL;
  }
  stop = 1;
  pthread_join(thread, NULL);
  printf("wins %ld other %s flips %s\n", wins, other > 0 ? "some" : "none", flips > 10 ? "many" : "few");
  return 0;
}
