// Who is at the other end, and how one gets there: SO_PEERCRED, ports of netlink sockets, connections by MSG_FASTOPEN; with and
// without a supervisor.
//
// Runs in an empty directory given as the argument, in a network namespace with only the loopback device.
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include "differential.h"

static void close_all(void) {
  for (int fd = 3; fd < 128; fd++) close(fd);
}

// ---- SO_PEERCRED

static pid_t first, second;

/// Whose pid it is, of those that this guest knows.
static const char* whose(pid_t pid) {
  return pid == getpid() ? "own" : pid == first ? "first" : pid == second ? "second" : pid == 0 ? "nobody" : "other";
}
static void say_peer(const char* what, int fd) {
  struct ucred peer = {77, 77, 77};
  socklen_t size = sizeof peer;
  int result = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
  say("%s -> %s: %s %u:%u, %u bytes", what, outcome(result), whose(peer.pid), peer.uid, peer.gid, size);
}
static socklen_t un_name(struct sockaddr_un* a, const char* name) {
  memset(a, 0, sizeof *a);
  a->sun_family = AF_UNIX;
  size_t length = strlen(name);
  memcpy(a->sun_path, name, length);
  if (name[0] == '@') a->sun_path[0] = '\0';
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (name[0] == '@' ? 0 : 1));
}
/// A child that connects, tells so, and stays until it is told to go.
static pid_t connects(int type, const char* name, int* told, int* go) {
  int to[2], from[2];
  must(pipe(to) == 0 && pipe(from) == 0, "pipe");
  pid_t child = fork();
  if (child == 0) {
    struct sockaddr_un a;
    socklen_t length = un_name(&a, name);
    int fd = socket(AF_UNIX, type, 0);
    char state = connect(fd, (struct sockaddr*)&a, length) == 0 ? 'c' : 'x';
    write(from[1], &state, 1);
    close(to[1]);
    read(to[0], &state, 1);
    _exit(0);
  }
  close(to[0]);
  close(from[1]);
  *told = from[0];
  *go = to[1];
  return child;
}
static void wait_for(int fd) {
  char state = '-';
  read(fd, &state, 1);
  say("child says %c", state);
}
static void ends(pid_t child, int go) {
  write(go, "g", 1);
  close(go);
  waitpid(child, NULL, 0);
}

static void peers_of(int type, const char* name) {
  say("type %d at %s", type, name);
  struct sockaddr_un a;
  socklen_t length = un_name(&a, name);
  int server = socket(AF_UNIX, type, 0);
  must(bind(server, (struct sockaddr*)&a, length) == 0, "bind");
  say_peer("bound", server);
  must(listen(server, 8) == 0, "listen");
  say_peer("listening", server);
  int own = socket(AF_UNIX, type, 0);
  say_peer("unconnected", own);
  must(connect(own, (struct sockaddr*)&a, length) == 0, "connect");
  say_peer("own, not accepted", own);
  int own_end = accept(server, NULL, NULL);
  say_peer("own", own);
  say_peer("own, accepted", own_end);
  int told[2], go[2];
  first = connects(type, name, &told[0], &go[0]);
  wait_for(told[0]);
  second = connects(type, name, &told[1], &go[1]);
  wait_for(told[1]);
  int one = accept(server, NULL, NULL), two = accept(server, NULL, NULL);
  say_peer("first", one);
  say_peer("second", two);
  CASE(connect(own, (struct sockaddr*)&a, length));
  say_peer("own, after another connect", own_end);
  // Another process asks about the same socket, and sees the same pid.
  IN_CHILD(say_peer("first, from a child", one); say_peer("own, from a child", own));
  ends(first, go[0]);
  ends(second, go[1]);
  // Who listens anew is who listens.
  fflush(stdout);
  first = fork();
  if (first == 0) {
    listen(server, 4);
    _exit(0);
  }
  waitpid(first, NULL, 0);
  int late = socket(AF_UNIX, type, 0);
  must(connect(late, (struct sockaddr*)&a, length) == 0, "connect");
  say_peer("listened anew", late);
  unlink(name);
  close_all();
}

