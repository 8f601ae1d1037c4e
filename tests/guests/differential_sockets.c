// Sockets case by case, with and without a supervisor: results, errno, who the peer sees, and what arrives.
//
// Runs in an empty directory given as the argument, in a network namespace with only the loopback device.
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "differential.h"

static struct sockaddr_in in_address(const char* host, uint16_t port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, host, &a.sin_addr);
  return a;
}
static struct sockaddr_in6 in6_address(const char* host, uint16_t port) {
  struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  inet_pton(AF_INET6, host, &a.sin6_addr);
  return a;
}
static socklen_t un_address(struct sockaddr_un* a, const char* path) {
  memset(a, 0, sizeof *a);
  a->sun_family = AF_UNIX;
  strncpy(a->sun_path, path, sizeof a->sun_path - 1);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
}
#define IN(host, port) (struct sockaddr*)&(struct sockaddr_in[]){in_address(host, port)}[0], sizeof(struct sockaddr_in)
#define IN6(host, port) (struct sockaddr*)&(struct sockaddr_in6[]){in6_address(host, port)}[0], sizeof(struct sockaddr_in6)

static void close_all(void) {
  for (int fd = 3; fd < 64; fd++) close(fd);
}

static void say_name(int fd) {
  struct sockaddr_storage name;
  socklen_t length = sizeof name;
  memset(&name, 0, sizeof name);
  int result = getsockname(fd, (struct sockaddr*)&name, &length);
  if (name.ss_family == AF_UNIX) {
    struct sockaddr_un* un = (struct sockaddr_un*)&name;
    say("  sockname %s unix %u %s%s", outcome(result), length, un->sun_path[0] == '\0' ? "@" : "",
        un->sun_path + (un->sun_path[0] == '\0'));
  } else {
    say("  sockname %s family %d length %u", outcome(result), name.ss_family, length);
  }
  length = sizeof name;
  memset(&name, 0, sizeof name);
  result = getpeername(fd, (struct sockaddr*)&name, &length);
  char host[64] = "";
  if (name.ss_family == AF_INET) inet_ntop(AF_INET, &((struct sockaddr_in*)&name)->sin_addr, host, sizeof host);
  if (name.ss_family == AF_INET6) inet_ntop(AF_INET6, &((struct sockaddr_in6*)&name)->sin6_addr, host, sizeof host);
  say("  peername %s %s", outcome(result), host);
}

static void creation(void) {
  for (int family = 0; family < 50; family++) {
    for (int type = 0; type < 8; type++) {
      int fd = socket(family, type, 0);
      bool same = family == AF_UNIX || ((family == AF_INET || family == AF_INET6) && (type == SOCK_STREAM || type == SOCK_DGRAM));
      if (same) say("socket %d %d -> %s", family, type, outcome(fd));
      if (fd >= 0) close(fd);
    }
  }
  int pair[2];
  CASE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
  CASE(socketpair(AF_INET, SOCK_STREAM, 0, pair));
  CASE(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
  CASE(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) >= 0);
  close_all();
}

