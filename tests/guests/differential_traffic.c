// Sockets at work, with and without a supervisor: large messages, full queues, time limits, edges of epoll, interrupted calls,
// and sockets that several processes hold.
//
// Runs in an empty directory given as the argument, in a network namespace with only the loopback device.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>

#include "differential.h"

static struct sockaddr_in local(uint16_t port) {
  return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
}
static int made(int type, uint16_t port) {
  int fd = socket(AF_INET, type, 0);
  int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in a = local(port);
  must(port == 0 || bind(fd, (struct sockaddr*)&a, sizeof a) == 0, "bind");
  return fd;
}
static socklen_t un_name(struct sockaddr_un* a, const char* path) {
  memset(a, 0, sizeof *a);
  a->sun_family = AF_UNIX;
  strcpy(a->sun_path, path);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
}
static void close_all(void) {
  for (int fd = 3; fd < 128; fd++) close(fd);
}

/// Reads a stream to its end and gives a checksum that depends on the order.
struct drain {
  int fd;
  size_t size;
  uint32_t sum;
};
static void* drain(void* argument) {
  struct drain* d = argument;
  static __thread unsigned char text[65536];
  for (ssize_t got; (got = read(d->fd, text, sizeof text)) > 0;) {
    for (ssize_t i = 0; i < got; i++) d->sum = d->sum * 31 + text[i];
    d->size += (size_t)got;
  }
  return NULL;
}

static void large_messages(void) {
  const size_t size = 9 * 1000 * 1000 + 7;
  unsigned char* data = malloc(size);
  for (size_t i = 0; i < size; i++) data[i] = (unsigned char)(i * 2654435761u >> 13);
  for (int kind = 0; kind < 2; kind++) {
    int pair[2];
    if (kind == 0) {
      must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
    } else {
      int server = made(SOCK_STREAM, 7301);
      must(listen(server, 1) == 0, "listen");
      struct sockaddr_in a = local(7301);
      pair[0] = socket(AF_INET, SOCK_STREAM, 0);
      CASE(connect(pair[0], (struct sockaddr*)&a, sizeof a));
      pair[1] = accept(server, NULL, NULL);
    }
    struct drain d = {pair[1], 0, 0};
    pthread_t reader;
    pthread_create(&reader, NULL, drain, &d);
    struct iovec parts[3] = {{data, 1}, {data + 1, size / 2}, {data + 1 + size / 2, size - 1 - size / 2}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
    CASE(sendmsg(pair[0], &message, 0));
    struct mmsghdr two[2] = {{.msg_hdr = message}, {.msg_hdr = message}};
    CASE(sendmmsg(pair[0], two, 2, 0));
    say("lengths %u %u", two[0].msg_len, two[1].msg_len);
    shutdown(pair[0], SHUT_WR);
    pthread_join(reader, NULL);
    say("arrived %zu sum %u", d.size, d.sum);
    close_all();
  }
  // More than a queue holds, without waiting: as much as fits.
  int pair[2];
  must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
  struct iovec whole = {data, size};
  struct msghdr message = {.msg_iov = &whole, .msg_iovlen = 1};
  long sent = sendmsg(pair[0], &message, MSG_DONTWAIT);
  say("some was sent: %d", sent > 0 && sent < (long)size);
  CASE(sendmsg(pair[0], &message, MSG_DONTWAIT));
  close_all();
  // The data end in the middle: what was read before is sent.
  must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
  unsigned char* pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(pages + 4096, 4096);
  whole = (struct iovec){pages + 4000, 200};
  CASE(sendmsg(pair[0], &message, 0));
  must(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0, "socketpair");
  CASE(sendmsg(pair[0], &message, 0));
  CASE(sendmmsg(pair[0], &(struct mmsghdr){.msg_hdr = message}, 1, 0));
  close_all();
  free(data);
}

static void partly_mapped_addresses(void) {
  unsigned char* pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(pages + 4096, 4096);
  struct sockaddr_in a = local(7302);
  int server = made(SOCK_DGRAM, 7302);
  int client = socket(AF_INET, SOCK_DGRAM, 0);
  for (int inside = 0; inside <= 16; inside += 4) {
    unsigned char* at = pages + 4096 - inside;
    memcpy(at, &a, (size_t)inside);
    say("%d bytes are there", inside);
    CASE(connect(client, (struct sockaddr*)at, 16));
    CASE(sendto(client, "x", 1, 0, (struct sockaddr*)at, 16));
    CASE(bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr*)at, 16));
    struct iovec part = {"x", 1};
    struct msghdr message = {.msg_name = at, .msg_namelen = 16, .msg_iov = &part, .msg_iovlen = 1};
    CASE(sendmsg(client, &message, 0));
  }
  char text[4];
  int count = 0;
  while (recv(server, text, sizeof text, MSG_DONTWAIT) >= 0) count++;
  say("arrived %d", count);
  close_all();
}

