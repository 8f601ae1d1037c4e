// The engine's filter: what the compiled program answers, asked with the BPF interpreter.
#include "runtime/oci_seccomp.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <filesystem>

#include "policy/core/bpf_interpreter.h"

using namespace warder;
using namespace warder::runtime;

namespace {

Seccomp allow_list(std::vector<std::string> names) {
  Seccomp config;
  config.default_action = SeccompAction::error;
  config.syscalls.push_back({.names = std::move(names), .action = SeccompAction::allow, .error = {}, .args = {}});
  return config;
}

std::uint32_t answer(const SeccompProgram& program, seccomp_data data) {
  std::vector<sock_filter> code(program.filter.size() / sizeof(sock_filter));
  std::memcpy(code.data(), program.filter.data(), program.filter.size());
  auto result = policy::run_bpf(code, data);
  BOOST_REQUIRE(result.has_value());
  return result->value;
}

std::uint32_t answer(const SeccompProgram& program, int number, std::uint32_t arch = AUDIT_ARCH_X86_64) {
  seccomp_data data{};
  data.nr = number;
  data.arch = arch;
  return answer(program, data);
}

SeccompProgram compiled(const Seccomp& config) {
  auto program = compile_seccomp(config);
  BOOST_REQUIRE_MESSAGE(program.ok(), (program.ok() ? std::string() : program.error().text()));
  return *program;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(oci_seccomp)

BOOST_AUTO_TEST_CASE(an_allow_list_allows_what_it_names_and_refuses_the_rest) {
  SeccompProgram program = compiled(allow_list({"read", "statx", "no_such_call"}));
  BOOST_TEST(answer(program, SYS_read) == SECCOMP_RET_ALLOW);
  BOOST_TEST(answer(program, SYS_write) == (SECCOMP_RET_ERRNO | EPERM));
}

BOOST_AUTO_TEST_CASE(a_call_newer_than_the_configuration_does_not_exist) {
  SeccompProgram program = compiled(allow_list({"read", "statx"}));
  BOOST_TEST(answer(program, SYS_statx + 200) == (SECCOMP_RET_ERRNO | ENOSYS));
  BOOST_TEST(answer(program, SYS_statx - 1) == (SECCOMP_RET_ERRNO | EPERM));
}

BOOST_AUTO_TEST_CASE(a_foreign_architecture_is_killed_unless_it_is_listed) {
  SeccompProgram native = compiled(allow_list({"read"}));
  BOOST_TEST(answer(native, 3, AUDIT_ARCH_I386) == SECCOMP_RET_KILL_THREAD);
  BOOST_TEST(answer(native, SYS_read | 0x40000000) == SECCOMP_RET_KILL_THREAD);
  Seccomp config = allow_list({"read"});
  config.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
  SeccompProgram all = compiled(config);
  BOOST_TEST(answer(all, 3, AUDIT_ARCH_I386) == SECCOMP_RET_ALLOW);
  BOOST_TEST(answer(all, 4000, AUDIT_ARCH_I386) == (SECCOMP_RET_ERRNO | ENOSYS));
  BOOST_TEST(answer(all, SYS_read | 0x40000000) == SECCOMP_RET_ALLOW);
  BOOST_TEST(answer(all, 0x40000000 | 5000) == (SECCOMP_RET_ERRNO | ENOSYS));
}

BOOST_AUTO_TEST_CASE(an_unknown_architecture_is_an_error) {
  Seccomp config = allow_list({"read"});
  config.architectures = {"SCMP_ARCH_Z80"};
  BOOST_TEST(!compile_seccomp(config).ok());
}

BOOST_AUTO_TEST_CASE(conditions_on_different_arguments_all_hold_and_on_the_same_one_each) {
  Seccomp config;
  config.default_action = SeccompAction::error;
  config.syscalls.push_back({.names = {"personality"},
                             .action = SeccompAction::allow,
                             .error = {},
                             .args = {{.index = 0, .value = 0, .value_two = 0, .op = SeccompOperator::equal},
                                      {.index = 0, .value = 8, .value_two = 0, .op = SeccompOperator::equal}}});
  config.syscalls.push_back({.names = {"socket"},
                             .action = SeccompAction::error,
                             .error = EINVAL,
                             .args = {{.index = 0, .value = 16, .value_two = 0, .op = SeccompOperator::equal},
                                      {.index = 2, .value = 9, .value_two = 0, .op = SeccompOperator::equal}}});
  SeccompProgram program = compiled(config);
  auto call = [&](int number, std::uint64_t first, std::uint64_t third) {
    seccomp_data data{};
    data.nr = number;
    data.arch = AUDIT_ARCH_X86_64;
    data.args[0] = first;
    data.args[2] = third;
    return answer(program, data);
  };
  BOOST_TEST(call(SYS_personality, 0, 0) == SECCOMP_RET_ALLOW);
  BOOST_TEST(call(SYS_personality, 8, 0) == SECCOMP_RET_ALLOW);
  BOOST_TEST(call(SYS_personality, 9, 0) == (SECCOMP_RET_ERRNO | EPERM));
  BOOST_TEST(call(SYS_socket, 16, 9) == (SECCOMP_RET_ERRNO | EINVAL));
  BOOST_TEST(call(SYS_socket, 16, 8) == (SECCOMP_RET_ERRNO | EPERM));
}

BOOST_AUTO_TEST_CASE(a_cached_program_is_the_same_program_and_a_damaged_one_is_made_again) {
  std::string pattern = "/tmp/warder-seccomp-XXXXXX";
  BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  std::string cache = pattern + "/cache";
  Seccomp config = allow_list({"read", "openat"});
  SeccompProgram plain = compiled(config);
  for (int round = 0; round < 3; ++round) {
    auto cached = compile_seccomp_cached(config, cache);
    BOOST_REQUIRE(cached.ok());
    BOOST_TEST((cached->filter == plain.filter));
    BOOST_TEST(cached->flags == plain.flags);
    for (const auto& entry : std::filesystem::directory_iterator(cache)) {
      if (round == 1) std::filesystem::resize_file(entry.path(), 7);
    }
  }
  config.syscalls[0].names.emplace_back("write");
  auto other = compile_seccomp_cached(config, cache);
  BOOST_REQUIRE(other.ok());
  BOOST_TEST((other->filter != plain.filter));
  std::filesystem::remove_all(pattern);
}

BOOST_AUTO_TEST_SUITE_END()
