// Calls that wait, and signals that come meanwhile: EINTR or a restart as the kernel would have it, and nobody else waits.
//
// Runs in an empty directory given as the argument.
#include <poll.h>
#include <sys/time.h>

#include "differential.h"

static volatile sig_atomic_t ticks;
static void on_alarm(int number) {
  (void)number;
  ticks++;
}

static void alarm_in(long ms, int flags, long every_ms) {
  struct sigaction action = {.sa_handler = on_alarm, .sa_flags = flags};
  sigaction(SIGALRM, &action, NULL);
  struct itimerval timer = {{every_ms / 1000, (every_ms % 1000) * 1000}, {ms / 1000, (ms % 1000) * 1000}};
  setitimer(ITIMER_REAL, &timer, NULL);
}
static void no_alarm(void) {
  struct itimerval off = {0};
  setitimer(ITIMER_REAL, &off, NULL);
}

/// A child that opens the other end after a while, so that a restarted open ends.
static pid_t open_later(const char* path, int flags, long ms) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    sleep_ms(ms);
    int fd = open(path, flags);
    sleep_ms(100);
    _exit(fd >= 0 ? 0 : 1);
  }
  return child;
}
static void reap(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  say("  other end %x", status);
}

static void fifos(void) {
  CASE(mkfifo("fifo", 0666));
  CASE(open("fifo", O_WRONLY | O_NONBLOCK));
  CASE(close(open("fifo", O_RDONLY | O_NONBLOCK)));
  CASE(close(open("fifo", O_RDWR)));
  static const int modes[] = {O_RDONLY, O_WRONLY};
  for (int m = 0; m < 2; m++) {
    ticks = 0;
    alarm_in(100, 0, 0);
    CASE(open("fifo", modes[m]));
    say("  ticks %d", (int)ticks);
    ticks = 0;
    pid_t child = open_later("fifo", modes[m] == O_RDONLY ? O_WRONLY : O_RDONLY, 300);
    alarm_in(100, SA_RESTART, 0);
    int fd = open("fifo", modes[m]);
    say("restarted open -> %s, ticks %d", outcome(fd), (int)ticks);
    close(fd);
    reap(child);
    child = open_later("fifo", modes[m] == O_RDONLY ? O_WRONLY : O_RDONLY, 100);
    fd = open("fifo", modes[m]);
    say("rendezvous -> %s", outcome(fd));
    close(fd);
    reap(child);
    // A signal that is blocked, or ignored, interrupts nothing.
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    alarm_in(50, 0, 0);
    child = open_later("fifo", modes[m] == O_RDONLY ? O_WRONLY : O_RDONLY, 250);
    ticks = 0;
    fd = open("fifo", modes[m]);
    say("open with the signal blocked -> %s, ticks %d", outcome(fd), (int)ticks);
    close(fd);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    say("  then ticks %d", (int)ticks);
    reap(child);
    signal(SIGUSR1, SIG_IGN);
    child = open_later("fifo", modes[m] == O_RDONLY ? O_WRONLY : O_RDONLY, 200);
    pid_t sender = fork();
    if (sender == 0) {
      sleep_ms(50);
      kill(getppid(), SIGUSR1);
      _exit(0);
    }
    fd = open("fifo", modes[m]);
    say("open with the signal ignored -> %s", outcome(fd));
    close(fd);
    reap(child);
    reap(sender);
  }
}

static volatile int waiting;
static void* open_fifo(void* unused) {
  (void)unused;
  waiting = 1;
  int fd = open("fifo", O_RDONLY);
  waiting = 2;
  return (void*)(long)fd;
}

/// While one thread waits in a FIFO, the others and other processes go on.
static void nobody_else_waits(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, open_fifo, NULL);
  while (waiting == 0) sleep_ms(1);
  sleep_ms(50);
  long start = now_ms();
  for (int i = 0; i < 200; i++) close(open("/etc/passwd", O_RDONLY));
  say("others took less than a second: %d, still waiting: %d", now_ms() - start < 1000, waiting == 1);
  IN_CHILD(CASE(close(open("/etc/passwd", O_RDONLY))));
  int writer = open("fifo", O_WRONLY);
  void* fd;
  pthread_join(thread, &fd);
  say("the waiting thread got a descriptor: %d", (long)fd >= 0);
  close(writer);
  close((int)(long)fd);
}

/// Many wait at once, all are killed, and the world goes on.
static void crowd(void) {
  pid_t children[60];
  for (int i = 0; i < 60; i++) {
    fflush(stdout);
    children[i] = fork();
    if (children[i] == 0) {
      int fd = open("fifo", O_RDONLY);
      say("a waiter came back: %s", outcome(fd));
      _exit(0);
    }
  }
  sleep_ms(300);
  long start = now_ms();
  for (int i = 0; i < 100; i++) close(open("/etc/passwd", O_RDONLY));
  say("with a crowd waiting, others took less than two seconds: %d", now_ms() - start < 2000);
  for (int i = 0; i < 60; i++) kill(children[i], i % 2 ? SIGKILL : SIGTERM);
  int killed = 0;
  for (int i = 0; i < 60; i++) {
    int status;
    waitpid(children[i], &status, 0);
    if (WIFSIGNALED(status)) killed++;
  }
  say("killed %d", killed);
  sleep_ms(300);
  CASE(open("fifo", O_WRONLY | O_NONBLOCK));  // no reader was left behind
}

