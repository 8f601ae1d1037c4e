// One answer per notification, whatever happens (law 4), with a fake in the place of the kernel.
#include "supervisor/notification.h"

#include <fcntl.h>

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

namespace warder::supervisor {
namespace {

class FakeKernel final : public NotifyKernel {
 public:
  int send(std::uint64_t id, std::int64_t value, int error, bool run_by_kernel) override {
    if (added >= 0) answers.push_back(::fcntl(added, F_GETFD) < 0 ? "closed before" : "open still");
    answers.push_back(std::to_string(id) + (run_by_kernel ? " run" : " " + std::to_string(value) + " " + std::to_string(error)));
    return send_error;
  }
  int send_fd(std::uint64_t id, BorrowedFd fd, std::uint32_t fd_flags) override {
    if (fd_error != 0) return fd_error;
    answers.push_back(std::to_string(id) + " fd " + (fd.valid() ? "valid" : "-1") + " " + std::to_string(fd_flags));
    return 0;
  }
  int add_fd(std::uint64_t id, BorrowedFd fd, std::uint32_t fd_flags) override {
    if (fd_error != 0) return -fd_error;
    added = fd.get();
    answers.push_back(std::to_string(id) + " added " + std::to_string(fd_flags));
    return 42;
  }
  int replace_fd(std::uint64_t id, BorrowedFd fd, int number, std::uint32_t fd_flags) override {
    if (fd_error != 0) return fd_error;
    answers.push_back(std::to_string(id) + " " + (fd.valid() ? "valid" : "-1") + " at " + std::to_string(number) + " " +
                      std::to_string(fd_flags));
    return 0;
  }
  bool valid(std::uint64_t /*id*/) override { return alive; }

  std::vector<std::string> answers;
  int send_error = 0;
  int fd_error = 0;
  int added = -1;
  bool alive = true;
};

TrappedCall call_of(std::uint64_t id) {
  TrappedCall call;
  call.id = id;
  call.arguments = {0xffffffff00000007, 2, 3, 4, 5, 6};
  return call;
}

using Answers = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_SUITE(notification)

BOOST_AUTO_TEST_CASE(a_forgotten_notification_answers_eperm_once) {
  FakeKernel kernel;
  { const Notification forgotten(kernel, call_of(1)); }
  BOOST_TEST(kernel.answers == Answers({"1 0 1"}));
}

BOOST_AUTO_TEST_CASE(a_moved_notification_is_answered_by_its_last_owner_alone) {
  FakeKernel kernel;
  {
    Notification first(kernel, call_of(2));
    Notification second(std::move(first));
    BOOST_TEST(first.answered());
    BOOST_TEST(std::move(second).return_value(5).ok());
  }
  BOOST_TEST(kernel.answers == Answers({"2 5 0"}));
}

BOOST_AUTO_TEST_CASE(a_second_answer_is_not_sent) {
  FakeKernel kernel;
  Notification twice(kernel, call_of(3));
  BOOST_TEST(std::move(twice).deny(EACCES).ok());
  BOOST_TEST(std::move(twice).let_kernel_run().code() == EALREADY);  // NOLINT(bugprone-use-after-move)
  BOOST_TEST(kernel.answers == Answers({"3 0 13"}));
}

BOOST_AUTO_TEST_CASE(a_refusal_without_an_errno_is_no_success) {
  FakeKernel kernel;
  (void)Notification(kernel, call_of(4)).deny(0);
  (void)Notification(kernel, call_of(5)).deny(-3);
  BOOST_TEST(kernel.answers == Answers({"4 0 1", "5 0 1"}));
}

BOOST_AUTO_TEST_CASE(a_descriptor_is_given_with_its_close_on_exec_flag) {
  FakeKernel kernel;
  BOOST_TEST(Notification(kernel, call_of(6)).give_fd(Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)), CloseOnExec::yes).ok());
  BOOST_TEST(Notification(kernel, call_of(7)).give_fd(Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)), CloseOnExec::no).ok());
  BOOST_TEST(kernel.answers == Answers({"6 fd valid 524288", "7 fd valid 0"}));
}

BOOST_AUTO_TEST_CASE(what_is_handed_over_is_closed_before_the_caller_goes_on) {
  FakeKernel kernel;
  BOOST_TEST(Notification(kernel, call_of(6)).hand_over(Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)), CloseOnExec::yes).ok());
  BOOST_TEST(kernel.answers == Answers({"6 added 524288", "closed before", "6 42 0"}));
}

BOOST_AUTO_TEST_CASE(no_descriptor_is_a_refusal) {
  FakeKernel kernel;
  BOOST_TEST(Notification(kernel, call_of(8)).give_fd(Fd(), CloseOnExec::yes).ok());
  BOOST_TEST(kernel.answers == Answers({"8 0 1"}));
}

BOOST_AUTO_TEST_CASE(a_full_descriptor_table_of_the_caller_is_its_answer) {
  FakeKernel kernel;
  kernel.fd_error = EMFILE;
  const Outcome<void> given =
      Notification(kernel, call_of(9)).give_fd(Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)), CloseOnExec::no);
  BOOST_TEST(given.code() == EMFILE);
  BOOST_TEST(kernel.answers == Answers({"9 0 24"}));
}

BOOST_AUTO_TEST_CASE(a_caller_that_is_gone_is_reported_as_enoent) {
  FakeKernel kernel;
  kernel.send_error = ENOENT;
  kernel.alive = false;
  Notification late(kernel, call_of(10));
  BOOST_TEST(!late.still_waiting());
  BOOST_TEST(std::move(late).return_value(0).code() == ENOENT);
}

BOOST_AUTO_TEST_CASE(an_interrupted_call_is_restarted_by_the_kernel) {
  FakeKernel kernel;
  (void)Notification(kernel, call_of(11)).restart_after_signal();
  BOOST_TEST(kernel.answers == Answers({"11 0 512"}));
}

BOOST_AUTO_TEST_CASE(the_upper_half_of_an_int_argument_is_ignored) {
  FakeKernel kernel;
  Notification asked(kernel, call_of(12));
  BOOST_TEST(asked.int_argument(0) == 7);
  BOOST_TEST(asked.argument(0) == 0xffffffff00000007);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace warder::supervisor
