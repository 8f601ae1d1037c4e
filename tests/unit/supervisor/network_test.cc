// The handlers of sockets, for real: what a profile allows works under the supervisor as without it (law 3), and what it refuses
// is refused with its line, in every spelling.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "supervised.h"

namespace warder::supervisor::testing {
namespace {

/// Traps every call about sockets, and refuses what no test means to do.
constexpr const char* watched = R"(warder: 1
network:
  connect: ["tcp 127.0.0.1", "udp 127.0.0.1", "unix /work/**", "unix /tmp/**", "abstract warder-test*", "!tcp 127.0.0.1:9"]
  bind: ["tcp *", "udp *", "unix /work/**", "unix /tmp/**", "abstract warder-test*"]
)";

sockaddr_in inet(const char* text, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, text, &address.sin_addr);
  return address;
}

sockaddr_un unix_path(const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  return address;
}

template <class Address>
const sockaddr* generic(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

template <class Address>
long connect_to(int type, const Address& address) {
  const int socket = ::socket(generic(address)->sa_family, type, 0);
  const long result = ::connect(socket, generic(address), sizeof address);
  const int error = errno;
  ::close(socket);
  errno = error;
  return result;
}

void streams(Report& report) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in any = inet("0.0.0.0", 0);
  report.result("bind", ::bind(listener, generic(any), sizeof any));
  report.result("listen", ::listen(listener, 4));
  sockaddr_in bound{};
  socklen_t size = sizeof bound;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&bound), &size);
  const int client = ::socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in there = inet("127.0.0.1", ntohs(bound.sin_port));
  report.result("connect", ::connect(client, generic(there), sizeof there));
  report.result("connect again", ::connect(client, generic(there), sizeof there));
  const int server = ::accept(listener, nullptr, nullptr);
  iovec pieces[2] = {{const_cast<char*>("ab"), 2}, {const_cast<char*>("cde"), 3}};
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = 2;
  report.result("sendmsg", ::sendmsg(client, &message, 0));
  mmsghdr several[2] = {{message, 0}, {message, 0}};
  report.result("sendmmsg", ::sendmmsg(client, several, 2, 0));
  report.result("length of the second", several[1].msg_len);
  char text[32] = {};
  report.result("recv", ::recv(server, text, 15, MSG_WAITALL));
  report.line(text);
  message.msg_iovlen = 2000;
  report.result("too many pieces", ::sendmsg(client, &message, 0));
  message.msg_iovlen = 1;
  pieces[0].iov_base = nullptr;
  report.result("unreadable data", ::sendmsg(client, &message, 0));
}

void unix_sockets(Report& report) {
  const sockaddr_un name = unix_path("/work/./s.sock");
  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  report.result("bind", ::bind(listener, generic(name), sizeof name));
  struct stat facts {};
  ::stat("/work/s.sock", &facts);
  report.line("mode " + std::to_string(facts.st_mode) + " owner " + std::to_string(facts.st_uid));
  sockaddr_un bound{};
  socklen_t size = sizeof bound;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&bound), &size);
  report.line(std::string("name ") + bound.sun_path + " " + std::to_string(size));
  report.result("bind there again", ::bind(::socket(AF_UNIX, SOCK_STREAM, 0), generic(name), sizeof name));
  report.result("listen", ::listen(listener, 1));
  const int client = ::socket(AF_UNIX, SOCK_STREAM, 0);
  report.result("connect", ::connect(client, generic(name), sizeof name));
  ucred peer{};
  size = sizeof peer;
  ::getsockopt(::accept(listener, nullptr, nullptr), SOL_SOCKET, SO_PEERCRED, &peer, &size);
  report.line("peer " + std::to_string(peer.uid) + ":" + std::to_string(peer.gid));
  report.result("connect to a file", connect_to(SOCK_STREAM, unix_path("/work/file")));
  report.result("connect to nothing", connect_to(SOCK_STREAM, unix_path("/work/absent")));
  report.result("connect to the wrong type", connect_to(SOCK_DGRAM, name));
  ::unlink("/work/s.sock");
}

void descriptors_travel(Report& report) {
  int ends[2];
  ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  const int sent = ::open("/work/file", O_RDONLY);
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec piece{const_cast<char*>("x"), 1};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  *header = {CMSG_LEN(sizeof sent), SOL_SOCKET, SCM_RIGHTS};
  std::memcpy(CMSG_DATA(header), &sent, sizeof sent);
  report.result("send", ::sendmsg(ends[0], &message, 0));
  char byte = 0;
  piece.iov_base = &byte;
  message.msg_controllen = sizeof control;
  report.result("receive", ::recvmsg(ends[1], &message, 0));
  int received = -1;
  std::memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof received);
  char text[16] = {};
  report.result("read", ::read(received, text, sizeof text - 1));
  report.line(text);
  const int bad = 999;
  std::memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &bad, sizeof bad);
  report.result("a descriptor that is none", ::sendmsg(ends[0], &message, 0));
}

