#include "supervisor/network/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <boost/test/unit_test.hpp>
#include <cstring>

namespace warder::supervisor::network {
namespace {

constexpr SocketKind tcp4{AF_INET, SOCK_STREAM};
constexpr SocketKind tcp6{AF_INET6, SOCK_STREAM};
constexpr SocketKind udp4{AF_INET, SOCK_DGRAM};
constexpr SocketKind udp6{AF_INET6, SOCK_DGRAM};
constexpr SocketKind raw4{AF_INET, SOCK_RAW};
constexpr SocketKind unix_stream{AF_UNIX, SOCK_STREAM};

SocketAddress inet(const char* text, std::uint16_t port, sa_family_t family = AF_INET) {
  SocketAddress address;
  auto& inet = reinterpret_cast<sockaddr_in&>(address.storage);
  inet.sin_family = family;
  inet.sin_port = htons(port);
  BOOST_REQUIRE(::inet_pton(AF_INET, text, &inet.sin_addr) == 1);
  address.size = sizeof inet;
  return address;
}

SocketAddress inet6(const char* text, std::uint16_t port) {
  SocketAddress address;
  auto& inet = reinterpret_cast<sockaddr_in6&>(address.storage);
  inet.sin6_family = AF_INET6;
  inet.sin6_port = htons(port);
  BOOST_REQUIRE(::inet_pton(AF_INET6, text, &inet.sin6_addr) == 1);
  address.size = sizeof inet;
  return address;
}

SocketAddress unix_name(std::string_view name) {
  SocketAddress address;
  auto& un = reinterpret_cast<sockaddr_un&>(address.storage);
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, name.data(), name.size());
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  return address;
}

std::string spelled(SocketAddress address, const SocketKind& kind, Purpose purpose = Purpose::connect) {
  const Outcome<Meaning> meaning = understand(address, kind, purpose);
  if (!meaning.ok()) return "errno " + std::to_string(meaning.code());
  switch (meaning->kind) {
    case Meaning::Kind::none:
      return "none";
    case Meaning::Kind::unix_path:
      return "path " + std::string(meaning->text);
    case Meaning::Kind::unix_autobind:
      return "autobind";
    default:
      return address_text(meaning->endpoint);
  }
}

BOOST_AUTO_TEST_SUITE(socket_addresses)

BOOST_AUTO_TEST_CASE(every_spelling_of_an_ipv4_address_is_the_one_endpoint) {
  BOOST_TEST(spelled(inet("169.254.169.254", 80), tcp4) == "tcp 169.254.169.254:80");
  BOOST_TEST(spelled(inet6("::ffff:169.254.169.254", 80), tcp6) == "tcp 169.254.169.254:80");
  BOOST_TEST(spelled(inet6("::ffff:a9fe:a9fe", 80), udp6) == "udp 169.254.169.254:80");
  BOOST_TEST(spelled(inet("169.254.169.254", 80), udp6, Purpose::send) == "udp 169.254.169.254:80");
  BOOST_TEST(spelled(inet("169.254.169.254", 80, AF_UNSPEC), udp4, Purpose::send) == "udp 169.254.169.254:80");
}

BOOST_AUTO_TEST_CASE(a_longer_or_dirty_address_means_the_same) {
  SocketAddress address = inet("10.0.0.1", 443);
  std::memset(reinterpret_cast<sockaddr_in&>(address.storage).sin_zero, 0xff, 8);
  address.size = sizeof address.storage;
  BOOST_TEST(spelled(address, tcp4) == "tcp 10.0.0.1:443");
}

BOOST_AUTO_TEST_CASE(this_host_is_loopback_and_the_kernel_is_given_loopback) {
  SocketAddress any = inet("0.0.0.0", 80);
  BOOST_TEST(spelled(any, tcp4) == "tcp 127.0.0.1:80");
  BOOST_REQUIRE(understand(any, tcp4, Purpose::connect).ok());
  BOOST_TEST(reinterpret_cast<sockaddr_in&>(any.storage).sin_addr.s_addr == htonl(INADDR_LOOPBACK));
  BOOST_TEST(spelled(inet6("::", 80), tcp6) == "tcp [::1]:80");
  BOOST_TEST(spelled(inet6("::ffff:0.0.0.0", 80), tcp6) == "tcp 127.0.0.1:80");
}

BOOST_AUTO_TEST_CASE(binding_to_any_address_stays_any) {
  BOOST_TEST(spelled(inet("0.0.0.0", 8080), tcp4, Purpose::bind) == "tcp 0.0.0.0:8080");
  BOOST_TEST(spelled(inet("0.0.0.0", 8080, AF_UNSPEC), tcp4, Purpose::bind) == "tcp 0.0.0.0:8080");
  BOOST_TEST(spelled(inet6("::", 8080), tcp6, Purpose::bind) == "tcp [::]:8080");
}

BOOST_AUTO_TEST_CASE(unspecified_dissolves_and_names_nobody) {
  SocketAddress nobody;
  nobody.size = sizeof(sa_family_t);
  BOOST_TEST(spelled(nobody, tcp4) == "none");
  BOOST_TEST(spelled(nobody, udp6, Purpose::send) == "none");
  BOOST_TEST(spelled(inet("10.0.0.1", 1, AF_UNSPEC), udp6, Purpose::send) == "none");
}

BOOST_AUTO_TEST_CASE(an_address_too_short_for_its_family_is_not_guessed) {
  SocketAddress address = inet("10.0.0.1", 80);
  address.size = 8;
  BOOST_TEST(spelled(address, tcp4) == "errno " + std::to_string(EINVAL));
  address = inet6("::1", 80);
  address.size = 20;
  BOOST_TEST(spelled(address, tcp6) == "errno " + std::to_string(EINVAL));
  BOOST_TEST(spelled(inet6("::1", 80), tcp4) == "errno " + std::to_string(EAFNOSUPPORT));
  address.size = 1;
  BOOST_TEST(spelled(address, tcp4) == "errno " + std::to_string(EINVAL));
}

BOOST_AUTO_TEST_CASE(raw_sockets_and_other_families_are_no_addresses) {
  BOOST_TEST(spelled(inet("10.0.0.1", 0), raw4, Purpose::send) == "other 2");
  BOOST_TEST(spelled(inet("10.0.0.1", 0), SocketKind{AF_NETLINK, SOCK_RAW}) == "other 16");
}

BOOST_AUTO_TEST_CASE(unix_names_are_cut_as_the_kernel_cuts_them) {
  using namespace std::string_view_literals;
  BOOST_TEST(spelled(unix_name("/run/x.sock"), unix_stream) == "path /run/x.sock");
  BOOST_TEST(spelled(unix_name("/run/x.sock\0/tail"sv), unix_stream) == "path /run/x.sock");
  BOOST_TEST(spelled(unix_name("\0name"sv), unix_stream) == "abstract name");
  BOOST_TEST(spelled(unix_name("\0na\0me"sv), unix_stream) == std::string("abstract na\0me"sv));
  BOOST_TEST(spelled(unix_name(""), unix_stream, Purpose::bind) == "autobind");
  BOOST_TEST(spelled(unix_name(""), unix_stream) == "errno " + std::to_string(EINVAL));
  BOOST_TEST(spelled(unix_name(std::string(108, 'x')), unix_stream) == "path " + std::string(108, 'x'));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace warder::supervisor::network
