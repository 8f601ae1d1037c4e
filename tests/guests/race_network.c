// Races on the calls that name a peer; see race.h. Denied: TCP and UDP port 7102, UNIX sockets below /race/no.
#include <arpa/inet.h>
#include <netinet/in.h>

#include "race.h"

static int denied_listener = -1, allowed_listener = -1;

static int local_socket(int type, uint16_t port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
  int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  must(bind(fd, (struct sockaddr*)&a, sizeof a) == 0, "bind");
  if (type == SOCK_STREAM) must(listen(fd, 100) == 0, "listen");
  return fd;
}
static int named_socket(int type, const char* path) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  strcpy(a.sun_path, path);
  unlink(path);
  int fd = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
  must(bind(fd, (struct sockaddr*)&a, sizeof a) == 0, path);
  if (type == SOCK_STREAM) must(listen(fd, 100) == 0, "listen");
  return fd;
}

static void ports(void) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  allowed_port = htons(7101);
  denied_port = htons(7102);
  a.sin_port = allowed_port;
  memcpy(&shared->address, &a, sizeof a);
  memcpy(&allowed_address, &a, sizeof a);
  a.sin_port = denied_port;
  memcpy(&denied_address, &a, sizeof a);
}
static void tcp_pair(void) {
  ports();
  allowed_listener = local_socket(SOCK_STREAM, 7101);
  denied_listener = local_socket(SOCK_STREAM, 7102);
}
static void udp_pair(void) {
  ports();
  allowed_listener = local_socket(SOCK_DGRAM, 7101);
  denied_listener = local_socket(SOCK_DGRAM, 7102);
  shared->message = (struct msghdr){.msg_name = &shared->address, .msg_namelen = sizeof(struct sockaddr_in)};
}
static void unix_address(void) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  strcpy(a.sun_path, swapping ? shared->path : allowed_path);
  memcpy(&shared->address, &a, sizeof a);
}
static void unix_stream_pair(void) {
  unix_address();
  allowed_listener = named_socket(SOCK_STREAM, allowed_path);
  denied_listener = named_socket(SOCK_STREAM, denied_path);
}
static void unix_dgram_pair(void) {
  unix_address();
  allowed_listener = named_socket(SOCK_DGRAM, allowed_path);
  denied_listener = named_socket(SOCK_DGRAM, denied_path);
}

static int made = -1;
static long connect_new(int family, socklen_t length) {
  made = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
  return connect(made, (struct sockaddr*)&shared->address, length);
}
static long act_connect_tcp(void) {
  long result = connect_new(AF_INET, sizeof(struct sockaddr_in));
  return result < 0 && errno == EINPROGRESS ? 0 : result;
}
static long act_connect_unix(void) { return connect_new(AF_UNIX, sizeof(struct sockaddr_un)); }
static bool accepted(long result) {
  (void)result;
  struct linger at_once = {1, 0};  // no TIME_WAIT: the ports last for all rounds
  int denied = accept4(denied_listener, NULL, NULL, SOCK_NONBLOCK);
  int allowed = accept4(allowed_listener, NULL, NULL, SOCK_NONBLOCK);
  if (made >= 0) setsockopt(made, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), close(made);
  made = -1;
  if (allowed >= 0) close(allowed);
  if (denied >= 0) close(denied);
  return denied >= 0;
}