static void many_messages(void) {
  int server = made(SOCK_DGRAM, 7303);
  int size = 1 << 20;
  setsockopt(server, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  int other = made(SOCK_DGRAM, 7304);
  int client = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in to[2] = {local(7303), local(7304)};
  static struct mmsghdr many[1100];
  struct iovec part = {"many", 4};
  for (int i = 0; i < 1100; i++) {
    many[i].msg_hdr =
        (struct msghdr){.msg_name = &to[i % 50 == 0], .msg_namelen = sizeof to[0], .msg_iov = &part, .msg_iovlen = 1};
    many[i].msg_len = 99;
  }
  CASE(sendmmsg(client, many, 200, 0));
  say("lengths %u %u %u", many[0].msg_len, many[199].msg_len, many[200].msg_len);
  char text[8];
  int first = 0, second = 0;
  while (recv(server, text, sizeof text, MSG_DONTWAIT) >= 0) first++;
  while (recv(other, text, sizeof text, MSG_DONTWAIT) >= 0) second++;
  say("arrived %d and %d", first, second);
  many[5].msg_hdr.msg_namelen = 3;
  CASE(sendmmsg(client, many, 1100, 0));
  many[5].msg_hdr.msg_namelen = sizeof to[0];
  many[6].msg_hdr.msg_iovlen = 5000;
  CASE(sendmmsg(client, many, 10, 0));
  CASE(sendmmsg(client, many + 6, 3, 0));
  struct mmsghdr* fixed = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  fixed[0] = fixed[1] = many[0];
  mprotect(fixed, 4096, PROT_READ);
  CASE(sendmmsg(client, fixed, 2, 0));
  close_all();
}

static void time_limits_and_full_queues(void) {
  struct sockaddr_un a;
  socklen_t length = un_name(&a, "busy");
  int server = socket(AF_UNIX, SOCK_STREAM, 0);
  must(bind(server, (struct sockaddr*)&a, length) == 0 && listen(server, 0) == 0, "busy");
  int waiting[3];
  for (int i = 0; i < 3; i++) {
    waiting[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    say("connection %d -> %s", i, outcome(connect(waiting[i], (struct sockaddr*)&a, length)));
  }
  int client = socket(AF_UNIX, SOCK_STREAM, 0);
  struct timeval limit = {0, 150000};
  setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  long begun = now_ms();
  CASE(connect(client, (struct sockaddr*)&a, length));
  long took = now_ms() - begun;
  say("after its time: %d", took >= 140 && took < 3000);
  // A full datagram queue, with a time limit.
  int pair[2];
  length = un_name(&a, "queue");
  pair[0] = socket(AF_UNIX, SOCK_DGRAM, 0);
  must(bind(pair[0], (struct sockaddr*)&a, length) == 0, "queue");
  pair[1] = socket(AF_UNIX, SOCK_DGRAM, 0);
  setsockopt(pair[1], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  long sent = 0;
  for (int i = 0; i < 5000 && sent >= 0; i++) sent = sendto(pair[1], "fill", 4, 0, (struct sockaddr*)&a, length);
  say("full: %s", outcome(sent));
  CASE(sendto(pair[1], "x", 1, MSG_DONTWAIT, (struct sockaddr*)&a, length));
  unlink("busy");
  unlink("queue");
  close_all();
}

static volatile sig_atomic_t caught;
static void catch_it(int number) {
  (void)number;
  caught++;
}
static void* signal_soon(void* argument) {
  sleep_ms(100);
  pthread_kill(*(pthread_t*)argument, SIGUSR1);
  return NULL;
}
struct later {
  int listener;
};
static void* accept_later(void* argument) {
  struct later* l = argument;
  sleep_ms(400);
  for (int i = 0; i < 2; i++) accept(l->listener, NULL, NULL);
  return NULL;
}

static void interrupted_calls(void) {
  for (int restart = 0; restart < 2; restart++) {
    struct sigaction action = {.sa_handler = catch_it, .sa_flags = restart ? SA_RESTART : 0};
    sigaction(SIGUSR1, &action, NULL);
    struct sockaddr_un a;
    socklen_t length = un_name(&a, "slow");
    struct later l = {socket(AF_UNIX, SOCK_STREAM, 0)};
    must(bind(l.listener, (struct sockaddr*)&a, length) == 0 && listen(l.listener, 0) == 0, "slow");
    must(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr*)&a, length) == 0, "first");
    pthread_t self = pthread_self(), signaller, accepter;
    caught = 0;
    pthread_create(&signaller, NULL, signal_soon, &self);
    if (restart) pthread_create(&accepter, NULL, accept_later, &l);
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    CASE(connect(client, (struct sockaddr*)&a, length));
    say("SA_RESTART %d caught %d", restart, (int)caught);
    pthread_join(signaller, NULL);
    if (restart) pthread_join(accepter, NULL);
    unlink("slow");
    close_all();
    // A stream whose reader sleeps.
    int pair[2];
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
    size_t size = 4 << 20;
    char* data = calloc(1, size);
    struct iovec part = {data, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    caught = 0;
    pthread_create(&signaller, NULL, signal_soon, &self);
    long sent = sendmsg(pair[0], &message, 0);
    say("part of it: %d caught %d", sent > 0 && sent < (long)size, (int)caught);
    pthread_join(signaller, NULL);
    caught = 0;
    if (!restart) {  // nothing fits any more
      pthread_create(&signaller, NULL, signal_soon, &self);
      CASE(sendmsg(pair[0], &message, 0));
      say("caught %d", (int)caught);
      pthread_join(signaller, NULL);
    }
    free(data);
    close_all();
  }
}

static void edges_of_epoll(void) {
  int server = made(SOCK_STREAM, 7305);
  must(listen(server, 4) == 0, "listen");
  int epoll = epoll_create1(0);
  int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, {.u32 = 1}};
  must(epoll_ctl(epoll, EPOLL_CTL_ADD, client, &event) == 0, "epoll_ctl");
  struct epoll_event got[4];
  int count = epoll_wait(epoll, got, 4, 0);
  say("before: %d %x", count, count > 0 ? got[0].events : 0);
  struct sockaddr_in a = local(7305);
  CASE(connect(client, (struct sockaddr*)&a, sizeof a));
  count = epoll_wait(epoll, got, 4, 2000);
  say("connected: %d %x", count, count > 0 ? got[0].events : 0);
  CASE(connect(client, (struct sockaddr*)&a, sizeof a));
  CASE(connect(client, (struct sockaddr*)&a, sizeof a));
  int accepted = accept4(server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  say("accepted %x %x", fcntl(accepted, F_GETFL) & O_NONBLOCK, fcntl(accepted, F_GETFD));
  struct iovec part = {"edge", 4};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  CASE(sendmsg(accepted, &message, 0));
  count = epoll_wait(epoll, got, 4, 2000);
  say("readable: %d %x", count, count > 0 ? got[0].events & EPOLLIN : 0);
  CASE(sendmsg(accepted, &message, 0));
  count = epoll_wait(epoll, got, 4, 2000);
  say("more: %d %x", count, count > 0 ? got[0].events & EPOLLIN : 0);
  close(accepted);
  count = epoll_wait(epoll, got, 4, 2000);
  say("hung up: %d %x", count, count > 0 ? got[0].events & EPOLLRDHUP : 0);
  // Refused, found out by poll.
  client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  a = local(7399);
  CASE(connect(client, (struct sockaddr*)&a, sizeof a));
  struct pollfd waiting = {client, POLLOUT, 0};
  say("poll %d %x", poll(&waiting, 1, 1000), waiting.revents);
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &length);
  say("error %d", error);
  CASE(connect(client, (struct sockaddr*)&a, sizeof a));
  close_all();
}

static void shared_ports(void) {
  int on = 1;
  struct sockaddr_in a = local(7306);
  int group[3];
  for (int i = 0; i < 3; i++) {
    group[i] = socket(AF_INET, SOCK_STREAM, 0);
    if (i < 2) setsockopt(group[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    say("bind %d -> %s", i, outcome(bind(group[i], (struct sockaddr*)&a, sizeof a)));
    say("listen %d -> %s", i, outcome(i < 2 ? listen(group[i], 2) : 0));
  }
  struct sockaddr_in any = local(0);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  CASE(bind(fd, (struct sockaddr*)&any, sizeof any));
  socklen_t length = sizeof any;
  getsockname(fd, (struct sockaddr*)&any, &length);
  say("a port was given: %d, address %x", ntohs(any.sin_port) != 0, ntohl(any.sin_addr.s_addr));
  CASE(listen(fd, 1));
  CASE(listen(fd, 2));
  CASE(connect(fd, (struct sockaddr*)&a, sizeof a));
  fd = socket(AF_INET, SOCK_STREAM, 0);
  CASE(listen(fd, 1));
  getsockname(fd, (struct sockaddr*)&any, &length);
  say("listening without bind: %d, address %x", ntohs(any.sin_port) != 0, ntohl(any.sin_addr.s_addr));
  fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in from = local(7307);
  CASE(bind(fd, (struct sockaddr*)&from, sizeof from));
  CASE(connect(fd, (struct sockaddr*)&a, sizeof a));
  getsockname(fd, (struct sockaddr*)&any, &length);
  say("from port %u", ntohs(any.sin_port));
  close_all();
}

/// A socket in three hands: dup'ed, inherited, and received.
static void sockets_of_several(void) {
  int server = made(SOCK_DGRAM, 7308);
  int client = socket(AF_INET, SOCK_DGRAM, 0);
  int copy = dup(client);
  struct sockaddr_in a = local(7308);
  CASE(connect(copy, (struct sockaddr*)&a, sizeof a));
  CASE(send(client, "dup", 3, 0));
  struct sockaddr_in none = {.sin_family = AF_UNSPEC};
  CASE(connect(client, (struct sockaddr*)&none, sizeof none));
  CASE(send(copy, "gone", 4, 0));
  IN_CHILD({
    CASE(connect(client, (struct sockaddr*)&a, sizeof a));
    CASE(send(client, "child", 5, 0));
  });
  CASE(send(client, "parent", 6, 0));
  int pair[2];
  must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
  int other = socket(AF_INET, SOCK_DGRAM, 0);
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control;
  memset(&control, 0, sizeof control);
  control.align.cmsg_level = SOL_SOCKET;
  control.align.cmsg_type = SCM_RIGHTS;
  control.align.cmsg_len = CMSG_LEN(sizeof other);
  memcpy(CMSG_DATA(&control.align), &other, sizeof other);
  struct iovec part = {"s", 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  CASE(sendmsg(pair[0], &message, 0));
  char byte;
  struct iovec into = {&byte, 1};
  struct msghdr incoming = {.msg_iov = &into, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  CASE(recvmsg(pair[1], &incoming, MSG_CMSG_CLOEXEC));
  int passed = -1;
  memcpy(&passed, CMSG_DATA(&control.align), sizeof passed);
  CASE(sendto(passed, "passed", 6, 0, (struct sockaddr*)&a, sizeof a));
  say("close-on-exec %d", fcntl(passed, F_GETFD));
  char text[16];
  for (ssize_t got; (got = recv(server, text, sizeof text, MSG_DONTWAIT)) >= 0;) say("received %.*s", (int)got, text);
  close_all();
}

int main(int argc, char** argv) {
  begin(argc, argv);
  signal(SIGPIPE, SIG_IGN);
  large_messages();
  partly_mapped_addresses();
  many_messages();
  time_limits_and_full_queues();
  interrupted_calls();
  edges_of_epoll();
  shared_ports();
  sockets_of_several();
  return 0;
}