static void inet_streams(void) {
  int server = socket(AF_INET, SOCK_STREAM, 0);
  int one = 1;
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  CASE(bind(server, IN("127.0.0.1", 7001)));
  CASE(bind(server, IN("127.0.0.1", 7002)));
  CASE(listen(server, 5));
  int other = socket(AF_INET, SOCK_STREAM, 0);
  CASE(bind(other, IN("127.0.0.1", 7001)));
  CASE(bind(other, IN("10.9.8.7", 7003)));
  CASE(bind(other, IN("127.0.0.1", 80)));
  CASE(bind(other, (struct sockaddr*)8, sizeof(struct sockaddr_in)));
  CASE(bind(other, NULL, 0));
  other = socket(AF_INET, SOCK_STREAM, 0);
  CASE(bind(other, (struct sockaddr*)&(struct sockaddr_in[]){in_address("127.0.0.1", 7004)}[0], 4));
  CASE(bind(other, (struct sockaddr*)&(struct sockaddr_in[]){in_address("127.0.0.1", 7004)}[0], 4000));
  CASE(bind(other, (struct sockaddr*)&(struct sockaddr_in[]){in_address("127.0.0.1", 7004)}[0], (socklen_t)-1));
  CASE(bind(999, IN("127.0.0.1", 7004)));
  CASE(bind(open("/etc/passwd", O_RDONLY), IN("127.0.0.1", 7004)));
  CASE(bind(open("/", O_PATH), IN("127.0.0.1", 7004)));
  CASE(listen(other, 5));
  CASE(listen(999, 5));
  CASE(listen(0, 5));
  struct {
    const char* host;
    uint16_t port;
  } const peers[] = {{"127.0.0.1", 7001},     {"127.0.0.1", 7009}, {"0.0.0.0", 7001}, {"127.1.2.3", 7001}, {"10.9.8.7", 80},
                     {"255.255.255.255", 80}, {"224.0.0.1", 80},   {"127.0.0.1", 0},  {"0.0.0.0", 0}};
  for (size_t p = 0; p < sizeof peers / sizeof peers[0]; p++) {
    int client = socket(AF_INET, SOCK_STREAM, 0);
    int result = connect(client, IN(peers[p].host, peers[p].port));
    say("connect %s:%u -> %s", peers[p].host, peers[p].port, outcome(result));
    say_name(client);
    result = connect(client, IN(peers[p].host, peers[p].port));
    say("again -> %s", outcome(result));
    struct sockaddr_in none = {.sin_family = AF_UNSPEC};
    CASE(connect(client, (struct sockaddr*)&none, sizeof none));
    say_name(client);
    CASE(connect(client, (struct sockaddr*)&none, 2));
    CASE(connect(client, IN6("::1", 7001)));
    close(client);
    client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    result = connect(client, IN(peers[p].host, peers[p].port));
    say("nonblocking %s -> %s", peers[p].host, outcome(result));
    struct pollfd waiting = {client, POLLOUT, 0};
    result = poll(&waiting, 1, 500);
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &length);
    say("poll %d error %d", result, error);
    close(client);
  }
  CASE(connect(server, IN("127.0.0.1", 7001)));
  CASE(connect(999, IN("127.0.0.1", 7001)));
  CASE(connect(0, IN("127.0.0.1", 7001)));
  CASE(connect(open("/", O_PATH), IN("127.0.0.1", 7001)));
  int client = socket(AF_INET, SOCK_STREAM, 0);
  CASE(connect(client, (struct sockaddr*)8, 16));
  CASE(connect(client, NULL, 16));
  CASE(connect(client, NULL, 0));
  CASE(connect(client, (struct sockaddr*)at_page_edge("\2\0\x1b", false), 16));
  CASE(connect(client, (struct sockaddr*)"\2", 1));
  CASE(sendto(client, "x", 1, MSG_NOSIGNAL, IN("127.0.0.1", 7001)));
  CASE(sendto(client, "late", 4, MSG_NOSIGNAL, IN("127.0.0.1", 7009)));
  close_all();
}