static void sockets(void) {
  struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "server"};
  int server = socket(AF_UNIX, SOCK_STREAM, 0);
  must(bind(server, (struct sockaddr*)&a, sizeof a) == 0 && listen(server, 0) == 0, "listen");
  CASE(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr*)&a, sizeof a));
  ticks = 0;
  alarm_in(100, 0, 0);
  int client = socket(AF_UNIX, SOCK_STREAM, 0);
  CASE(connect(client, (struct sockaddr*)&a, sizeof a));
  say("  ticks %d", (int)ticks);
  struct timeval limit = {0, 100000};
  setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  CASE(connect(client, (struct sockaddr*)&a, sizeof a));
  limit.tv_usec = 0;
  setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  ticks = 0;
  alarm_in(100, SA_RESTART, 0);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    sleep_ms(300);
    accept(server, NULL, NULL);
    sleep_ms(200);
    _exit(0);
  }
  int result = connect(client, (struct sockaddr*)&a, sizeof a);
  say("restarted connect -> %s, ticks %d", outcome(result), (int)ticks);
  reap(child);
  int dgram = socket(AF_UNIX, SOCK_DGRAM, 0);
  strcpy(a.sun_path, "datagrams");
  must(bind(dgram, (struct sockaddr*)&a, sizeof a) == 0, "bind");
  int sender = socket(AF_UNIX, SOCK_DGRAM, 0);
  while (sendto(sender, "x", 1, MSG_DONTWAIT, (struct sockaddr*)&a, sizeof a) == 1) {
  }
  ticks = 0;
  alarm_in(100, 0, 0);
  CASE(sendto(sender, "x", 1, 0, (struct sockaddr*)&a, sizeof a));
  say("  ticks %d", (int)ticks);
  alarm_in(100, SA_RESTART, 0);
  fflush(stdout);
  child = fork();
  if (child == 0) {
    sleep_ms(300);
    char text[4];
    recv(dgram, text, sizeof text, 0);
    _exit(0);
  }
  CASE(sendto(sender, "x", 1, 0, (struct sockaddr*)&a, sizeof a));
  reap(child);
}

/// Until the call is not interrupted. The kernel's notification may be: a call that natively never is may say EINTR, but then it
/// has not happened.
#define UNINTERRUPTED(call)                        \
  ({                                               \
    long uninterrupted;                            \
    do {                                           \
      errno = 0;                                   \
      uninterrupted = (long)(call);                \
    } while (uninterrupted < 0 && errno == EINTR); \
    uninterrupted;                                 \
  })

/// What must happen exactly once does, with a signal every 100 us.
static void exactly_once(void) {
  struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
  for (int restart = 0; restart < 2; restart++) {
    action.sa_flags = restart ? SA_RESTART : 0;
    sigaction(SIGALRM, &action, NULL);
    struct itimerval timer = {{0, 100}, {0, 100}};
    setitimer(ITIMER_REAL, &timer, NULL);
    int made = 0;
    int removed = 0;
    int created = 0;
    int renamed = 0;
    int sent = 0;
    int server = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "once"};
    UNINTERRUPTED(unlink("once"));
    UNINTERRUPTED(bind(server, (struct sockaddr*)&a, sizeof a));
    int client = socket(AF_UNIX, SOCK_DGRAM, 0);
    for (int i = 0; i < 300; i++) {
      if (UNINTERRUPTED(mkdir("storm", 0755)) == 0) made++;
      if (UNINTERRUPTED(rmdir("storm")) == 0) removed++;
      int fd = (int)UNINTERRUPTED(open("excl", O_CREAT | O_EXCL | O_RDWR, 0600));
      if (fd >= 0) created++;
      close(fd);
      if (UNINTERRUPTED(rename("excl", "moved")) == 0) renamed++;
      UNINTERRUPTED(unlink("moved"));
      char text[4];
      if (UNINTERRUPTED(sendto(client, "x", 1, 0, (struct sockaddr*)&a, sizeof a)) == 1 &&
          recv(server, text, 4, MSG_DONTWAIT) == 1 && recv(server, text, 4, MSG_DONTWAIT) < 0)
        sent++;
    }
    no_alarm();
    say("under fire (restart %d): mkdir %d rmdir %d open %d rename %d sendto %d", restart, made, removed, created, renamed, sent);
    close(server);
    close(client);
  }
  must(ticks > 0, "no signal came");
}

int main(int argc, char** argv) {
  begin(argc, argv);
  fifos();
  nobody_else_waits();
  crowd();
  sockets();
  exactly_once();
  return 0;
}
