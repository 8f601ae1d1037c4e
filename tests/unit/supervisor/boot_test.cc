#include "supervisor/protocol/boot.h"

#include <boost/test/unit_test.hpp>

namespace warder::supervisor {
namespace {

Boot full_boot() {
  Boot boot;
  boot.container_id = "web1";
  boot.hostname = "web";
  boot.supervisor_capabilities = 0x1ff;
  boot.private_pid_namespace = false;
  boot.own_user_namespace = true;
  ProcessPlan& process = boot.process;
  process.args = {"sh", "-c", "exit 3", ""};
  process.env = {"PATH=/bin", "EMPTY="};
  process.cwd = "/work";
  process.uid = 1000;
  process.gid = 1001;
  process.groups = {10, 20};
  process.set_groups = false;
  process.umask = 027;
  process.capabilities = {1, 2, 3, 4, 5};
  process.no_new_privileges = true;
  process.rlimits = {{7, 1024, 4096}, {4, 0, ~0ULL}};
  process.oom_score_adj = -500;
  process.apparmor_profile = "docker-default";
  process.selinux_label = "label";
  process.scheduler = SchedulerPlan{3, 5, 1, 2, 10, 20, 30};
  process.io_priority = 0x6004;
  process.personality = 8;
  process.cpu_affinity_initial = "0";
  process.cpu_affinity_final = "0-1";
  process.new_session_keyring = false;
  process.terminal = true;
  process.preserve_fds = 2;
  process.listen_fds = true;
  process.seccomp_program = {std::byte{1}, std::byte{2}};
  process.seccomp_flags = 6;
  process.start_container_hooks = {{"/bin/hook", {"hook", "a"}, {"A=1"}, 5}};
  process.hook_state = "{}";
  boot.compiled = {std::byte{9}, std::byte{8}, std::byte{7}};
  return boot;
}

BOOST_AUTO_TEST_SUITE(boot_block)

BOOST_AUTO_TEST_CASE(a_block_is_read_back_as_it_was_written) {
  const Boot boot = full_boot();
  const auto block = boot.serialize();
  auto parsed = Boot::parse(block);
  BOOST_REQUIRE(parsed.ok());
  BOOST_TEST(parsed->container_id == "web1");
  BOOST_TEST(parsed->process.args == boot.process.args);
  BOOST_TEST(parsed->process.rlimits.size() == 2U);
  BOOST_TEST(parsed->process.rlimits[1].hard == ~0ULL);
  BOOST_TEST(*parsed->process.oom_score_adj == -500);
  BOOST_TEST(parsed->process.scheduler->period == 30U);
  BOOST_TEST(parsed->process.start_container_hooks[0].timeout_seconds == 5U);
  BOOST_TEST((parsed->serialize() == block));
}

BOOST_AUTO_TEST_CASE(absent_settings_stay_absent) {
  auto parsed = Boot::parse(Boot{}.serialize());
  BOOST_REQUIRE(parsed.ok());
  BOOST_TEST(!parsed->process.umask.has_value());
  BOOST_TEST(!parsed->process.scheduler.has_value());
  BOOST_TEST(parsed->private_pid_namespace);
}

BOOST_AUTO_TEST_CASE(every_shorter_or_longer_block_is_refused) {
  auto block = full_boot().serialize();
  for (std::size_t length = 0; length < block.size(); ++length) {
    BOOST_TEST(!Boot::parse(std::span(block).first(length)).ok());
  }
  block.push_back(std::byte{0});
  BOOST_TEST(!Boot::parse(block).ok());
}

BOOST_AUTO_TEST_CASE(no_single_flipped_byte_is_read_past_the_end) {
  const auto block = full_boot().serialize();
  for (std::size_t index = 0; index < block.size(); ++index) {
    for (const unsigned char value : {0x00, 0x01, 0x7f, 0xff}) {
      auto changed = block;
      changed[index] = std::byte{value};
      auto parsed = Boot::parse(changed);  // the sanitizers are the judge
      if (parsed.ok()) BOOST_TEST(parsed->serialize().size() == block.size());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_count_that_cannot_fit_allocates_nothing) {
  Boot boot;
  auto block = boot.serialize();
  // The length of container_id comes right after the header.
  for (std::size_t index = 12; index < 16; ++index) block[index] = std::byte{0xff};
  BOOST_TEST(!Boot::parse(block).ok());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace warder::supervisor
