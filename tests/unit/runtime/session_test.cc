// What an exec session takes from the container and what it says itself.
#include "runtime/commands/session.h"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "policy/load.h"
#include "policy/lower.h"
#include "runtime/commands/home_directory.h"
#include "runtime/commands/process_plan.h"

using namespace warder;
using namespace warder::runtime;

namespace {

constexpr std::uint64_t chown_bit = 1U << 0U;
constexpr std::uint64_t kill_bit = 1U << 5U;
constexpr std::uint64_t net_admin_bit = 1U << 12U;

supervisor::Boot container(std::optional<std::uint64_t> ceiling = std::nullopt) {
  policy::Profile profile = policy::builtin_profile();
  profile.capability_ceiling = ceiling;
  supervisor::Boot boot;
  auto lowered = policy::lower(profile, {}, {});
  BOOST_REQUIRE_MESSAGE(lowered.ok(), (lowered.ok() ? std::string() : lowered.error().text()));
  boot.compiled = lowered->block;
  boot.own_user_namespace = true;
  boot.process.args = {"main"};
  boot.process.env = {"PATH=/bin", "A=1"};
  boot.process.cwd = "/srv";
  boot.process.uid = 5;
  boot.process.gid = 6;
  boot.process.groups = {7};
  boot.process.capabilities = {
      .bounding = chown_bit | kill_bit, .effective = kill_bit, .inheritable = 0, .permitted = kill_bit, .ambient = 0};
  boot.process.seccomp_program = std::vector<std::byte>(8);
  boot.process.rlimits = {{.resource = RLIMIT_NOFILE, .soft = 1, .hard = 2}};
  boot.process.start_container_hooks.push_back({.path = "/hook", .args = {"hook"}, .env = {}, .timeout_seconds = 0});
  return boot;
}

Result<SessionPlan> plan(const SessionOptions& options, supervisor::Boot boot = container()) {
  Context context;
  return plan_session(context, options, std::move(boot));
}

supervisor::ProcessPlan planned(const SessionOptions& options, supervisor::Boot boot = container()) {
  auto session = plan(options, std::move(boot));
  BOOST_REQUIRE_MESSAGE(session.ok(), (session.ok() ? std::string() : session.error().text()));
  return session->boot.process;
}

SessionOptions running(std::vector<std::string> args) {
  SessionOptions options;
  options.args = std::move(args);
  return options;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session)

BOOST_AUTO_TEST_CASE(what_is_not_said_comes_from_the_container) {
  auto process = planned(running({"ls"}));
  BOOST_TEST(process.args.front() == "ls");
  BOOST_TEST(process.cwd == "/srv");
  BOOST_TEST(process.uid == 5U);
  BOOST_TEST(process.gid == 6U);
  BOOST_TEST(process.capabilities.permitted == kill_bit);
  BOOST_TEST(process.seccomp_program.size() == 8U);
  BOOST_TEST(process.rlimits.size() == 1U);
  BOOST_TEST(process.start_container_hooks.empty());
  BOOST_TEST(!process.terminal);
}

BOOST_AUTO_TEST_CASE(a_capability_asked_for_is_neither_inheritable_nor_ambient) {
  SessionOptions options = running({"ls"});
  options.capabilities = {"CAP_NET_ADMIN"};
  auto sets = planned(options).capabilities;
  BOOST_TEST(sets.permitted == (kill_bit | net_admin_bit));
  BOOST_TEST(sets.effective == (kill_bit | net_admin_bit));
  BOOST_TEST(sets.bounding == (chown_bit | kill_bit | net_admin_bit));
  BOOST_TEST(sets.inheritable == 0U);
  BOOST_TEST(sets.ambient == 0U);
}

BOOST_AUTO_TEST_CASE(the_profiles_ceiling_holds_for_sessions_too) {
  SessionOptions options = running({"ls"});
  options.capabilities = {"CAP_NET_ADMIN"};
  auto sets = planned(options, container(chown_bit)).capabilities;
  BOOST_TEST(sets.bounding == chown_bit);
  BOOST_TEST(sets.permitted == 0U);
}

BOOST_AUTO_TEST_CASE(a_user_that_is_not_understood_is_an_error_and_never_root) {
  for (const char* user : {"", "root", "1x", "-1", "1:", "4294967295"}) {
    SessionOptions options = running({"ls"});
    options.user = user;
    BOOST_CHECK_MESSAGE(!plan(options).ok(), "'" << user << "' was accepted");
  }
  SessionOptions options = running({"ls"});
  options.user = "1";
  BOOST_TEST(planned(options).uid == 1U);
  BOOST_TEST(planned(options).gid == 6U);
  options.user = "1:2";
  BOOST_TEST(planned(options).gid == 2U);
}

BOOST_AUTO_TEST_CASE(a_variable_replaces_one_of_the_same_name) {
  SessionOptions options = running({"ls"});
  options.env = {"A=2", "B=3"};
  BOOST_TEST(planned(options).env == (std::vector<std::string>{"PATH=/bin", "A=2", "B=3"}), boost::test_tools::per_element());
  options.env = {"A"};
  BOOST_TEST(!plan(options).ok());
}

BOOST_AUTO_TEST_CASE(nothing_to_run_and_a_relative_directory_are_errors) {
  BOOST_TEST(!plan({}).ok());
  SessionOptions options = running({"ls"});
  options.cwd = "tmp";
  BOOST_TEST(!plan(options).ok());
}

BOOST_AUTO_TEST_CASE(a_process_file_decides_and_the_seccomp_program_stays) {
  std::string path = (std::filesystem::temp_directory_path() / "warder-process.json").string();
  std::ofstream(path) << R"({"args": ["id"], "cwd": "/", "user": {"uid": 9, "gid": 9}, "terminal": true,
                             "consoleSize": {"height": 20, "width": 30}})";
  SessionOptions options;
  options.process_file = path;
  auto session = plan(options);
  std::filesystem::remove(path);
  BOOST_REQUIRE_MESSAGE(session.ok(), (session.ok() ? std::string() : session.error().text()));
  const auto& process = session->boot.process;
  BOOST_TEST(process.uid == 9U);
  BOOST_TEST(process.env.empty());
  BOOST_TEST(process.terminal);
  BOOST_TEST(session->console_size.width == 30);
  BOOST_TEST(process.capabilities.permitted == kill_bit);
  BOOST_TEST(process.seccomp_program.size() == 8U);
}

