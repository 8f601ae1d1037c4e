// Hooks: what they get, and how their failures read. Runs real programs of the machine.
#include "runtime/container/hooks.h"

#include <boost/test/unit_test.hpp>

#include "tests/unit/runtime/private_namespace.h"

using namespace warder;
using namespace warder::runtime;

namespace {

Hook shell(const std::string& script, std::vector<std::string> env = {}, std::optional<std::uint32_t> timeout = {}) {
  return {.path = "/bin/sh", .args = {"sh", "-c", script}, .env = std::move(env), .timeout_seconds = timeout};
}

HookSurroundings nowhere() {
  return {.directory = "/", .standard_output = BorrowedFd(-1), .standard_error = BorrowedFd(-1), .interrupted = BorrowedFd(-1)};
}

std::string failure(const Hook& hook) {
  std::vector<Hook> hooks = {hook};
  Result<void> ran = run_hooks("poststart", hooks, "{\"id\":\"x\"}", nowhere());
  return ran ? "" : ran.error().text();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hooks)

BOOST_AUTO_TEST_CASE(a_hook_gets_the_state_its_own_environment_and_the_root_directory) {
  ::setenv("LD_PRELOAD_OF_THE_RUNTIME", "1", 1);
  BOOST_TEST(failure(shell("test \"$(cat)\" = '{\"id\":\"x\"}' && test \"$PWD\" = / && test \"$A\" = b"
                           " && test -z \"$LD_PRELOAD_OF_THE_RUNTIME\"",
                           {"A=b"})) == "");
}

BOOST_AUTO_TEST_CASE(every_hook_reads_the_state_from_its_beginning) {
  std::vector<Hook> hooks = {shell("test -n \"$(cat)\""), shell("test -n \"$(cat)\"")};
  BOOST_TEST(run_hooks("poststart", hooks, "{}", nowhere()).ok());
}

BOOST_AUTO_TEST_CASE(no_descriptor_of_the_runtime_reaches_a_hook) {
  int leak = ::open("/", O_PATH);
  BOOST_TEST(failure(shell("test $(ls /proc/self/fd | wc -l) -le 4")) == "");
  ::close(leak);
}

BOOST_AUTO_TEST_CASE(a_failing_hook_is_named_with_its_status_and_last_words) {
  std::string text = failure(shell("echo first >&2; echo 'no such pool' >&2; exit 3"));
  BOOST_TEST(text == "error running poststart hook #0: '/bin/sh': exit status 3: first no such pool");
}

BOOST_AUTO_TEST_CASE(a_hook_that_cannot_be_executed_says_so) {
  Hook hook{.path = "/no/such/hook", .args = {"hook"}, .env = {}, .timeout_seconds = {}};
  BOOST_TEST(failure(hook).find("No such file or directory") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_hook_that_outlives_its_timeout_is_killed) {
  BOOST_TEST(failure(shell("exec sleep 60", {}, 1)).find("no end after 1 seconds") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_first_failure_ends_the_row) {
  TestDirectory directory;
  std::vector<Hook> hooks = {shell("exit 1"), shell("touch " + directory.path() + "/ran")};
  BOOST_TEST(!run_hooks("prestart", hooks, "{}", nowhere()).ok());
  BOOST_TEST(!std::filesystem::exists(directory.path() + "/ran"));
}

BOOST_AUTO_TEST_SUITE_END()