static void odd_questions(void) {
  struct sockaddr_un a;
  socklen_t length = un_name(&a, "odd");
  int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
  must(bind(server, (struct sockaddr*)&a, length) == 0 && listen(server, 1) == 0, "listen");
  must(connect(client, (struct sockaddr*)&a, length) == 0, "connect");
  for (int size = -1; size <= 16; size++) {
    unsigned char room[20];
    memset(room, 0xee, sizeof room);
    socklen_t given = (socklen_t)size;
    int result = getsockopt(client, SOL_SOCKET, SO_PEERCRED, room, &given);
    int untouched = 0;
    while (untouched < 20 && room[19 - untouched] == 0xee) untouched++;
    say("room for %d -> %s, %d bytes, untouched from %d on", size, outcome(result), (int)given, 20 - untouched);
  }
  socklen_t given = sizeof(struct ucred);
  struct ucred peer;
  CASE(getsockopt(client, SOL_SOCKET, SO_PEERCRED, NULL, &given));
  CASE(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, NULL));
  CASE(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, (socklen_t*)8));
  CASE(getsockopt(999, SOL_SOCKET, SO_PEERCRED, &peer, &given));
  CASE(getsockopt(open(".", O_RDONLY), SOL_SOCKET, SO_PEERCRED, &peer, &given));
  int pair[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  say_peer("pair", pair[0]);
  say_peer("internet", socket(AF_INET, SOCK_STREAM, 0));
  say_peer("datagrams", socket(AF_UNIX, SOCK_DGRAM, 0));
  unlink("odd");
  close_all();
}

// ---- netlink

static void say_port(const char* what, int fd) {
  struct sockaddr_nl a = {0};
  socklen_t size = sizeof a;
  int result = getsockname(fd, (struct sockaddr*)&a, &size);
  say("%s -> %s: family %d port %s groups %x", what, outcome(result), a.nl_family,
      a.nl_pid == 0                    ? "none"
      : a.nl_pid == (unsigned)getpid() ? "own"
      : (int)a.nl_pid < -4096          ? "any"
                                       : "other",
      a.nl_groups);
}
static int netlink(void) { return socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); }

static void netlink_ports(void) {
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  int one = netlink(), two = netlink(), three = netlink();
  say_port("fresh", one);
  CASE(bind(one, (struct sockaddr*)&kernel, sizeof kernel));
  say_port("bound", one);
  CASE(bind(one, (struct sockaddr*)&kernel, sizeof kernel));
  CASE(bind(two, (struct sockaddr*)&kernel, sizeof kernel));
  say_port("the next", two);
  struct sockaddr_nl chosen = {.nl_family = AF_NETLINK, .nl_pid = 4242};
  CASE(bind(three, (struct sockaddr*)&chosen, sizeof chosen));
  say_port("chosen", three);
  CASE(bind(netlink(), (struct sockaddr*)&chosen, sizeof chosen));
  CASE(bind(netlink(), (struct sockaddr*)&chosen, 4));
  chosen = (struct sockaddr_nl){.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
  int listener = netlink();
  CASE(bind(listener, (struct sockaddr*)&chosen, sizeof chosen));
  say_port("of a group", listener);
  close_all();
  for (int way = 0; way < 4; way++) {
    struct {
      struct nlmsghdr head;
      struct rtgenmsg body;
    } question = {{.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtgenmsg)),
                   .nlmsg_type = RTM_GETLINK,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                   .nlmsg_seq = 7},
                  {.rtgen_family = AF_UNSPEC}};
    struct iovec part = {&question, question.head.nlmsg_len};
    struct msghdr message = {
        .msg_name = way == 1 ? &kernel : NULL, .msg_namelen = way == 1 ? sizeof kernel : 0, .msg_iov = &part, .msg_iovlen = 1};
    int fd = netlink();
    long result = 0;
    if (way == 0) result = sendto(fd, &question, question.head.nlmsg_len, 0, (struct sockaddr*)&kernel, sizeof kernel);
    if (way == 1 || way == 2) result = sendmsg(fd, &message, 0);
    if (way == 3) result = connect(fd, (struct sockaddr*)&kernel, sizeof kernel);
    say("way %d -> %s", way, outcome(result < 0 ? -1 : 0));
    say_port("afterwards", fd);
    if (way == 3) continue;
    char answer[16384];
    ssize_t got = recv(fd, answer, sizeof answer, 0);
    struct nlmsghdr* head = (struct nlmsghdr*)answer;
    say("answer of %s, for %s, number %u", got > 0 ? "some bytes" : outcome(-1),
        head->nlmsg_pid == (unsigned)getpid() ? "us" : "somebody else", head->nlmsg_seq);
    close(fd);
  }
  close_all();
}

// ---- connections that begin with data

