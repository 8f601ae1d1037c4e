// try_names COMMAND ARGS [-- COMMAND ARGS ...]: DNS questions in every way that programs ask them, and what becomes of the
// answers.
//
// ask WAY SERVER NAME [a|aaaa|txt|https]  one question; prints the answer's code and addresses. WAY: connect, sendto, sendmsg,
//   sendmmsg, tcp, bound (as musl: bind first), dup (asks over a dup'ed descriptor), edns
// go ADDRESS PORT       connects by TCP
// raw SERVER HEX        sends these bytes to port 53, prints how many came back within a second
// refused SERVER PORT   sends a datagram to another port
// shared SERVER NAME ADDRESS  one UDP socket that asks SERVER and then sends to ADDRESS:9
// sleep MILLISECONDS
// storm SERVER NAME PORT THREADS ROUNDS  threads that each resolve and then connect to whatever they were told
// bind ADDRESS PORT     binds a datagram socket
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

#include "guest.h"

struct answer {
  int code;  // -1: none came
  bool truncated;
  int count;
  char address[32][INET6_ADDRSTRLEN];
};

static socklen_t to_address(const char* text, uint16_t port, struct sockaddr_storage* into) {
  memset(into, 0, sizeof *into);
  struct sockaddr_in* in = (struct sockaddr_in*)into;
  struct sockaddr_in6* in6 = (struct sockaddr_in6*)into;
  if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    return sizeof *in;
  }
  must(inet_pton(AF_INET6, text, &in6->sin6_addr) == 1, text);
  in6->sin6_family = AF_INET6;
  in6->sin6_port = htons(port);
  return sizeof *in6;
}

static size_t question(unsigned char* into, uint16_t id, const char* name, const char* type, bool edns) {
  static const struct {
    const char* word;
    int type;
  } types[] = {{"a", 1}, {"aaaa", 28}, {"txt", 16}, {"https", 65}};
  unsigned char head[12] = {id >> 8, id & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, edns};
  memcpy(into, head, 12);
  size_t at = 12;
  while (*name != '\0') {
    size_t length = strcspn(name, ".");
    into[at++] = (unsigned char)length;
    memcpy(into + at, name, length);
    at += length;
    name += length + (name[length] == '.');
  }
  into[at++] = 0;
  int number = 1;
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    if (type != NULL && strcmp(type, types[i].word) == 0) number = types[i].type;
  }
  const unsigned char tail[4] = {0, (unsigned char)number, 0, 1};
  memcpy(into + at, tail, 4);
  at += 4;
  if (!edns) return at;
  const unsigned char option[11] = {0, 0, 41, 0x04, 0xd0};
  memcpy(into + at, option, 11);
  return at + 11;
}

static size_t skip_name(const unsigned char* message, size_t size, size_t at) {
  while (at < size && message[at] != 0) {
    if ((message[at] & 0xc0) == 0xc0) return at + 2;
    at += message[at] + 1u;
  }
  return at + 1;
}

static struct answer parse(const unsigned char* message, size_t size) {
  struct answer result = {.code = -1};
  if (size < 12) return result;
  result.code = message[3] & 0xf;
  result.truncated = (message[2] & 2) != 0;
  int records = message[6] << 8 | message[7];
  size_t at = skip_name(message, size, 12) + 4;
  while (records-- > 0 && at + 12 <= size) {
    at = skip_name(message, size, at);
    int type = message[at] << 8 | message[at + 1];
    size_t length = (size_t)(message[at + 8] << 8 | message[at + 9]);
    at += 10;
    if (at + length > size) break;
    if ((type == 1 || type == 28) && result.count < 32) {
      inet_ntop(type == 1 ? AF_INET : AF_INET6, message + at, result.address[result.count++], INET6_ADDRSTRLEN);
    }
    at += length;
  }
  return result;
}

static ssize_t receive(int fd, unsigned char* into, size_t size, const struct sockaddr_storage* server) {
  struct pollfd waiting = {fd, POLLIN, 0};
  if (poll(&waiting, 1, 3000) <= 0) return -1;
  struct sockaddr_storage from;
  socklen_t length = sizeof from;
  memset(&from, 0, sizeof from);
  ssize_t got = recvfrom(fd, into, size, 0, (struct sockaddr*)&from, &length);
  // As musl, c-ares and others: an answer of somebody else is none.
  if (got >= 0 && memcmp(&from, server, length < sizeof from ? length : sizeof from) != 0) {
    printf("(from a stranger) ");
    return -1;
  }
  return got;
}