void broken_pipe(Report& report) {
  int ends[2];
  ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  ::close(ends[1]);
  iovec piece{const_cast<char*>("x"), 1};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  report.result("asked not to be signalled", ::sendmsg(ends[0], &message, MSG_NOSIGNAL));
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGPIPE, SIG_DFL);
    ::sendmsg(ends[0], &message, 0);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  report.result("status", status);
}

void on_alarm(int /*signal*/) {}

void waiting_is_interrupted(Report& report) {
  int ends[2];
  ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  struct sigaction action {};
  action.sa_handler = on_alarm;
  ::sigaction(SIGALRM, &action, nullptr);
  std::vector<char> data(4 << 20);
  iovec piece{data.data(), data.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  while (::sendmsg(ends[0], &message, MSG_DONTWAIT) > 0) {
  }
  ::alarm(1);
  report.result("full socket", ::sendmsg(ends[0], &message, 0));
}

void prepare() {
  const int file = ::open("/work/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (::write(file, "content", 7) != 7 || ::chmod("/work", 01777) != 0) ::_exit(97);
  ::close(file);
}

void same(void (*body)(Report&), uid_t uid = 0) {
  Setting setting;
  setting.profile = watched;
  setting.before = prepare;
  setting.body = body;
  setting.uid = setting.gid = uid;
  setting.umask = 027;
  const Outcome supervised = run_supervised(setting);
  BOOST_TEST(supervised.report == run_natively(setting).report);
  BOOST_TEST(supervised.audit == "");
}

BOOST_AUTO_TEST_SUITE(sockets)

BOOST_AUTO_TEST_CASE(a_stream_behaves_as_without_a_supervisor) { same(streams); }

BOOST_AUTO_TEST_CASE(a_unix_socket_has_the_callers_name_owner_mode_and_peer) {
  same(unix_sockets);
  same(unix_sockets, 1000);
}

BOOST_AUTO_TEST_CASE(descriptors_travel_through_the_supervisor) { same(descriptors_travel); }

BOOST_AUTO_TEST_CASE(sigpipe_is_the_callers) { same(broken_pipe); }

BOOST_AUTO_TEST_CASE(a_signal_ends_the_wait_for_a_full_socket) { same(waiting_is_interrupted); }

BOOST_AUTO_TEST_CASE(a_refused_address_is_refused_in_every_spelling_and_logged) {
  Setting setting;
  setting.profile = watched;
  setting.before = prepare;
  setting.body = [](Report& report) {
    report.result("plain", connect_to(SOCK_STREAM, inet("169.254.169.254", 80)));
    sockaddr_in6 mapped{};
    mapped.sin6_family = AF_INET6;
    mapped.sin6_port = htons(80);
    ::inet_pton(AF_INET6, "::ffff:169.254.169.254", &mapped.sin6_addr);
    report.result("mapped", connect_to(SOCK_STREAM, mapped));
    report.result("this host", connect_to(SOCK_STREAM, inet("0.0.0.0", 9)));
    report.result("other path", connect_to(SOCK_STREAM, unix_path("/etc/s")));
    sockaddr_in unspecified = inet("8.8.8.8", 53);
    unspecified.sin_family = AF_UNSPEC;
    const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
    report.result("unspecified", ::sendto(socket, "x", 1, 0, generic(unspecified), sizeof unspecified));
    report.result("bind elsewhere", ::bind(::socket(AF_UNIX, SOCK_DGRAM, 0), generic(unix_path("/etc/s")), sizeof(sockaddr_un)));
  };
  const Outcome outcome = run_supervised(setting);
  const std::string refused = "errno " + std::to_string(EACCES);
  for (const char* name : {"plain", "mapped", "this host", "unspecified", "bind elsewhere"}) {
    BOOST_TEST(outcome.report.find(std::string(name) + ": " + refused) != std::string::npos, name << "\n" << outcome.report);
  }
  BOOST_TEST(outcome.audit.find("\"address\":\"tcp 169.254.169.254:80\"") != std::string::npos);
  BOOST_TEST(outcome.audit.find("\"hint\":\"connect: [\\\"tcp 127.0.0.1:9\\\"]\"") != std::string::npos, outcome.audit);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace warder::supervisor::testing
