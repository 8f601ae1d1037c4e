// pressure NAME [ARG]: uses up what workload and supervisor share, and looks whether anything gets through (rows 39, 40, 54).
//
//   processes     forks until it may not any more; then calls are made
//   memory        children eat memory until they are killed; then calls are made
//   write FILE V  writes V to a file, of the cgroup say, and goes on making calls
//   knock PATH    asks whoever listens at PATH (the supervisor's own socket) to stop receiving, to signal, and for its policy
#include <poll.h>

#include "guest.h"

static void look(const char* when) {
  struct stat st;
  int good = open("/etc/passwd", O_RDONLY);
  printf("%s: passwd %s, ", when, outcome(good));
  printf("shadow %s, ", outcome(open("/etc/shadow", O_RDONLY)));
  printf("hidden %s\n", outcome(stat("/nowhere/a.x", &st)));
  fflush(stdout);
  close(good);
}

static void processes(void) {
  static pid_t children[65536];
  int made = 0;
  while (made < 65536 && (children[made] = fork()) >= 0) {
    if (children[made] == 0) {
      pause();
      _exit(0);
    }
    made++;
  }
  printf("made %d, then %s\n", made > 10, outcome(-1));
  look("full");
  // A FIFO that needs a further thread of the supervisor: refused or served, but not hanging and not for ever.
  mkfifo("/work/pressure", 0644);
  pid_t waiter = children[0];
  kill(waiter, SIGKILL);
  waitpid(waiter, NULL, 0);
  look("still full");
  for (int i = 1; i < made; i++) kill(children[i], SIGKILL);
  for (int i = 1; i < made; i++) waitpid(children[i], NULL, 0);
  look("afterwards");
}

static void memory(void) {
  for (int i = 0; i < 4; i++) {
    pid_t child = fork();
    if (child == 0) {
      for (;;) {
        char* pages = malloc(1 << 20);
        if (pages == NULL) _exit(1);
        memset(pages, 1, 1 << 20);
        close(open("/etc/passwd", O_RDONLY));
        if (open("/etc/shadow", O_RDONLY) >= 0) puts("shadow was opened under pressure");
      }
    }
    int status = 0;
    waitpid(child, &status, 0);
    printf("child %s\n", WIFSIGNALED(status) ? "killed" : "ended");
  }
  look("afterwards");
}

static void knock(const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  for (uint32_t type = 7; type <= 12; type++) {  // control_start ... control_kill, see supervisor/protocol/messages.h
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    if (connect(fd, (struct sockaddr*)&address, sizeof address) != 0) {
      printf("request %u: connect %s\n", type, outcome(-1));
      continue;
    }
    char datagram[16] = {0};
    memcpy(datagram, &type, 4);
    datagram[4] = 9;
    send(fd, datagram, sizeof datagram, MSG_NOSIGNAL);
    struct pollfd answer = {fd, POLLIN, 0};
    char text[256];
    long got = poll(&answer, 1, 1000) == 1 ? recv(fd, text, sizeof text, 0) : -1;
    printf("request %u: %s\n", type, got > 0 ? "answered" : "nothing");
    close(fd);
  }
  look("afterwards");
}

int main(int argc, char** argv) {
  must(argc >= 2, "name");
  look("before");
  if (strcmp(argv[1], "processes") == 0) processes();
  if (strcmp(argv[1], "memory") == 0) memory();
  if (strcmp(argv[1], "knock") == 0) knock(argv[2]);
  if (strcmp(argv[1], "write") == 0) {
    int fd = open(argv[2], O_WRONLY);
    long put = fd < 0 ? -1 : write(fd, argv[3], strlen(argv[3]));
    printf("write %s\n", outcome(put));
    fflush(stdout);
    for (int i = 0; i < 5; i++, sleep_ms(200)) look("afterwards");
  }
  return 0;
}
