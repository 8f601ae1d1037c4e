// storm NAME [N]: crowds and accidents around trapped calls; each ends with one line.
//
//   descriptors  threads close and duplicate numbers while others open: no wrong file, no leaked descriptor
//   killed       children are killed while their calls are answered: nothing is done in the name of a later process
//   unmap        the page of a path disappears while it is read: EFAULT or an answer, never a free pass
//   flood        200 threads look and open without pause; another process is still served
//   memory       paths, messages and lengths at the edge of what can be read
//   sigkill      a process is killed in the middle of waiting in a FIFO, many times
#include <dirent.h>
#include <sys/resource.h>

#include "guest.h"

static volatile int stop;
static long arg = 2000;

static void* disturb_descriptors(void* unused) {
  (void)unused;
  unsigned seed = 1;
  while (!stop) {
    seed = seed * 1103515245U + 12345U;
    int fd = 200 + (int)((seed >> 16) % 20);
    if (seed & 1) {
      dup2(0, fd);
    } else {
      close(fd);
    }
  }
  return NULL;
}
static void* open_and_check(void* wrong) {
  for (long i = 0; i < arg; i++) {
    int fd = open("/work/marked", O_RDONLY);
    if (fd < 0) continue;
    char text[8] = "";
    if (pread(fd, text, 6, 0) != 6 || memcmp(text, "marked", 6) != 0) __atomic_add_fetch((long*)wrong, 1, __ATOMIC_SEQ_CST);
    close(fd);
  }
  return NULL;
}
static int count_descriptors(void) {
  int count = 0;
  for (int fd = 0; fd < 1024; fd++) count += fcntl(fd, F_GETFD) >= 0;
  return count;
}
static void descriptors(void) {
  int fd = open("/work/marked", O_CREAT | O_WRONLY | O_TRUNC, 0644);
  must(write(fd, "marked", 6) == 6, "write");
  close(fd);
  int before = count_descriptors();
  pthread_t disturber;
  pthread_t openers[4];
  long wrong = 0;
  pthread_create(&disturber, NULL, disturb_descriptors, NULL);
  for (int i = 0; i < 4; i++) pthread_create(&openers[i], NULL, open_and_check, &wrong);
  for (int i = 0; i < 4; i++) pthread_join(openers[i], NULL);
  stop = 1;
  pthread_join(disturber, NULL);
  for (int i = 200; i < 220; i++) close(i);
  printf("descriptors: wrong %ld leaked %d\n", wrong, count_descriptors() - before);
}

static void killed(void) {
  long strays = 0;
  for (long i = 0; i < arg / 4; i++) {
    char mine[64];
    snprintf(mine, sizeof mine, "/work/victim-%ld", i);
    pid_t child = fork();
    if (child == 0) {
      for (;;) {
        mkdir(mine, 0755);
        rmdir(mine);
      }
    }
    for (volatile unsigned spin = (unsigned)(i * 7919) % 40000; spin > 0; spin--) {
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    rmdir(mine);
    struct stat st;
    if (stat(mine, &st) == 0) strays++;
  }
  sleep_ms(200);
  DIR* work = opendir("/work");
  for (struct dirent* entry; (entry = readdir(work)) != NULL;) strays += strncmp(entry->d_name, "victim-", 7) == 0;
  printf("killed: strays %ld\n", strays);
}

static char* page;
static void* unmap_and_map(void* unused) {
  (void)unused;
  while (!stop) {
    mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    strcpy(page, "/etc/shadow");
    mprotect(page, 4096, PROT_NONE);
    strcpy(mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), "/etc/passwd");
    munmap(page, 4096);
  }
  return NULL;
}
static void unmap(void) {
  page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  pthread_t thread;
  pthread_create(&thread, NULL, unmap_and_map, NULL);
  long secret = 0;
  for (long i = 0; i < arg; i++) {
    int fd = open(page, O_RDONLY);
    if (fd < 0) continue;
    char text[8] = "";
    read(fd, text, 7);
    secret += strstr(text, "root:se") != NULL;
    close(fd);
  }
  stop = 1;
  pthread_join(thread, NULL);
  printf("unmap: secrets %ld\n", secret);
}

static void* look_for_ever(void* unused) {
  (void)unused;
  struct stat st;
  while (!stop) {
    stat("/etc/passwd", &st);
    close(open("/etc/passwd", O_RDONLY));
  }
  return NULL;
}
static void flood(void) {
  pid_t child = fork();
  if (child == 0) {
    pthread_t threads[200];
    for (int i = 0; i < 200; i++) pthread_create(&threads[i], NULL, look_for_ever, NULL);
    pause();
  }
  sleep_ms(500);
  long worst = 0;
  for (int i = 0; i < 50; i++) {
    long start = now_ms();
    int fd = open("/etc/passwd", O_RDONLY);
    must(fd >= 0, "open during the flood");
    close(fd);
    long took = now_ms() - start;
    if (took > worst) worst = took;
    sleep_ms(5);
  }
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  printf("flood: served, worst %ld\n", worst);
}

static void sigkill(void) {
  mkfifo("/work/fifo", 0644);
  for (long i = 0; i < arg / 2; i++) {
    pid_t child = fork();
    if (child == 0) {
      open("/work/fifo", O_RDONLY);
      _exit(0);
    }
    if (i % 10 == 0) sleep_ms(1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
  }
  sleep_ms(300);
  int writer = open("/work/fifo", O_WRONLY | O_NONBLOCK);
  printf("sigkill: readers left behind %d\n", writer >= 0);
  struct stat st;
  printf("sigkill: still served %s\n", outcome(stat("/etc/passwd", &st)));
}

static void memory(void) {
  long passes = 0;
  for (int cut = 1; cut <= 12; cut++) {
    char* pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(pages + 4096, 4096);
    char* path = pages + 4096 - cut;
    memcpy(path, "/etc/shadow", (size_t)cut < 12 ? (size_t)cut : 12);
    passes += open(path, O_RDONLY) >= 0;
  }
  printf("memory: passes %ld\n", passes);
}

int main(int argc, char** argv) {
  must(argc >= 2, "name");
  if (argc > 2) arg = atol(argv[2]);
  static const struct {
    const char* name;
    void (*run)(void);
  } storms[] = {{"descriptors", descriptors}, {"killed", killed}, {"unmap", unmap}, {"flood", flood},
                {"sigkill", sigkill},         {"memory", memory}};
  for (size_t i = 0; i < sizeof storms / sizeof storms[0]; i++) {
    if (strcmp(argv[1], storms[i].name) == 0) storms[i].run();
  }
  return 0;
}
