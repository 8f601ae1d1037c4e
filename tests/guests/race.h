// The engine of the race guests: one side calls, the other flips what the call names between an allowed and a denied object.
//
//   race_X CALL WHO ROUNDS     prints "CALL WHO rounds N done N wins N"
//
// WHO flips: `thread` (a sibling thread), `process` (another process that shares the page and the descriptors), and for paths
// `swap` (a sibling exchanges two symbolic links on the way while the name itself stays). A win is an EFFECT on the denied
// object, never a return value, so that no supervisor can talk itself out of it. `done` counts calls that succeeded: a test that
// never succeeds proves nothing.
#pragma once

#include <sched.h>
#include <sys/prctl.h>

#include "guest.h"

struct shared {
  char path[64];                    ///< "/race/ok/NAME"; the flipper writes bytes 6 and 7
  struct sockaddr_storage address;  ///< of UNIX: path from byte 2; of IP: port at byte 2
  struct msghdr message;            ///< its msg_name is flipped by the sendmsg race
  volatile int stop;
  volatile unsigned long flips;
};
static struct shared* shared;

enum what { path_bytes, unix_bytes, port_bytes, name_pointer, descriptor };

struct race {
  const char* name;
  enum what what;
  const char* denied;  ///< two letters: the directory below /race of the denied object ("no", "ro", "hi")
  const char* object;  ///< its last component
  void (*setup)(void);
  long (*act)(void);
  bool (*won)(long result);  ///< looks at the denied object, and puts both back as they were
};

static const struct race* race;
static int flipped_fd = -1, allowed_fd = -1, denied_fd = -1;  ///< descriptor: dup2 of one or the other
static uint16_t allowed_port, denied_port;
static struct sockaddr_storage allowed_address, denied_address;
static char denied_path[64], allowed_path[64];

static inline void pause_for(unsigned* seed) {
  *seed = *seed * 1103515245U + 12345U;
  for (unsigned i = (*seed >> 16) % 400; i > 0; i--) __asm__ volatile("" ::: "memory");
}

static bool swapping;
static inline void put(bool denied) {
  if (swapping) return;
  switch (race->what) {
    case path_bytes:
      memcpy(shared->path + 6, denied ? race->denied : "ok", 2);
      break;
    case unix_bytes:
      memcpy((char*)&shared->address + 2 + 6, denied ? race->denied : "ok", 2);
      break;
    case port_bytes:
      *(volatile uint16_t*)((char*)&shared->address + 2) = denied ? denied_port : allowed_port;
      break;
    case name_pointer:
      *(void* volatile*)&shared->message.msg_name = denied ? &denied_address : &allowed_address;
      break;
    case descriptor:
      dup2(denied ? denied_fd : allowed_fd, flipped_fd);
      break;
  }
}

static pid_t caller;
static inline int flip_until_stopped(void* unused) {
  (void)unused;
  if (getpid() != caller) prctl(PR_SET_PDEATHSIG, SIGKILL);
  unsigned seed = 7;
  while (!shared->stop) {
    if (swapping) {
      renameat2(AT_FDCWD, "/race/sw/a", AT_FDCWD, "/race/sw/b", RENAME_EXCHANGE);
      pause_for(&seed);
    } else {
      put(true);
      pause_for(&seed);
      put(false);
      pause_for(&seed);
    }
    shared->flips++;
  }
  return 0;
}
static inline void* flip_in_thread(void* unused) {
  flip_until_stopped(unused);
  return NULL;
}

static inline int run_race(const struct race* races, size_t count, int argc, char** argv) {
  must(argc == 4, "usage: CALL WHO ROUNDS");
  for (size_t i = 0; i < count; i++) {
    if (strcmp(argv[1], races[i].name) == 0) race = &races[i];
  }
  must(race != NULL, "no such race");
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  must(shared != MAP_FAILED, "mmap");
  caller = getpid();
  swapping = strcmp(argv[2], "swap") == 0;
  snprintf(denied_path, sizeof denied_path, "/race/%s/%s", race->denied, race->object);
  snprintf(allowed_path, sizeof allowed_path, "/race/ok/%s", race->object);
  strcpy(shared->path, allowed_path);
  if (swapping) {
    unlink("/race/sw/a");
    unlink("/race/sw/b");
    must(symlink("../ok", "/race/sw/a") == 0, "symlink");
    char target[16];
    snprintf(target, sizeof target, "../%s", race->denied);
    must(symlink(target, "/race/sw/b") == 0, "symlink");
    snprintf(shared->path, sizeof shared->path, "/race/sw/a/%s", race->object);
  }
  if (race->setup != NULL) race->setup();
  put(false);

  pthread_t thread;
  pid_t child = 0;
  static char stack[65536] __attribute__((aligned(16)));
  if (strcmp(argv[2], "process") == 0) {
    child = clone(flip_until_stopped, stack + sizeof stack, CLONE_FILES | SIGCHLD, NULL);
    must(child > 0, "clone");
  } else {
    must(pthread_create(&thread, NULL, flip_in_thread, NULL) == 0, "pthread_create");
  }
  while (shared->flips == 0) sched_yield();
  long rounds = atol(argv[3]);
  long done = 0;
  long wins = 0;
  // On a busy machine the other side may rest on the denied object for long: go on until something was allowed.
  for (long i = 0; i < rounds || (done == 0 && i < 100 * rounds); i++) {
    long result = race->act();
    if (result >= 0) done++;
    if (race->won(result)) wins++;
  }
  shared->stop = 1;
  if (child > 0)
    waitpid(child, NULL, 0);
  else
    pthread_join(thread, NULL);
  printf("%s %s rounds %ld done %ld wins %ld flips %s\n", argv[1], argv[2], rounds, done, wins,
         shared->flips > 10 ? "many" : "few");
  return 0;
}
