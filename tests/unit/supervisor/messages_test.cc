#include "supervisor/protocol/messages.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>

#include "linux/socket.h"

namespace warder::supervisor {
namespace {

struct Pair {
  Pair() {
    auto made = kernel::make_seqpacket_pair();
    BOOST_REQUIRE(made.ok());
    left = std::move(made->first);
    right = std::move(made->second);
  }
  Fd left, right;
};

BOOST_AUTO_TEST_SUITE(messages)

BOOST_FIXTURE_TEST_CASE(a_message_arrives_with_its_number_text_and_descriptors, Pair) {
  Message sent{MessageType::control_session, 42, "text", {}};
  sent.fds.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  BOOST_REQUIRE(send_message(left, sent).ok());
  auto received = receive_message(right);
  BOOST_REQUIRE(received.ok());
  BOOST_TEST((received->type == MessageType::control_session));
  BOOST_TEST(received->number == 42U);
  BOOST_TEST(received->text == "text");
  BOOST_REQUIRE(received->fds.size() == 1U);
  BOOST_TEST((::fcntl(received->fds[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
}

BOOST_FIXTURE_TEST_CASE(write_and_read_carry_a_message_without_descriptors, Pair) {
  BOOST_REQUIRE(write_message(left, {MessageType::listener, 7, "", {}}).ok());
  auto received = read_message(right);
  BOOST_REQUIRE(received.ok());
  BOOST_TEST(received->number == 7U);
}

BOOST_FIXTURE_TEST_CASE(a_closed_end_reads_as_closed, Pair) {
  left.reset();
  auto received = receive_message(right);
  BOOST_REQUIRE(!received.ok());
  BOOST_TEST(received.error().code() == 0);
  BOOST_TEST(received.error().text() == "closed");
  BOOST_TEST(!send_message(right, {MessageType::done, 0, "", {}}).ok());
}

BOOST_FIXTURE_TEST_CASE(a_malformed_datagram_is_an_error, Pair) {
  BOOST_REQUIRE(::write(left.get(), "abc", 3) == 3);
  BOOST_TEST(!receive_message(right).ok());
  const std::uint32_t unknown_type[4] = {99, 0, 0, 0};
  BOOST_REQUIRE(::write(left.get(), unknown_type, sizeof unknown_type) == sizeof unknown_type);
  BOOST_TEST(!receive_message(right).ok());
}

BOOST_FIXTURE_TEST_CASE(a_long_text_is_cut_not_refused, Pair) {
  BOOST_REQUIRE(send_message(left, {MessageType::failed, 0, std::string(max_message_text + 500, 'x'), {}}).ok());
  auto received = receive_message(right);
  BOOST_REQUIRE(received.ok());
  BOOST_TEST(received->text.size() == max_message_text);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace warder::supervisor
