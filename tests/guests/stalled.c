// stalled KIND N SECONDS: N callers wait for a file system at /slow that does not answer (row 41); see tests/harness/stalled.py.
//
//   open     open /slow/open            attr   stat /slow/attr
//   read     their path lies in a page of /slow/read, which whoever copies it must wait for
//   rename   rename /slow/dir/a          exec   one thread executes /slow/read, another of the same process /bin/true
//
// Every tenth of a second other calls are made: the slowest is printed, and then "end". The callers are processes, and are
// killed.
#include <poll.h>

#include "guest.h"

static const char* kind;

static void* execute_elsewhere(void* unused) {
  (void)unused;
  sleep_ms(300);
  char* words[] = {"true", NULL};
  execv("/bin/true", words);
  return NULL;
}

static void wait_for_ever(void) {
  struct stat st;
  if (strcmp(kind, "open") == 0) open("/slow/open", O_RDONLY);
  if (strcmp(kind, "attr") == 0) stat("/slow/attr", &st);
  if (strcmp(kind, "rename") == 0) rename("/slow/dir/a", "/slow/dir/b");
  if (strcmp(kind, "read") == 0) {
    int fd = open("/slow/read", O_RDONLY);
    const char* page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    must(page != MAP_FAILED, "mmap");
    open(page, O_RDONLY);
  }
  if (strcmp(kind, "exec") == 0) {
    pthread_t thread;
    pthread_create(&thread, NULL, execute_elsewhere, NULL);
    char* words[] = {"slow", NULL};
    execv("/slow/read", words);
  }
}

static long look(void) {
  long start = now_ms();
  struct stat st;
  int fd = open("/etc/passwd", O_RDONLY);
  must(fd >= 0 && stat("/etc/passwd", &st) == 0, "others are served");
  close(fd);
  must(mkdir("/work/d", 0755) == 0 && rename("/work/d", "/work/e") == 0 && rmdir("/work/e") == 0, "others' directories move");
  pid_t child = fork();
  if (child == 0) {
    char* words[] = {"true", NULL};
    execv("/bin/true", words);
    _exit(99);
  }
  int status = 0;
  must(waitpid(child, &status, 0) == child && status == 0, "others execute");
  return now_ms() - start;
}

int main(int argc, char** argv) {
  must(argc == 4, "usage");
  kind = argv[1];
  long number = atol(argv[2]);
  must(number > 0 && number <= 1024, "number");
  pid_t children[1024];
  for (long i = 0; i < number; i++) {
    children[i] = fork();
    if (children[i] == 0) {
      wait_for_ever();
      _exit(0);
    }
  }
  puts("begun");
  fflush(stdout);
  long slowest = 0;
  for (long end = now_ms() + 1000 * atol(argv[3]); now_ms() < end; sleep_ms(100)) {
    long took = look();
    if (took > slowest) slowest = took;
  }
  printf("slowest %ld\n", slowest);
  for (long i = 0; i < number; i++) kill(children[i], SIGKILL);
  puts("end");
  return 0;
}
