// What the other end of a UNIX socket tells of the process that connected, listened or sent for this one: a pidfd of it would be
// a way to its descriptors. Lines "reached ..." are holes.
//
//   peer PATH          the socket's name; everything happens in this process
#include <sys/ioctl.h>

#include "guest.h"

enum { option_pass_pidfd = 76, option_peer_pidfd = 77, control_pidfd = 4, option_pass_credentials = 16 };
static const unsigned long get_pid_namespace = 0xff06;  // PIDFD_GET_PID_NAMESPACE, 6.11

/// A pidfd of somebody who is not this process's own namespace's: what can be done with it?
static void use(const char* from, int pidfd) {
  if (pidfd < 0) return;
  if (syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == 0) {
    printf("%s: of a process in here\n", from);
    return;
  }
  printf("reached a pidfd by %s\n", from);
  int taken = 0;
  for (int number = 0; number < 1000; number++) taken += syscall(SYS_pidfd_getfd, pidfd, number, 0) >= 0;
  if (taken > 0) printf("reached %d descriptors by %s\n", taken, from);
  if (ioctl(pidfd, get_pid_namespace, 0) >= 0) printf("reached a namespace by %s\n", from);
}

static void ask(const char* from, int fd) {
  int pidfd = -1;
  socklen_t size = sizeof pidfd;
  long result = getsockopt(fd, SOL_SOCKET, option_peer_pidfd, &pidfd, &size);
  printf("%s: %s\n", from, outcome(result));
  if (result == 0) use(from, pidfd);
}

static void receive(const char* from, int fd) {
  char byte;
  char control[256];
  struct iovec piece = {&byte, 1};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  if (recvmsg(fd, &message, MSG_DONTWAIT) < 0) return;
  for (struct cmsghdr* c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == control_pidfd) use(from, *(int*)CMSG_DATA(c));
  }
}

int main(int argc, char** argv) {
  must(argc == 2, "usage");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", argv[1]);
  const int on = 1;
  for (int i = 0; i < 2; i++) {
    const int type = i == 0 ? SOCK_STREAM : SOCK_DGRAM;
    unlink(argv[1]);
    int server = socket(AF_UNIX, type, 0);
    int client = socket(AF_UNIX, type, 0);
    must(bind(server, (struct sockaddr*)&address, sizeof address) == 0, "bind");
    long pass = setsockopt(server, SOL_SOCKET, option_pass_pidfd, &on, sizeof on);
    printf("pass: %s\n", outcome(pass));
    if (type == SOCK_STREAM) {
      must(listen(server, 1) == 0, "listen");
      must(connect(client, (struct sockaddr*)&address, sizeof address) == 0, "connect");
      int accepted = accept(server, NULL, NULL);
      setsockopt(accepted, SOL_SOCKET, option_pass_pidfd, &on, sizeof on);
      ask("server", accepted);
      ask("client", client);
      struct iovec piece = {"x", 1};
      struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
      must(sendmsg(client, &message, 0) == 1, "sendmsg");
      receive("stream message", accepted);
    } else {
      must(sendto(client, "x", 1, 0, (struct sockaddr*)&address, sizeof address) == 1, "sendto");
      receive("datagram", server);
    }
  }
  puts("end");
  return 0;
}