static struct answer ask(const char* way, const char* server, const char* name, const char* type) {
  struct answer none = {.code = -1};
  struct sockaddr_storage to;
  socklen_t length = to_address(server, 53, &to);
  static __thread uint16_t id = 77;
  unsigned char asked[600], got[70000];
  bool tcp = strcmp(way, "tcp") == 0;
  size_t size = question(asked + 2, ++id, name, type, strcmp(way, "edns") == 0);
  asked[0] = (unsigned char)(size >> 8), asked[1] = (unsigned char)size;
  int fd = socket(to.ss_family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
  if (strcmp(way, "bound") == 0) {
    struct sockaddr_storage any = {.ss_family = to.ss_family};
    must(bind(fd, (struct sockaddr*)&any, length) == 0, "bind");
  }
  int used = fd;
  struct iovec part = {asked + 2, size};
  struct mmsghdr message = {.msg_hdr = {.msg_name = &to, .msg_namelen = length, .msg_iov = &part, .msg_iovlen = 1}};
  long sent = -1;
  if (strcmp(way, "sendto") == 0 || strcmp(way, "bound") == 0) {
    sent = sendto(fd, asked + 2, size, 0, (struct sockaddr*)&to, length);
  } else if (strcmp(way, "sendmsg") == 0) {
    sent = sendmsg(fd, &message.msg_hdr, 0);
  } else if (strcmp(way, "sendmmsg") == 0) {
    sent = sendmmsg(fd, &message, 1, 0);
  } else {
    sent = connect(fd, (struct sockaddr*)&to, length);
    if (strcmp(way, "dup") == 0) used = dup(fd);
    struct sockaddr_storage peer;
    socklen_t peer_length = sizeof peer;
    if (sent == 0 && (getpeername(used, (struct sockaddr*)&peer, &peer_length) != 0 || memcmp(&peer, &to, length) != 0)) {
      printf("(another peer) ");
    }
    if (sent == 0) sent = tcp ? write(used, asked, size + 2) : write(used, asked + 2, size);
  }
  if (sent < 0) printf("%s ", outcome(sent));
  if (sent >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0) printf("(not close-on-exec) ");
  struct answer result = none;
  if (sent >= 0 && tcp) {
    struct timeval limit = {3, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (recv(fd, got, 2, MSG_WAITALL) == 2) {
      size_t whole = (size_t)(got[0] << 8 | got[1]);
      if (recv(fd, got, whole, MSG_WAITALL) == (ssize_t)whole) result = parse(got, whole);
    }
  } else if (sent >= 0) {
    ssize_t size_got = receive(used, got, sizeof got, &to);
    if (size_got >= 2 && (got[0] << 8 | got[1]) == id) result = parse(got, (size_t)size_got);
  }
  if (used != fd) close(used);
  close(fd);
  return result;
}

static long go(const char* address, uint16_t port) {
  struct sockaddr_storage to;
  socklen_t length = to_address(address, port, &to);
  int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct timeval limit = {5, 0};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  long result = connect(fd, (struct sockaddr*)&to, length);
  int saved = errno;
  close(fd);
  errno = saved;
  return result;
}

struct storm {
  const char *server, *name;
  uint16_t port;
  int rounds, reached, failed, unanswered;
  char first[64];
};
static void* storm(void* argument) {
  struct storm* s = argument;
  static const char* const ways[] = {"connect", "sendto", "tcp"};
  for (int round = 0; round < s->rounds; round++) {
    struct answer told = ask(ways[round % 3], s->server, s->name, "a");
    if (told.code != 0 || told.count == 0) s->unanswered++;
    for (int i = 0; i < told.count; i++) {
      if (go(told.address[i], s->port) == 0) {
        s->reached++;
      } else {
        if (s->failed++ == 0) snprintf(s->first, sizeof s->first, "%s %s", told.address[i], outcome(-1));
      }
    }
  }
  return NULL;
}

static void run(int count, char** words) {
  const char* command = words[0];
  if (strcmp(command, "ask") == 0 && count >= 4) {
    struct answer told = ask(words[1], words[2], words[3], count > 4 ? words[4] : "a");
    printf("%s", told.code < 0    ? "nothing"
                 : told.code == 0 ? "told"
                 : told.code == 3 ? "NXDOMAIN"
                 : told.code == 2 ? "SERVFAIL"
                                  : "code");
    if (told.truncated) printf(" truncated");
    for (int i = 0; i < told.count; i++) printf(" %s", told.address[i]);
  } else if (strcmp(command, "go") == 0 && count == 3) {
    printf("%s", outcome(go(words[1], (uint16_t)atoi(words[2]))));
  } else if (strcmp(command, "bind") == 0 && count == 3) {
    struct sockaddr_storage to;
    socklen_t length = to_address(words[1], (uint16_t)atoi(words[2]), &to);
    printf("%s", outcome(bind(socket(to.ss_family, SOCK_DGRAM, 0), (struct sockaddr*)&to, length)));
  } else if (strcmp(command, "raw") == 0 && count == 3) {
    struct sockaddr_storage to;
    socklen_t length = to_address(words[1], 53, &to);
    int fd = socket(to.ss_family, SOCK_DGRAM, 0);
    connect(fd, (struct sockaddr*)&to, length);
    unsigned char bytes[2000];
    size_t size = 0;
    for (const char* hex = words[2]; hex[0] != '\0' && hex[1] != '\0'; hex += 2) sscanf(hex, "%2hhx", &bytes[size++]);
    write(fd, bytes, size);
    struct pollfd waiting = {fd, POLLIN, 0};
    printf("%zd", poll(&waiting, 1, 1000) > 0 ? read(fd, bytes, sizeof bytes) : (ssize_t)-1);
    close(fd);
  } else if (strcmp(command, "refused") == 0 && count == 3) {
    struct sockaddr_storage to;
    socklen_t length = to_address(words[1], (uint16_t)atoi(words[2]), &to);
    printf("%s", outcome(sendto(socket(to.ss_family, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr*)&to, length)));
  } else if (strcmp(command, "shared") == 0 && count == 4) {
    struct sockaddr_storage server, other;
    socklen_t length = to_address(words[1], 53, &server);
    socklen_t other_length = to_address(words[3], 9, &other);
    int fd = socket(server.ss_family, SOCK_DGRAM, 0);
    unsigned char asked[600], got[2000];
    size_t size = question(asked, 9, words[2], "a", false);
    for (int i = 0; i < 2; i++) {
      sendto(fd, asked, size, 0, (struct sockaddr*)&server, length);
      struct answer told = {.code = -1};
      ssize_t size_got = receive(fd, got, sizeof got, &server);
      if (size_got > 0) told = parse(got, (size_t)size_got);
      printf("%d:%d %s ", told.code, told.count, outcome(sendto(fd, "x", 1, 0, (struct sockaddr*)&other, other_length)));
    }
  } else if (strcmp(command, "sleep") == 0 && count == 2) {
    sleep_ms(atol(words[1]));
    printf("OK");
  } else if (strcmp(command, "storm") == 0 && count == 6) {
    int threads = atoi(words[4]);
    pthread_t ids[64];
    struct storm all[64];
    for (int i = 0; i < threads; i++) {
      all[i] = (struct storm){words[1], words[2], (uint16_t)atoi(words[3]), atoi(words[5]), 0, 0, 0, ""};
      pthread_create(&ids[i], NULL, storm, &all[i]);
    }
    int reached = 0, failed = 0, unanswered = 0;
    const char* first = "";
    for (int i = 0; i < threads; i++) {
      pthread_join(ids[i], NULL);
      reached += all[i].reached, failed += all[i].failed, unanswered += all[i].unanswered;
      if (all[i].failed > 0) first = all[i].first;
    }
    printf("reached %d failed %d unanswered %d %s", reached, failed, unanswered, first);
  } else {
    fprintf(stderr, "try_names: what is '%s'?\n", command);
    exit(2);
  }
  printf("\n");
  fflush(stdout);
}

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  for (int begin = 1; begin < argc;) {
    int end = begin;
    while (end < argc && strcmp(argv[end], "--") != 0) end++;
    run(end - begin, argv + begin);
    begin = end + 1;
  }
  return 0;
}