static struct sockaddr_in at(uint16_t port) {
  return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
}
static int listening(uint16_t port, int queue) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof queue);
  struct sockaddr_in a = at(port);
  must(bind(fd, (struct sockaddr*)&a, sizeof a) == 0 && listen(fd, 8) == 0, "listen");
  return fd;
}
static void arrives(int server) {
  struct pollfd ready = {server, POLLIN, 0};
  if (poll(&ready, 1, 5000) != 1) return say("nobody came");
  int end = accept(server, NULL, NULL);
  size_t size = 0;
  char text[65536];
  char begins[9] = "";
  for (ssize_t got; (got = recv(end, text, sizeof text, 0)) > 0; size += (size_t)got) {
    if (size == 0) memcpy(begins, text, got < 8 ? (size_t)got : 8);
  }
  say("arrived %zu bytes, '%s'", size, begins);
  close(end);
}

static void fast_opens(void) {
  int server = listening(7401, 16);
  struct sockaddr_in a = at(7401), nobody = at(7402);
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(7401), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  struct sockaddr unspecified = {.sa_family = AF_UNSPEC};
  for (int round = 0; round < 2; round++) {  // the second time the server's cookie is known
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CASE(sendto(fd, "hello", 5, MSG_FASTOPEN, (struct sockaddr*)&a, sizeof a));
    CASE(sendto(fd, "again", 5, MSG_FASTOPEN, (struct sockaddr*)&a, sizeof a));
    CASE(send(fd, "more", 4, MSG_FASTOPEN));
    CASE(send(fd, "more", 4, 0));
    CASE(shutdown(fd, SHUT_WR));
    arrives(server);
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    struct iovec part = {"message", 7};
    struct msghdr message = {.msg_name = &a, .msg_namelen = sizeof a, .msg_iov = &part, .msg_iovlen = 1};
    CASE(sendmsg(fd, &message, MSG_FASTOPEN));
    CASE(sendmsg(fd, &message, 0));
    CASE(shutdown(fd, SHUT_WR));
    arrives(server);
    close(fd);
  }
  // Without waiting: with the cookie the data are on their way at once.
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  CASE(sendto(fd, "at once", 7, MSG_FASTOPEN, (struct sockaddr*)&a, sizeof a));
  struct pollfd ready = {fd, POLLOUT, 0};
  CASE(poll(&ready, 1, 5000));
  CASE(shutdown(fd, SHUT_WR));
  arrives(server);
  // More than one piece of a supervisor's.
  size_t size = 600 * 1000;
  char* data = malloc(size);
  memset(data, 'd', size);
  fd = socket(AF_INET, SOCK_STREAM, 0);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    arrives(server);
    fflush(stdout);
    _exit(0);
  }
  long sent = sendto(fd, data, size, MSG_FASTOPEN, (struct sockaddr*)&a, sizeof a);
  shutdown(fd, SHUT_WR);
  waitpid(child, NULL, 0);
  say("sent %ld", sent);
  free(data);
  // Wrong in some way.
  CASE(sendto(socket(AF_INET, SOCK_STREAM, 0), "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr*)&nobody, sizeof nobody));
  CASE(sendto(socket(AF_INET, SOCK_STREAM, 0), "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr*)&a, 4));
  CASE(sendto(socket(AF_INET, SOCK_STREAM, 0), "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, &unspecified, sizeof unspecified));
  CASE(sendto(socket(AF_INET, SOCK_STREAM, 0), "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr*)&six, sizeof six));
  CASE(sendto(socket(AF_INET6, SOCK_STREAM, 0), "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr*)&six, sizeof six));
  CASE(send(socket(AF_INET, SOCK_STREAM, 0), "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL));
  CASE(sendto(socket(AF_INET, SOCK_STREAM, 0), (char*)8, 1, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr*)&a, sizeof a));
  CASE(sendto(socket(AF_INET, SOCK_DGRAM, 0), "x", 1, MSG_FASTOPEN, (struct sockaddr*)&a, sizeof a));
  CASE(sendto(server, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr*)&a, sizeof a));
  int pair[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  CASE(send(pair[0], "x", 1, MSG_FASTOPEN));
  struct iovec part = {"xy", 2};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  CASE(sendmsg(pair[0], &message, MSG_FASTOPEN));
  CASE(sendmsg(pair[0], &message, MSG_ZEROCOPY));  // means nothing without SO_ZEROCOPY
  close_all();
}

int main(int argc, char** argv) {
  begin(argc, argv);
  signal(SIGPIPE, SIG_IGN);
  static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};
  for (int t = 0; t < 2; t++) {
    peers_of(types[t], "peer");
    peers_of(types[t], "@differential-peer");
  }
  odd_questions();
  netlink_ports();
  fast_opens();
  return 0;
}
