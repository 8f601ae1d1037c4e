// DNS messages, what was told, and the resolver's files: taken apart, kept and forgotten as documented.
#include <arpa/inet.h>

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "supervisor/names/dns_message.h"
#include "supervisor/names/resolver_files.h"
#include "supervisor/names/told_addresses.h"

namespace warder::supervisor::names {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes_of(std::string_view text) {
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}
Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
Bytes number(unsigned value) { return {static_cast<std::byte>(value >> 8U), static_cast<std::byte>(value)}; }
Bytes header(unsigned id, unsigned flags, unsigned answers, unsigned additional = 0) {
  return number(id) + number(flags) + number(1) + number(answers) + number(0) + number(additional);
}
Bytes name(std::string_view text) {
  Bytes result;
  while (!text.empty()) {
    const std::string_view label = text.substr(0, text.find('.'));
    result = result + Bytes{static_cast<std::byte>(label.size())} + bytes_of(label);
    text.remove_prefix(std::min(text.size(), label.size() + 1));
  }
  return result + Bytes{std::byte{0}};
}
Bytes record(const Bytes& owner, unsigned type, unsigned seconds, const Bytes& data) {
  return owner + number(type) + number(1) + number(seconds >> 16U) + number(seconds) +
         number(static_cast<unsigned>(data.size())) + data;
}
Bytes ipv4(const char* text) {
  Bytes address(4);
  ::inet_pton(AF_INET, text, address.data());
  return address;
}
Bytes question_bytes(std::string_view text, unsigned type = 1) { return name(text) + number(type) + number(1); }

Question asked(std::string_view text, unsigned type = 1) {
  return read_question(header(7, 0x0100, 0) + question_bytes(text, type)).value();
}
std::optional<Answer> told(const Question& question, unsigned records, const Bytes& content, unsigned id = 99) {
  Bytes message = header(id, 0x8180, records) + question_bytes(question.name, question.type) + content;
  return take_answer(message, question, 99);
}

HostAddress host(const char* text) {
  HostAddress address;
  address.ipv6 = std::string_view(text).find(':') != std::string_view::npos;
  ::inet_pton(address.ipv6 ? AF_INET6 : AF_INET, text, address.bytes.data());
  return address;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(names)

BOOST_AUTO_TEST_CASE(a_question_is_read_and_written_anew_without_what_else_it_carried) {
  const Bytes options =
      Bytes{std::byte{0}} + number(41) + number(1232) + number(0) + number(0x8000) + number(6) + bytes_of("secret");
  const auto question = read_question(header(7, 0x0130, 0, 1) + question_bytes("WWW.Example.org", 28) + options);
  BOOST_REQUIRE(question.has_value());
  BOOST_TEST(question->name == "www.example.org");
  BOOST_TEST(question->payload == 1232U);
  BOOST_TEST(question->dnssec);
  const Bytes expected = header(0x1234, 0x0130, 0, 1) + question_bytes("www.example.org", 28) + Bytes{std::byte{0}} + number(41) +
                         number(1232) + number(0) + number(0x8000) + number(0);
  BOOST_TEST((write_question(*question, 0x1234) == expected));
  // The answer comes back in the client's spelling.
  const Bytes refusal = write_empty_answer(*question, ResponseCode::no_such_name);
  BOOST_TEST((Bytes(refusal.begin() + 12, refusal.begin() + 12 + 17) == name("WWW.Example.org")));
  BOOST_TEST(std::to_integer<int>(refusal[3] & std::byte{15}) == 3);
}

BOOST_AUTO_TEST_CASE(what_is_no_single_question_is_not_read) {
  const Bytes good = header(7, 0x0100, 0) + question_bytes("a.example");
  BOOST_TEST(read_question(good).has_value());
  for (std::size_t size = 0; size < good.size(); ++size) BOOST_TEST(!read_question(std::span(good).first(size)).has_value());
  BOOST_TEST(!read_question(header(7, 0x8100, 0) + question_bytes("a.example")).has_value());  // an answer
  BOOST_TEST(!read_question(header(7, 0x2900, 0) + question_bytes("a.example")).has_value());  // an update
  BOOST_TEST(!read_question(header(7, 0x0100, 1) + question_bytes("a.example")).has_value());
  BOOST_TEST(!read_question(header(7, 0x0100, 0) + name("a.example") + number(1) + number(3)).has_value());  // class CHAOS
  BOOST_TEST(!read_question(header(7, 0x0100, 0) + number(0xc00c) + number(1) + number(1)).has_value());
  BOOST_TEST(!read_question(header(7, 0x0100, 0) + number(0xc000) + number(1) + number(1)).has_value());
  BOOST_TEST(!read_question(header(7, 0x0100, 0) + Bytes(300, std::byte{1})).has_value());
}

BOOST_AUTO_TEST_CASE(bytes_of_no_host_name_make_another_name) {
  const Bytes odd =
      header(7, 0x0100, 0) + Bytes{std::byte{11}} + bytes_of("good.exampl") + Bytes{std::byte{0}} + number(1) + number(1);
  BOOST_TEST(read_question(odd)->name == "good\\046exampl");
}

BOOST_AUTO_TEST_CASE(addresses_are_those_of_the_name_and_of_its_aliases) {
  const Question question = asked("www.example");
  const auto answer =
      told(question, 3,
           record(number(0xc00c), 5, 30, name("edge.cdn.example")) + record(name("EDGE.cdn.example"), 1, 300, ipv4("192.0.2.1")) +
               record(name("edge.cdn.example"), 1, 20, ipv4("192.0.2.2")));
  BOOST_REQUIRE(answer.has_value());
  BOOST_REQUIRE(answer->addresses.size() == 2U);
  BOOST_TEST(answer->addresses[0].seconds == 30U);
  BOOST_TEST(answer->addresses[1].seconds == 20U);
  BOOST_TEST(answer->addresses[1].address[3] == 2U);
  BOOST_TEST((answer->aliases == std::vector<std::string>{"edge.cdn.example"}));
}

BOOST_AUTO_TEST_CASE(hostile_answers_tell_nothing) {
  const Question question = asked("www.example");
  const Bytes good = record(number(0xc00c), 1, 60, ipv4("192.0.2.1"));
  BOOST_TEST(told(question, 1, good).has_value());
  BOOST_TEST(!told(question, 1, good, 98).has_value());
  BOOST_TEST(!told(question, 2, good).has_value());  // fewer than announced
  BOOST_TEST(!told(question, 2, good + record(name("elsewhere.example"), 1, 60, ipv4("192.0.2.9"))).has_value());
  BOOST_TEST(!told(question, 1, record(number(0xc00c), 1, 60, bytes_of("abc"))).has_value());
  BOOST_TEST(
      !told(question, 1,
            record(number(0xc000U | static_cast<unsigned>(12 + question_bytes("www.example").size())), 1, 60, ipv4("192.0.2.1")))
           .has_value());
  BOOST_TEST(!told(question, 65535, good).has_value());
  // Aliases in a circle end.
  const auto circle =
      told(question, 2, record(number(0xc00c), 5, 60, name("b.example")) + record(name("b.example"), 5, 60, name("www.example")));
  BOOST_REQUIRE(circle.has_value());
  BOOST_TEST(circle->addresses.empty());
  Bytes other = header(99, 0x8180, 1) + question_bytes("other.example") + good;
  BOOST_TEST(!take_answer(other, question, 99).has_value());
}

BOOST_AUTO_TEST_CASE(what_was_told_holds_for_its_time_and_a_little_longer) {
  ToldAddresses table;
  std::string last;
  table.tell(host("192.0.2.1"), "a.example", 1000, 5);
  table.tell(host("192.0.2.1"), "b.example", 1001, 600);
  BOOST_TEST((table.names_of(host("192.0.2.1"), 1002, last) == std::vector<std::string>{"a.example", "b.example"}));
  const std::int64_t end_of_a = 1000 + ToldAddresses::least_seconds + ToldAddresses::grace_seconds;
  BOOST_TEST((table.names_of(host("192.0.2.1"), end_of_a - 1, last).size() == 2U));
  BOOST_TEST((table.names_of(host("192.0.2.1"), end_of_a, last) == std::vector<std::string>{"b.example"}));
  BOOST_TEST(table.names_of(host("192.0.2.1"), 1001 + 600 + ToldAddresses::grace_seconds, last).empty());
  BOOST_TEST(last == "b.example");  // still known by name
  BOOST_TEST(table.names_of(host("192.0.2.2"), 1002, last).empty());
  table.tell(host("192.0.2.3"), "c.example", 1000, 0x7fffffff);
  BOOST_TEST(table.names_of(host("192.0.2.3"), 1000 + ToldAddresses::most_seconds + ToldAddresses::grace_seconds, last).empty());
}

BOOST_AUTO_TEST_CASE(the_table_is_bounded_and_lets_go_of_what_ends_first) {
  ToldAddresses table;
  std::string last;
  table.tell_for_good(host("192.0.2.1"), "fixed.example");
  for (unsigned i = 0; i < 4 * ToldAddresses::capacity; ++i) {
    HostAddress address = host("10.0.0.0");
    address.bytes[2] = static_cast<std::uint8_t>(i >> 8U);
    address.bytes[3] = static_cast<std::uint8_t>(i);
    table.tell(address, "many.example", i, 60);
  }
  BOOST_TEST(table.names_of(host("192.0.2.1"), 1'000'000, last).size() == 1U);
  BOOST_TEST(table.names_of(host("10.0.0.1"), 10, last).empty());
  BOOST_TEST(table.names_of(host("10.0.15.255"), 4 * ToldAddresses::capacity, last).size() == 1U);
}

BOOST_AUTO_TEST_CASE(special_addresses_are_no_hosts_of_the_net) {
  for (const char* special : {"0.0.0.0", "127.0.0.1", "127.9.9.9", "169.254.169.254", "224.0.0.1", "255.255.255.255", "::", "::1",
                              "::ffff:127.0.0.1", "fe80::1", "febf::1", "ff02::1"}) {
    BOOST_TEST(is_special(host(special)), special);
  }
  for (const char* ordinary : {"10.0.0.1", "192.168.1.1", "169.253.1.1", "8.8.8.8", "2001:db8::1", "fd00::1", "64:ff9b::1"}) {
    BOOST_TEST(!is_special(host(ordinary)), ordinary);
  }
}

BOOST_AUTO_TEST_CASE(resolv_conf_and_hosts_are_read) {
  const auto read = parse_resolv_conf(
      "# comment\nnameserver 10.0.2.3\nnameserver fd00::3\nnameserver fe80::1%eth0\nnameserver x\n"
      "domain a.example\nsearch Corp.Example. dns.podman\noptions ndots:1");
  BOOST_TEST(read.servers.size() == 2U);
  BOOST_TEST((read.servers[1] == host("fd00::3")));
  BOOST_TEST((read.searched == std::vector<std::string>{"corp.example", "dns.podman"}));
  BOOST_TEST((parse_resolv_conf("").servers[0] == host("127.0.0.1")));
  const auto hosts =
      parse_hosts("127.0.0.1 localhost\n10.88.0.1\tHost.Containers.Internal host # comment\nbad name\n::1 ip6-localhost");
  BOOST_REQUIRE(hosts.size() == 4U);
  BOOST_TEST(hosts[1].second == "host.containers.internal");
  BOOST_TEST((hosts[2].first == host("10.88.0.1")));
  BOOST_TEST((hosts[3].first == host("::1")));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace warder::supervisor::names