static long send_new(void) {
  static int sender = -1;
  if (sender < 0) sender = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  return sender;
}
static long act_sendto(void) {
  return sendto((int)send_new(), "x", 1, 0, (struct sockaddr*)&shared->address, sizeof(struct sockaddr_in));
}
static struct iovec part = {"x", 1};
static long act_sendmsg(void) {
  shared->message.msg_iov = &part;
  shared->message.msg_iovlen = 1;
  return sendmsg((int)send_new(), &shared->message, 0);
}
static long act_sendmmsg(void) {
  struct mmsghdr two[2];
  memset(two, 0, sizeof two);
  for (int i = 0; i < 2; i++) {
    two[i].msg_hdr = (struct msghdr){
        .msg_name = &shared->address, .msg_namelen = sizeof(struct sockaddr_in), .msg_iov = &part, .msg_iovlen = 1};
  }
  return sendmmsg((int)send_new(), two, 2, 0);
}
static long act_sendto_unix(void) {
  static int sender = -1;
  if (sender < 0) sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  return sendto(sender, "x", 1, 0, (struct sockaddr*)&shared->address, sizeof(struct sockaddr_un));
}
static bool received(long result) {
  (void)result;
  char text[4];
  while (recv(allowed_listener, text, sizeof text, 0) >= 0) {
  }
  bool got = false;
  while (recv(denied_listener, text, sizeof text, 0) >= 0) got = true;
  return got;
}

static long act_bind_tcp(void) {
  made = socket(AF_INET, SOCK_STREAM, 0);
  return bind(made, (struct sockaddr*)&shared->address, sizeof(struct sockaddr_in));
}
static bool bound(long result) {
  (void)result;
  struct sockaddr_in a = {0};
  socklen_t length = sizeof a;
  getsockname(made, (struct sockaddr*)&a, &length);
  close(made);
  made = -1;
  return a.sin_port == denied_port;
}
static long act_bind_unix(void) {
  made = socket(AF_UNIX, SOCK_STREAM, 0);
  return bind(made, (struct sockaddr*)&shared->address, sizeof(struct sockaddr_un));
}
static bool bound_name(long result) {
  close(made);
  made = -1;
  if (result >= 0) unlink(allowed_path);
  struct stat st;
  if (lstat(denied_path, &st) != 0) return false;
  unlink(denied_path);
  return true;
}

/// The same number is a UDP socket, whose peer is allowed, or a TCP socket, whose peer is not.
static void socket_kinds(void) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(7103), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  memcpy(&shared->address, &a, sizeof a);
  denied_listener = local_socket(SOCK_STREAM, 7103);
  allowed_listener = local_socket(SOCK_DGRAM, 7103);
  allowed_fd = socket(AF_INET, SOCK_DGRAM, 0);
  denied_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  flipped_fd = dup(allowed_fd);
}
static long act_connect_fd(void) { return connect(flipped_fd, (struct sockaddr*)&shared->address, sizeof(struct sockaddr_in)); }
static bool accepted_stream(long result) {
  (void)result;
  int fd = accept4(denied_listener, NULL, NULL, SOCK_NONBLOCK);
  if (fd < 0) return false;
  close(fd);
  struct sockaddr_in none = {.sin_family = AF_UNSPEC};
  connect(denied_fd, (struct sockaddr*)&none, sizeof none);
  return true;
}

static const struct race races[] = {
    {"connect_tcp", port_bytes, "no", "", tcp_pair, act_connect_tcp, accepted},
    {"connect_unix", unix_bytes, "no", "sock", unix_stream_pair, act_connect_unix, accepted},
    {"connect_fd", descriptor, "no", "", socket_kinds, act_connect_fd, accepted_stream},
    {"bind_tcp", port_bytes, "no", "", ports, act_bind_tcp, bound},
    {"bind_unix", unix_bytes, "no", "bound", unix_address, act_bind_unix, bound_name},
    {"sendto", port_bytes, "no", "", udp_pair, act_sendto, received},
    {"sendto_unix", unix_bytes, "no", "dgram", unix_dgram_pair, act_sendto_unix, received},
    {"sendmsg", port_bytes, "no", "", udp_pair, act_sendmsg, received},
    {"sendmsg_name", name_pointer, "no", "", udp_pair, act_sendmsg, received},
    {"sendmmsg", port_bytes, "no", "", udp_pair, act_sendmmsg, received},
};

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  return run_race(races, sizeof races / sizeof races[0], argc, argv);
}
