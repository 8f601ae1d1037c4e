// crowd NAME [N]: many callers that wait at the same time (law 6); each prints what the suite compares.
//
//   fifos N      N threads wait in the open of FIFOs without a writer, others are served meanwhile; then all are let through
//   connects N   the same with connects to a listener whose backlog is full
//   killed N     N processes wait in FIFOs and are killed
//   signals N    N processes wait in FIFOs and each is interrupted by a signal: EINTR
//   once N       mkdir, link, O_EXCL, rename and sendto under a storm of timer signals with SA_RESTART and without: each effect
//                exactly once
#include <dirent.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "guest.h"

static long count = 1000;
enum { most = 4096 };
static long done;
static volatile int stop;

/// The slowest of a hundred other calls, in milliseconds.
static long slowest_call(void) {
  long worst = 0;
  for (int i = 0; i < 100; i++) {
    long start = now_ms();
    int fd = open("/etc/passwd", O_RDONLY);
    must(fd >= 0, "open while others wait");
    close(fd);
    long took = now_ms() - start;
    if (took > worst) worst = took;
  }
  return worst;
}

static pthread_t* start_threads(void* (*body)(void*)) {
  static pthread_t threads[most];
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 32768);
  for (long i = 0; i < count; i++) must(pthread_create(&threads[i], &attributes, body, (void*)i) == 0, "pthread_create");
  return threads;
}

static void raise_limits(void) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

static void name_fifo(char* path, long number) { snprintf(path, 64, "/work/fifo-%ld", number); }

static void* wait_in_fifo(void* number) {
  char path[64];
  name_fifo(path, (long)number);
  int fd = open(path, O_RDONLY);
  if (fd >= 0) __atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST);
  return NULL;
}
static void make_fifos(void) {
  for (long i = 0; i < count; i++) {
    char path[64];
    name_fifo(path, i);
    must(mkfifo(path, 0644) == 0, "mkfifo");
  }
}
static void fifos(void) {
  raise_limits();
  make_fifos();
  pthread_t* threads = start_threads(wait_in_fifo);
  sleep_ms(1000);
  printf("waiting: through %ld\nslowest %ld\n", done, slowest_call());
  fflush(stdout);
  sleep_ms(500);
  for (long i = 0; i < count; i++) {
    char path[64];
    name_fifo(path, i);
    must(open(path, O_WRONLY) >= 0, "the writer's open");
  }
  for (long i = 0; i < count; i++) pthread_join(threads[i], NULL);
  printf("afterwards: through %ld\n", done);
}

static struct sockaddr_un busy = {.sun_family = AF_UNIX, .sun_path = "/work/busy"};
static void* wait_in_connect(void* unused) {
  (void)unused;
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr*)&busy, sizeof busy) == 0) __atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST);
  return NULL;
}
static void connects(void) {
  raise_limits();
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  must(bind(listener, (struct sockaddr*)&busy, sizeof busy) == 0 && listen(listener, 0) == 0, "listen");
  pthread_t* threads = start_threads(wait_in_connect);
  sleep_ms(1000);
  printf("waiting: through %d\nslowest %ld\n", done > 2, slowest_call());
  for (long i = 0; i < count; i++) must(accept(listener, NULL, NULL) >= 0, "accept");
  for (long i = 0; i < count; i++) pthread_join(threads[i], NULL);
  printf("afterwards: through %ld\n", done);
}

static pid_t* start_processes(void (*handler)(int)) {
  static pid_t children[most];
  for (long i = 0; i < count; i++) {
    children[i] = fork();
    must(children[i] >= 0, "fork");
    if (children[i] != 0) continue;
    struct sigaction action = {.sa_handler = handler};
    if (handler != NULL) sigaction(SIGUSR1, &action, NULL);
    char path[64];
    name_fifo(path, i);
    _exit(open(path, O_RDONLY) >= 0 ? 0 : errno);
  }
  return children;
}
static void killed(void) {
  make_fifos();
  pid_t* children = start_processes(NULL);
  sleep_ms(500);
  for (long i = 0; i < count; i++) kill(children[i], SIGKILL);
  for (long i = 0; i < count; i++) waitpid(children[i], NULL, 0);
  printf("slowest %ld\n", slowest_call());
}
static void ignore(int number) { (void)number; }
static void signals(void) {
  make_fifos();
  pid_t* children = start_processes(ignore);
  sleep_ms(500);
  for (long i = 0; i < count; i++) kill(children[i], SIGUSR1);
  long interrupted = 0;
  for (long i = 0; i < count; i++) {
    int status = 0;
    waitpid(children[i], &status, 0);
    interrupted += WIFEXITED(status) && WEXITSTATUS(status) == EINTR;
  }
  printf("interrupted %ld\n", interrupted);
}

// Every call is repeated until it says that it was done or that it had been done: EEXIST after an EINTR would mean that the call
// which was said to be interrupted had its effect all the same.
static long twice;
static void check(long result, int expected, const char* what) {
  if (result >= 0 || errno == EINTR) return;
  if (errno == expected) {
    twice++;
    return;
  }
  must(false, what);
}
static void once(void) {
  struct sigaction action = {.sa_handler = ignore};
  long received = 0;
  int pair[2];
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/work/once.sock"};
  pair[0] = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  pair[1] = socket(AF_UNIX, SOCK_DGRAM, 0);
  must(bind(pair[0], (struct sockaddr*)&address, sizeof address) == 0, "bind");
  must(mkdir("/work/once", 0755) == 0 && chdir("/work/once") == 0, "directory");
  must(close(open("source", O_CREAT | O_WRONLY, 0644)) == 0, "source");
  for (long i = 0; i < count; i++) {
    action.sa_flags = i % 2 == 0 ? SA_RESTART : 0;
    sigaction(SIGALRM, &action, NULL);
    struct itimerval often = {{0, 150}, {0, 150}};
    struct itimerval never = {{0, 0}, {0, 0}};
    long result;
    setitimer(ITIMER_REAL, &often, NULL);
    do check(result = mkdir("d", 0755), EEXIST, "mkdir");
    while (result < 0 && errno == EINTR);
    do check(result = link("source", "l"), EEXIST, "link");
    while (result < 0 && errno == EINTR);
    do check(result = open("x", O_CREAT | O_EXCL | O_WRONLY, 0644), EEXIST, "open");
    while (result < 0 && errno == EINTR);
    if (result >= 0) close((int)result);
    do check(result = rename("l", "moved"), ENOENT, "rename");
    while (result < 0 && errno == EINTR);
    do check(result = sendto(pair[1], "x", 1, 0, (struct sockaddr*)&address, sizeof address), 0, "sendto");
    while (result < 0 && errno == EINTR);
    setitimer(ITIMER_REAL, &never, NULL);
    char byte;
    while (recv(pair[0], &byte, 1, 0) == 1) received++;
    must(rmdir("d") == 0 && unlink("moved") == 0 && unlink("x") == 0, "what was made");
  }
  printf("twice %ld sent %d\n", twice, received == count);
}

int main(int argc, char** argv) {
  must(argc >= 2, "name");
  if (argc > 2) count = atol(argv[2]);
  must(count > 0 && count <= most, "number");
  static const struct {
    const char* name;
    void (*run)(void);
  } crowds[] = {{"fifos", fifos}, {"connects", connects}, {"killed", killed}, {"signals", signals}, {"once", once}};
  for (size_t i = 0; i < sizeof crowds / sizeof crowds[0]; i++) {
    if (strcmp(argv[1], crowds[i].name) == 0) crowds[i].run();
  }
  return 0;
}