static void inet6_streams(void) {
  int server = socket(AF_INET6, SOCK_STREAM, 0);
  CASE(bind(server, IN6("::", 7011)));
  CASE(listen(server, 5));
  static const char* const hosts[] = {"::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0", "fe80::1", "2001:db8::1", "ff02::1"};
  for (size_t h = 0; h < sizeof hosts / sizeof hosts[0]; h++) {
    int client = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int result = connect(client, IN6(hosts[h], 7011));
    say("connect [%s]:7011 -> %s", hosts[h], outcome(result));
    struct pollfd waiting = {client, POLLOUT, 0};
    say("poll %d", poll(&waiting, 1, 300));
    say_name(client);
    close(client);
  }
  int client = socket(AF_INET6, SOCK_STREAM, 0);
  CASE(connect(client, IN("127.0.0.1", 7011)));
  int one = 1;
  setsockopt(client, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
  CASE(connect(client, IN6("::ffff:127.0.0.1", 7011)));
  close_all();
}

static void datagrams(void) {
  int server = socket(AF_INET, SOCK_DGRAM, 0);
  CASE(bind(server, IN("127.0.0.1", 7021)));
  CASE(listen(server, 5));
  int client = socket(AF_INET, SOCK_DGRAM, 0);
  CASE(sendto(client, "one", 3, 0, IN("127.0.0.1", 7021)));
  CASE(sendto(client, "", 0, 0, IN("127.0.0.1", 7021)));
  CASE(sendto(client, NULL, 0, 0, IN("127.0.0.1", 7021)));
  CASE(sendto(client, (void*)8, 4, 0, IN("127.0.0.1", 7021)));
  CASE(sendto(client, "x", 1, 0, (struct sockaddr*)8, 16));
  CASE(sendto(client, "x", 1, 0, NULL, 16));
  CASE(sendto(client, "x", 1, 0, IN("10.9.8.7", 7021)));
  CASE(sendto(client, "x", 1, 0, IN("127.0.0.1", 0)));
  CASE(sendto(client, "x", 1, MSG_OOB, IN("127.0.0.1", 7021)));
  CASE(sendto(999, "x", 1, 0, IN("127.0.0.1", 7021)));
  CASE(sendto(0, "x", 1, 0, IN("127.0.0.1", 7021)));
  char* big = calloc(1, 1 << 20);
  CASE(sendto(client, big, 65507, 0, IN("127.0.0.1", 7021)));
  CASE(sendto(client, big, 65508, 0, IN("127.0.0.1", 7021)));
  CASE(sendto(client, big, 1 << 20, 0, IN("127.0.0.1", 7021)));
  CASE(sendto(client, big, (size_t)-1, 0, IN("127.0.0.1", 7021)));
  CASE(connect(client, IN("127.0.0.1", 7021)));
  CASE(send(client, "two", 3, 0));
  CASE(sendto(client, "three", 5, 0, IN("127.0.0.1", 7021)));
  struct iovec parts[3] = {{"fo", 2}, {"", 0}, {"ur", 2}};
  struct sockaddr_in to = in_address("127.0.0.1", 7021);
  struct msghdr message = {.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = parts, .msg_iovlen = 3};
  CASE(sendmsg(client, &message, 0));
  message.msg_namelen = 0;
  CASE(sendmsg(client, &message, 0));
  message.msg_namelen = 5;
  CASE(sendmsg(client, &message, 0));
  message.msg_namelen = 500;
  CASE(sendmsg(client, &message, 0));
  message.msg_namelen = (socklen_t)-1;
  CASE(sendmsg(client, &message, 0));
  message.msg_namelen = sizeof to;
  message.msg_iovlen = 1025;
  CASE(sendmsg(client, &message, 0));
  message.msg_iovlen = 0;
  CASE(sendmsg(client, &message, 0));
  message.msg_iov = (struct iovec*)8;
  message.msg_iovlen = 1;
  CASE(sendmsg(client, &message, 0));
  message.msg_iov = parts;
  message.msg_control = (void*)8;
  message.msg_controllen = 32;
  CASE(sendmsg(client, &message, 0));
  message.msg_controllen = 1 << 24;
  CASE(sendmsg(client, &message, 0));
  CASE(sendmsg(client, NULL, 0));
  CASE(sendmsg(client, (struct msghdr*)8, 0));
  message = (struct msghdr){.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = parts, .msg_iovlen = 3};
  struct mmsghdr many[4] = {{message, 77}, {message, 77}, {message, 77}, {message, 77}};
  CASE(sendmmsg(client, many, 4, 0));
  say("lengths %u %u %u %u", many[0].msg_len, many[1].msg_len, many[2].msg_len, many[3].msg_len);
  many[2].msg_hdr.msg_name = (void*)8;
  many[2].msg_len = many[3].msg_len = 77;
  CASE(sendmmsg(client, many, 4, 0));
  say("lengths %u %u %u %u", many[0].msg_len, many[1].msg_len, many[2].msg_len, many[3].msg_len);
  many[0].msg_hdr.msg_name = (void*)8;
  CASE(sendmmsg(client, many, 4, 0));
  CASE(sendmmsg(client, many, 0, 0));
  CASE(sendmmsg(client, NULL, 3, 0));
  CASE(sendmmsg(999, many, 3, 0));
  struct timeval limit = {0, 200000};
  setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  for (int i = 0; i < 30; i++) {
    char text[70000];
    ssize_t got = recv(server, text, sizeof text, MSG_DONTWAIT);
    say("received %zd %.*s", got, got > 0 && got < 10 ? (int)got : 0, text);
    if (got < 0) break;
  }
  free(big);
  close_all();
}

static void unix_sockets(void) {
  static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
  struct sockaddr_un a;
  socklen_t length;
  for (size_t t = 0; t < 3; t++) {
    int type = types[t];
    say("type %d", type);
    umask(t == 0 ? 0 : t == 1 ? 027 : 077);
    int server = socket(AF_UNIX, type, 0);
    length = un_address(&a, "server");
    CASE(bind(server, (struct sockaddr*)&a, length));
    show("server");
    say_name(server);
    CASE(bind(server, (struct sockaddr*)&a, length));
    int second = socket(AF_UNIX, type, 0);
    CASE(bind(second, (struct sockaddr*)&a, length));
    CASE(listen(server, 0));
    umask(022);
    int client = socket(AF_UNIX, type, 0);
    CASE(connect(client, (struct sockaddr*)&a, length));
    say_name(client);
    fcntl(client, F_SETFL, O_NONBLOCK);  // a full backlog is looked at before the state
    CASE(connect(client, (struct sockaddr*)&a, length));
    CASE(sendto(client, "hello", 5, MSG_NOSIGNAL, (struct sockaddr*)&a, length));
    CASE(send(client, "hello", 5, MSG_NOSIGNAL));
    if (type != SOCK_DGRAM) {
      int accepted = accept(server, NULL, NULL);
      CASE(accepted >= 0);
      struct ucred peer = {0, 0, 0};
      socklen_t size = sizeof peer;
      getsockopt(accepted, SOL_SOCKET, SO_PEERCRED, &peer, &size);
      say("peer %u:%u", peer.uid, peer.gid);
      getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &size);
      say("server %u:%u", peer.uid, peer.gid);
    }
    // A full backlog, without blocking.
    for (int i = 0; i < 4; i++) {
      int extra = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
      int result = connect(extra, (struct sockaddr*)&a, length);
      say("extra %d -> %s", i, outcome(result));
      if (type == SOCK_DGRAM) {
        for (int n = 0; n < 300 && result >= 0; n++)
          result = (int)sendto(extra, "fill", 4, MSG_DONTWAIT, (struct sockaddr*)&a, length);
        say("filled -> %s", outcome(result));
      }
    }
    static const char* const names[] = {
        "missing",   "missing/below",     "/etc/passwd",         ".",         "server/", "./server",
        "../server", "/fixtures/dir0755", "/fixtures/link-loop", "/dev/null", ""};
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
      int fd = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
      length = un_address(&a, names[n]);
      say("connect '%s' -> %s", names[n], outcome(connect(fd, (struct sockaddr*)&a, length)));
      say("sendto '%s' -> %s", names[n], outcome(sendto(fd, "x", 1, MSG_NOSIGNAL, (struct sockaddr*)&a, length)));
      if (strcmp(names[n], "missing") != 0) say("bind '%s' -> %s", names[n], outcome(bind(fd, (struct sockaddr*)&a, length)));
    }
    CASE(symlink("server", "link"));
    CASE(symlink("not-there", "dangling"));
    client = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
    length = un_address(&a, "link");
    CASE(connect(client, (struct sockaddr*)&a, length));
    second = socket(AF_UNIX, type, 0);
    CASE(bind(second, (struct sockaddr*)&a, length));
    length = un_address(&a, "dangling");
    CASE(bind(second, (struct sockaddr*)&a, length));
    length = un_address(&a, "/fixtures/setgid/socket");
    CASE(bind(second, (struct sockaddr*)&a, length));
    show("/fixtures/setgid/socket");
    unlink("/fixtures/setgid/socket");
    second = socket(AF_UNIX, type, 0);
    length = un_address(&a, "/fixtures/dir0755/socket");
    CASE(bind(second, (struct sockaddr*)&a, length));
    unlink("/fixtures/dir0755/socket");
    CASE(chmod("server", 0));
    length = un_address(&a, "server");
    CASE(connect(socket(AF_UNIX, type | SOCK_NONBLOCK, 0), (struct sockaddr*)&a, length));
    CASE(unlink("server"));
    CASE(connect(socket(AF_UNIX, type | SOCK_NONBLOCK, 0), (struct sockaddr*)&a, length));
    int wrong = socket(AF_UNIX, (type == SOCK_STREAM ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0);
    server = socket(AF_UNIX, type, 0);
    CASE(bind(server, (struct sockaddr*)&a, length));
    CASE(connect(wrong, (struct sockaddr*)&a, length));
    CASE(connect(socket(AF_UNIX, type | SOCK_NONBLOCK, 0), (struct sockaddr*)&a, length));
    unlink("server");
    unlink("link");
    unlink("dangling");
    // The whole of sun_path without a NUL, one more, one less.
    for (int size = 106; size <= 109; size++) {
      struct {
        struct sockaddr_un un;
        char more[8];
      } full;
      memset(&full, 0, sizeof full);
      full.un.sun_family = AF_UNIX;
      memset(full.un.sun_path, 'p', (size_t)size);
      second = socket(AF_UNIX, type, 0);
      int result = bind(second, (struct sockaddr*)&full, (socklen_t)(2 + size));
      say("path of %d -> %s", size, outcome(result));
      say_name(second);
      char name[120] = "";
      memset(name, 'p', (size_t)size);
      unlink(name);
    }
    struct sockaddr_un hidden = {.sun_family = AF_UNIX, .sun_path = "\0hidden\0inside"};
    server = socket(AF_UNIX, type, 0);
    CASE(bind(server, (struct sockaddr*)&hidden, 2 + 14));
    listen(server, 4);
    CASE(connect(socket(AF_UNIX, type | SOCK_NONBLOCK, 0), (struct sockaddr*)&hidden, 2 + 14));
    CASE(connect(socket(AF_UNIX, type | SOCK_NONBLOCK, 0), (struct sockaddr*)&hidden, 2 + 7));
    CASE(bind(socket(AF_UNIX, type, 0), (struct sockaddr*)&hidden, 2 + 14));
    second = socket(AF_UNIX, type, 0);
    CASE(bind(second, (struct sockaddr*)&hidden, 2));
    socklen_t autobound = sizeof a;
    getsockname(second, (struct sockaddr*)&a, &autobound);
    say("autobind gives %u", autobound);
    CASE(bind(second, (struct sockaddr*)&hidden, 1));
    CASE(bind(second, (struct sockaddr*)&hidden, 200));
    CASE(connect(socket(AF_UNIX, type | SOCK_NONBLOCK, 0), (struct sockaddr*)&hidden, 2));
    CASE(connect(socket(AF_UNIX, type | SOCK_NONBLOCK, 0), IN("127.0.0.1", 7001)));
    struct sockaddr_un nothing = {.sun_family = AF_UNSPEC};
    CASE(connect(socket(AF_UNIX, type | SOCK_NONBLOCK, 0), (struct sockaddr*)&nothing, sizeof nothing));
    close_all();
  }
}

