// try_network OPERATION ARGS [-- ...]: socket operations one after the other, each with a line of outcome.
//
// Operations: connect|bind|listen|sendto|sendmsg|sendmmsg|fastopen|route ADDRESS, socket FAMILY TYPE, named things below.
// ADDRESS: "tcp 1.2.3.4:80", "tcp6 [::1]:80", "udp ...", "unix /path", "unixdgram /path", "abstract name", "unspec". Each is two
// words.
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include "guest.h"

struct address {
  int type;
  socklen_t length;
  struct sockaddr_storage storage;
};

static struct address parse(const char* kind, const char* text) {
  struct address result = {.type = SOCK_STREAM};
  bool dgram = strncmp(kind, "udp", 3) == 0 || strcmp(kind, "unixdgram") == 0;
  if (dgram) result.type = SOCK_DGRAM;
  if (strcmp(kind, "unspec") == 0) {
    result.storage.ss_family = AF_UNSPEC;
    result.length = sizeof(struct sockaddr_in);
  } else if (strncmp(kind, "unix", 4) == 0 || strcmp(kind, "abstract") == 0) {
    struct sockaddr_un* un = (struct sockaddr_un*)&result.storage;
    un->sun_family = AF_UNIX;
    bool abstract = strcmp(kind, "abstract") == 0;
    strncpy(un->sun_path + abstract, text, sizeof un->sun_path - 2);
    result.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + abstract + strlen(text) + !abstract);
  } else if (strchr(kind, '6') != NULL) {
    struct sockaddr_in6* in6 = (struct sockaddr_in6*)&result.storage;
    char host[64];
    unsigned port = 0;
    must(sscanf(text, "[%63[^]]]:%u", host, &port) == 2, "[address]:port");
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons((uint16_t)port);
    must(inet_pton(AF_INET6, host, &in6->sin6_addr) == 1, "inet_pton");
    result.length = sizeof *in6;
  } else {
    struct sockaddr_in* in = (struct sockaddr_in*)&result.storage;
    char host[64];
    unsigned port = 0;
    must(sscanf(text, "%63[^:]:%u", host, &port) == 2, "address:port");
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)port);
    must(inet_pton(AF_INET, host, &in->sin_addr) == 1, "inet_pton");
    result.length = sizeof *in;
  }
  return result;
}

/// A loose source route: the packets go to `hop` first, whatever the address of the call is.
static size_t source_route(const struct address* hop, unsigned char* options) {
  const struct sockaddr_in* in = (const struct sockaddr_in*)&hop->storage;
  memcpy(options, (const unsigned char[]){131, 11, 4}, 3);  // IPOPT_LSRR, length, pointer
  memcpy(options + 3, &in->sin_addr, 4);
  memset(options + 7, 127, 4);
  options[11] = 0;
  return 12;
}
/// A type 4 routing header with one segment.
static size_t routing_header(const struct address* hop, unsigned char* options) {
  memset(options, 0, 40);
  memcpy(options, (const unsigned char[]){0, 4, 4, 1, 1}, 5);
  options[24 + 15] = 1;  // last address
  memcpy(options + 24, &((const struct sockaddr_in6*)&hop->storage)->sin6_addr, 16);
  return 40;
}

static int family_of(const struct address* a) { return a->storage.ss_family == AF_UNSPEC ? AF_INET : a->storage.ss_family; }

static long finish(int fd, long result) {
  int saved = errno;
  close(fd);
  errno = saved;
  return result;
}

/// Connects without blocking for more than two seconds, so that an unreachable peer does not stop a test.
static long connect_within(int fd, const struct address* a) {
  struct timeval limit = {2, 0};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  return connect(fd, (const struct sockaddr*)&a->storage, a->length);
}