BOOST_AUTO_TEST_CASE(home_is_found_by_number_only) {
  const char* passwd =
      "root:x:0:0::/root:/bin/sh\n"
      "1000:x:0:0::/evil:/bin/sh\n"
      "app:x:1000:1000:App:/home/app:/bin/sh\n"
      "relative:x:7:7::home:/bin/sh\n"
      "broken\n"
      "short:x:8\n"
      "empty:x::1::/x:\n";
  BOOST_TEST(home_in(passwd, 0) == "/root");
  BOOST_TEST(home_in(passwd, 1000) == "/home/app");
  BOOST_TEST(home_in(passwd, 7) == "/");
  BOOST_TEST(home_in(passwd, 8) == "/");
  BOOST_TEST(home_in(passwd, 4242) == "/");
  BOOST_TEST(home_in("", 0) == "/");
}

BOOST_AUTO_TEST_CASE(limits_take_capabilities_from_all_five_sets) {
  constexpr std::uint64_t all = chown_bit | kill_bit | net_admin_bit;
  supervisor::CapabilitySets sets{.bounding = all, .effective = all, .inheritable = all, .permitted = all, .ambient = all};
  limit_capabilities(sets, {.ceiling = all & ~kill_bit, .grantable = all & ~net_admin_bit}, Log());
  for (std::uint64_t set : {sets.bounding, sets.effective, sets.inheritable, sets.permitted, sets.ambient}) {
    BOOST_TEST(set == chown_bit);
  }
}

BOOST_AUTO_TEST_SUITE_END()