/// Descriptors and credentials that travel in a message that also names its address.
static void ancillary(void) {
  struct sockaddr_un a;
  int server = socket(AF_UNIX, SOCK_DGRAM, 0);
  socklen_t length = un_address(&a, "fds");
  CASE(bind(server, (struct sockaddr*)&a, length));
  int on = 1;
  setsockopt(server, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  int client = socket(AF_UNIX, SOCK_DGRAM, 0);
  make_file("sent", 0600, "through a socket");
  int file = open("sent", O_RDONLY);
  union {
    char bytes[CMSG_SPACE(sizeof(int) * 3) + CMSG_SPACE(sizeof(struct ucred))];
    struct cmsghdr align;
  } control;
  memset(&control, 0, sizeof control);
  struct iovec part = {"fd", 2};
  struct msghdr message = {.msg_name = &a, .msg_namelen = length, .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control};
  for (int variant = 0; variant < 6; variant++) {
    struct cmsghdr* header = &control.align;
    int fds[3] = {file, 1, server};
    struct ucred creds = {getpid(), getuid(), getgid()};
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fds);
    message.msg_controllen = CMSG_SPACE(sizeof fds);
    if (variant == 1) fds[1] = 999;
    memcpy(CMSG_DATA(header), fds, sizeof fds);
    if (variant == 2) header->cmsg_len = 3;
    if (variant == 3) header->cmsg_type = 77;
    if (variant >= 4) {
      header->cmsg_type = SCM_CREDENTIALS;
      header->cmsg_len = CMSG_LEN(sizeof creds);
      message.msg_controllen = CMSG_SPACE(sizeof creds);
      if (variant == 5) creds.uid = 4444;
      memcpy(CMSG_DATA(header), &creds, sizeof creds);
    }
    say("ancillary %d -> %s", variant, outcome(sendmsg(client, &message, 0)));
    char text[16];
    union {
      char bytes[256];
      struct cmsghdr align;
    } received;
    struct iovec into = {text, sizeof text};
    struct msghdr incoming = {.msg_iov = &into, .msg_iovlen = 1, .msg_control = &received, .msg_controllen = sizeof received};
    ssize_t got = recvmsg(server, &incoming, MSG_DONTWAIT);
    say("received %zd flags %x", got, got >= 0 ? incoming.msg_flags : 0);
    if (got < 0) continue;
    for (struct cmsghdr* c = CMSG_FIRSTHDR(&incoming); c != NULL; c = CMSG_NXTHDR(&incoming, c)) {
      say("  type %d length %zu", c->cmsg_type, (size_t)c->cmsg_len);
      if (c->cmsg_type == SCM_RIGHTS) {
        int passed[3];
        memcpy(passed, CMSG_DATA(c), sizeof passed);
        char contents[8] = "";
        pread(passed[0], contents, 7, 0);
        say("  contents '%s'", contents);
        for (int i = 0; i < 3; i++) close(passed[i]);
      } else if (c->cmsg_type == SCM_CREDENTIALS) {
        memcpy(&creds, CMSG_DATA(c), sizeof creds);
        say("  from %u:%u", creds.uid, creds.gid);
      }
    }
  }
  unlink("fds");
  close_all();
}

static void raise_loopback(void) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq request = {.ifr_name = "lo"};
  ioctl(fd, SIOCGIFFLAGS, &request);
  say("loopback up: %d", (request.ifr_flags & IFF_UP) != 0);
  close(fd);
}

int main(int argc, char** argv) {
  begin(argc, argv);
  signal(SIGPIPE, SIG_IGN);
  raise_loopback();
  creation();
  inet_streams();
  inet6_streams();
  datagrams();
  unix_sockets();
  ancillary();
  return 0;
}