static long run(const char* operation, const char* kind, const char* text) {
  if (strcmp(operation, "socket") == 0) {
    int fd = socket(atoi(kind), atoi(text), 0);
    return fd < 0 ? -1 : finish(fd, 0);
  }
  if (strcmp(operation, "socket3") == 0) {  // socket3 FAMILY TYPE,PROTOCOL
    int fd = socket(atoi(kind), atoi(text), atoi(strchr(text, ',') + 1));
    return fd < 0 ? -1 : finish(fd, 0);
  }
  if (strcmp(operation, "socketpair") == 0) {
    int pair[2];
    long result = socketpair(atoi(kind), atoi(text), 0, pair);
    return result;
  }
  struct address a = parse(kind, text);
  struct sockaddr* name = (struct sockaddr*)&a.storage;
  int fd = socket(family_of(&a), a.type | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  char byte = 'x';
  struct iovec iov = {&byte, 1};
  struct mmsghdr message = {.msg_hdr = {.msg_name = name, .msg_namelen = a.length, .msg_iov = &iov, .msg_iovlen = 1}};
  if (strcmp(operation, "connect") == 0) return finish(fd, connect_within(fd, &a));
  if (strcmp(operation, "bind") == 0) return finish(fd, bind(fd, name, a.length));
  if (strcmp(operation, "listen") == 0) {
    if (bind(fd, name, a.length) != 0) return finish(fd, -1);
    return finish(fd, listen(fd, 1));
  }
  if (strcmp(operation, "listen_unbound") == 0) return finish(fd, listen(fd, 1));
  if (strcmp(operation, "sendto") == 0) return finish(fd, sendto(fd, &byte, 1, MSG_NOSIGNAL, name, a.length));
  if (strcmp(operation, "sendmsg") == 0) return finish(fd, sendmsg(fd, &message.msg_hdr, MSG_NOSIGNAL));
  if (strcmp(operation, "sendmmsg") == 0) return finish(fd, sendmmsg(fd, &message, 1, MSG_NOSIGNAL));
  if (strcmp(operation, "fastopen") == 0) return finish(fd, sendto(fd, &byte, 1, MSG_FASTOPEN | MSG_NOSIGNAL, name, a.length));
  if (strcmp(operation, "fastopen_msg") == 0) return finish(fd, sendmsg(fd, &message.msg_hdr, MSG_FASTOPEN | MSG_NOSIGNAL));
  if (strcmp(operation, "fastopen_connect") == 0) {  // the SYN leaves with the first write
    setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof one);
    if (connect_within(fd, &a) != 0) return finish(fd, -1);
    return finish(fd, send(fd, &byte, 1, MSG_NOSIGNAL));
  }
  if (strcmp(operation, "reconnect") == 0) {  // connect to unspec first: dissolves an association
    struct sockaddr_in none = {.sin_family = AF_UNSPEC};
    connect(fd, (struct sockaddr*)&none, sizeof none);
    return finish(fd, connect_within(fd, &a));
  }
  if (strcmp(operation, "route") == 0) {  // the address is the hop; the peer is an allowed one
    unsigned char options[64];
    bool six = family_of(&a) == AF_INET6;
    size_t size = six ? routing_header(&a, options) : source_route(&a, options);
    return finish(fd, setsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_RTHDR : IP_OPTIONS, options, (socklen_t)size));
  }
  if (strcmp(operation, "route_message") == 0) {
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    char control[CMSG_SPACE(12)] __attribute__((aligned(8))) = {0};
    struct cmsghdr* header = (struct cmsghdr*)control;
    header->cmsg_len = CMSG_LEN(source_route(&a, CMSG_DATA(header)));
    header->cmsg_level = IPPROTO_IP;
    header->cmsg_type = IP_RETOPTS;
    message.msg_hdr.msg_name = &local;
    message.msg_hdr.msg_namelen = sizeof local;
    message.msg_hdr.msg_control = control;
    message.msg_hdr.msg_controllen = sizeof control;
    return finish(fd, sendmsg(fd, &message.msg_hdr, MSG_NOSIGNAL));
  }
  if (strcmp(operation, "sendmmsg2") == 0) {  // the second message goes to the address, the first to a local port
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct mmsghdr two[2] = {{.msg_hdr = {.msg_name = &local, .msg_namelen = sizeof local, .msg_iov = &iov, .msg_iovlen = 1}},
                             message};
    long sent = sendmmsg(fd, two, 2, MSG_NOSIGNAL);
    if (sent == 2) return finish(fd, 0);
    if (sent == 1) errno = ECANCELED;  // refused at the second
    return finish(fd, -1);
  }
  fprintf(stderr, "try_network: no operation '%s'\n", operation);
  exit(2);
}

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  for (int i = 1; i + 2 < argc; i += 4) {
    long result = run(argv[i], argv[i + 1], argv[i + 2]);
    const char* said = outcome(result);
    printf("%s %s %s = %s\n", argv[i], argv[i + 1], argv[i + 2], said);
    fflush(stdout);
  }
  return 0;
}
