// Seccomp programs as functions: generated against their meaning, over all numbers of three ABIs, and in the kernel.
#include "policy/filter.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <random>

#include "policy/core/bpf_interpreter.h"
#include "policy/groups.h"
#include "policy/hardening.h"
#include "policy/lower.h"
#include "tests/unit/policy/random_profile.h"

namespace warder::policy {
namespace {

const KernelFacts new_kernel{7, true, true};
constexpr std::uint32_t no_such_call = SECCOMP_RET_ERRNO | ENOSYS;

seccomp_data call_of(std::uint32_t arch, std::uint32_t number, std::initializer_list<std::uint64_t> arguments = {}) {
  seccomp_data data{};
  data.arch = arch;
  data.nr = static_cast<int>(number);
  std::size_t i = 0;
  for (const auto argument : arguments) data.args[i++] = argument;
  return data;
}

Lowered lowered(const Profile& profile) {
  auto result = lower(profile, new_kernel, {});
  if (!result.ok()) BOOST_FAIL(result.error().text());
  return *std::move(result);
}

/// The program of a profile, as a function.
class Program {
 public:
  explicit Program(const Profile& profile) : lowered_(lowered(profile)) {
    const auto compiled = Compiled::open(lowered_.block);
    if (!compiled.ok()) BOOST_FAIL(compiled.error().text());
    program_ = compiled->filter();
  }
  [[nodiscard]] BpfOutcome run(const seccomp_data& data) const {
    const auto outcome = run_bpf(program_, data);
    if (!outcome) BOOST_FAIL("the program does not end");
    return *outcome;
  }
  [[nodiscard]] std::uint32_t of(std::string_view name, std::initializer_list<std::uint64_t> arguments = {}) const {
    return run(call_of(AUDIT_ARCH_X86_64, static_cast<std::uint32_t>(*syscall_number(name)), arguments)).value;
  }
  [[nodiscard]] std::span<const sock_filter> code() const { return program_; }

 private:
  Lowered lowered_;
  std::span<const sock_filter> program_;
};

Profile builtin_default() {
  Profile profile;
  profile.name = "builtin";
  profile.audit = Audit::cheap;
  return profile;
}

Profile with_paths(std::initializer_list<std::pair<const char*, Rights>> entries) {
  Profile profile;
  profile.name = "paths";
  profile.paths.emplace();
  for (const auto& [pattern, rights] : entries) {
    PathEntry entry;
    entry.pattern = pattern;
    entry.allow = rights;
    profile.paths->push_back(entry);
  }
  return profile;
}

BOOST_AUTO_TEST_CASE(a_generated_program_means_what_its_plan_means) {
  std::mt19937 random(1);
  const auto below = [&](unsigned limit) { return std::uniform_int_distribution<unsigned>(0, limit - 1)(random); };
  const std::uint64_t values[] = {0, 1, 2, 3, 0x80, 0x5412, 0x100005412, 0xffffffff, 0xffffffff00000000, 1ULL << 33};
  for (int round = 0; round < 300; ++round) {
    FilterPlan plan;
    plan.newest = 40 + static_cast<int>(below(500));
    for (unsigned i = below(round % 10 == 0 ? 300 : 30); i > 0; --i) {
      FilterRule rule;
      rule.number = static_cast<int>(below(static_cast<unsigned>(plan.newest) + 1));
      rule.action = static_cast<FilterAction>(below(4));
      rule.error = static_cast<std::uint16_t>(1 + below(40));
      for (unsigned tests = below(4); tests > 0; --tests) {
        ArgumentTest test;
        test.argument = below(6);
        test.kind = static_cast<ArgumentTest::Kind>(below(4));
        test.mask = below(2) == 0 ? ~0ULL : values[1 + below(9)];
        test.value = values[below(10)] & test.mask;
        test.wide = below(3) == 0;
        rule.tests.push_back(test);
      }
      plan.rules.push_back(rule);
    }
    const auto program = generate_filter(plan);
    BOOST_REQUIRE(program.ok());
    for (int i = 0; i < 2000; ++i) {
      const auto& known = plan.rules.empty() ? FilterRule{} : plan.rules[below(static_cast<unsigned>(plan.rules.size()))];
      const std::uint32_t numbers[] = {static_cast<std::uint32_t>(known.number), below(600), 0xffffffff, below(600) | 0x40000000};
      seccomp_data data = call_of(below(20) == 0 ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64, numbers[below(3) == 0 ? below(4) : 0]);
      for (auto& argument : data.args) argument = values[below(10)];
      const auto outcome = run_bpf(*program, data);
      BOOST_REQUIRE(outcome.has_value());
      BOOST_REQUIRE_EQUAL(outcome->value, filter_meaning(plan, data));
    }
  }
}

BOOST_AUTO_TEST_CASE(no_number_of_another_abi_reaches_the_kernel) {
  for (const auto& profile : {builtin_default(), with_paths({{"/**", rights_rx}})}) {
    const Program program(profile);
    for (std::uint32_t number = 0; number <= 1024; ++number) {
      BOOST_REQUIRE_EQUAL(program.run(call_of(AUDIT_ARCH_I386, number)).value, no_such_call);
      BOOST_REQUIRE_EQUAL(program.run(call_of(AUDIT_ARCH_X86_64, number | 0x40000000)).value, no_such_call);
      if (number > newest_syscall) {
        BOOST_REQUIRE_EQUAL(program.run(call_of(AUDIT_ARCH_X86_64, number)).value, no_such_call);
      }
    }
    // What a tracer has cancelled stays what the tracer made of it.
    BOOST_TEST(program.run(call_of(AUDIT_ARCH_X86_64, 0xffffffff)).value == SECCOMP_RET_ALLOW);
  }
}

BOOST_AUTO_TEST_CASE(the_builtin_default_refuses_the_hardening_set_and_nothing_else) {
  const Program program(builtin_default());
  for (int number = 0; number <= newest_syscall; ++number) {
    std::uint32_t expected = SECCOMP_RET_ALLOW;
    for (const auto& rule : hardening_rules()) {
      const bool whole = rule.condition == HardeningCondition::any && rule.scope == HardeningScope::always;
      if (whole && syscall_number(rule.call) == number) expected = SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(rule.error);
    }
    BOOST_TEST_CONTEXT(syscall_name(number)) {
      BOOST_TEST(program.run(call_of(AUDIT_ARCH_X86_64, static_cast<std::uint32_t>(number))).value == expected);
    }
  }
  const Lowered facts = lowered(builtin_default());
  const auto compiled = Compiled::open(facts.block);
  BOOST_REQUIRE(compiled.ok());
  BOOST_TEST(!compiled->needs_listener());
  BOOST_TEST(compiled->landlock_handled_fs() == 0U);
}

BOOST_AUTO_TEST_CASE(calls_that_nobody_refuses_cost_a_handful_of_instructions) {
  for (const auto& profile : {builtin_default(), with_paths({{"/**", rights_rx}, {"/work/**", rights_rwx}})}) {
    const Program program(profile);
    for (const auto name : {"read", "write", "futex", "epoll_wait", "getpid"}) {
      BOOST_TEST(program.run(call_of(AUDIT_ARCH_X86_64, static_cast<std::uint32_t>(*syscall_number(name)))).steps <= 10U);
    }
    for (std::uint32_t number = 0; number <= newest_syscall; ++number) {
      const auto outcome = program.run(call_of(AUDIT_ARCH_X86_64, number));
      if (outcome.value == SECCOMP_RET_ALLOW && number != SYS_ioctl && number != SYS_socket) BOOST_TEST(outcome.steps <= 24U);
    }
  }
}

BOOST_AUTO_TEST_CASE(arguments_are_compared_as_the_kernel_reads_them) {
  const Program program(builtin_default());
  constexpr std::uint64_t garbage = 0xdeadbeef00000000;
  for (const std::uint64_t request : {TIOCSTI, TIOCLINUX, TIOCSETD}) {
    BOOST_TEST(program.of("ioctl", {0, request}) == (SECCOMP_RET_ERRNO | EPERM));
    BOOST_TEST(program.of("ioctl", {0, request | garbage}) == (SECCOMP_RET_ERRNO | EPERM));
  }
  BOOST_TEST(program.of("ioctl", {0, TIOCGWINSZ}) == SECCOMP_RET_ALLOW);
  for (const auto name : {"clone", "unshare"}) {
    BOOST_TEST(program.of(name, {CLONE_NEWUSER | garbage}) == (SECCOMP_RET_ERRNO | EPERM));
    BOOST_TEST(program.of(name, {CLONE_NEWUSER | CLONE_NEWNS}) == (SECCOMP_RET_ERRNO | EPERM));
    BOOST_TEST(program.of(name, {CLONE_VM | CLONE_THREAD | garbage}) == SECCOMP_RET_ALLOW);
  }
  BOOST_TEST(program.of("socket", {AF_ALG | garbage, SOCK_SEQPACKET, 0}) == (SECCOMP_RET_ERRNO | EAFNOSUPPORT));
  BOOST_TEST(program.of("socket", {AF_INET, SOCK_RAW, 1}) == SECCOMP_RET_ALLOW);
}

BOOST_AUTO_TEST_CASE(where_everything_may_be_read_only_opens_for_writing_are_trapped) {
  const Program program(with_paths({{"/**", rights_rx}, {"/work/**", rights_rwx}}));
  constexpr std::uint64_t garbage = 0xffffffff00000000;
  BOOST_TEST(program.of("openat", {0, 0, O_RDONLY | O_CLOEXEC}) == SECCOMP_RET_ALLOW);
  BOOST_TEST(program.of("openat", {0, 0, O_PATH | O_DIRECTORY | garbage}) == SECCOMP_RET_ALLOW);
  for (const std::uint64_t flags : {O_WRONLY, O_RDWR, O_ACCMODE, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC, O_TMPFILE | O_RDWR}) {
    BOOST_TEST(program.of("openat", {0, 0, flags}) == SECCOMP_RET_USER_NOTIF);
    BOOST_TEST(program.of("open", {0, flags | garbage}) == SECCOMP_RET_USER_NOTIF);
  }
  BOOST_TEST(program.of("openat2", {}) == SECCOMP_RET_USER_NOTIF);
  BOOST_TEST(program.of("creat", {}) == SECCOMP_RET_USER_NOTIF);
  // All may be executed, so nothing about execve has to be looked at; moves depend on every right.
  BOOST_TEST(program.of("execve", {}) == SECCOMP_RET_ALLOW);
  BOOST_TEST(program.of("renameat2", {}) == SECCOMP_RET_USER_NOTIF);
  BOOST_TEST(program.of("newfstatat", {}) == SECCOMP_RET_ALLOW);
}

BOOST_AUTO_TEST_CASE(hiding_traps_every_call_that_would_reveal) {
  Profile profile = with_paths({{"/**", rights_all}, {"/run/secrets/**", Rights()}});
  profile.paths->back().hide = true;
  const Program program(profile);
  for (const auto name : {"stat", "lstat", "newfstatat", "statx", "access", "faccessat2", "readlink", "getdents64", "chdir",
                          "open", "openat", "openat2", "execve", "mkdir", "unlink", "rename", "connect", "bind", "getxattr"}) {
    BOOST_TEST_CONTEXT(name) { BOOST_TEST(program.of(name) == SECCOMP_RET_USER_NOTIF); }
  }
  BOOST_TEST(program.of("fstat") == SECCOMP_RET_ALLOW);
}

BOOST_AUTO_TEST_CASE(a_profile_that_gives_everything_traps_nothing) {
  Profile profile = with_paths({{"/**", rights_all}});
  const Lowered facts = lowered(profile);
  const auto compiled = Compiled::open(facts.block);
  BOOST_REQUIRE(compiled.ok());
  BOOST_TEST(compiled->landlock_handled_fs() == 0U);
  BOOST_TEST(!compiled->checks_exec());
  // Once anything has a listener, chroot tells the supervisor whose root is another one.
  for (const auto& call : facts.calls) BOOST_TEST((call.name == "chroot" || call.reason.starts_with("hardening")));
}

BOOST_AUTO_TEST_CASE(chroot_is_followed_wherever_there_is_a_listener) {
  BOOST_TEST(Program(with_paths({{"/**", rights_all}, {"/x/*.secret", Rights()}})).of("chroot") == SECCOMP_RET_USER_NOTIF);
  Profile silent = with_paths({{"/**", rights_all}});
  silent.audit = Audit::cheap;
  BOOST_TEST(Program(silent).of("chroot") == SECCOMP_RET_ALLOW);
}

Profile with_network() {
  Profile profile;
  profile.name = "network";
  AddressRule rule;
  rule.any_address = true;
  rule.port_low = rule.port_high = 443;
  profile.network.connect = std::vector{rule};
  return profile;
}

BOOST_AUTO_TEST_CASE(a_send_without_an_address_is_never_trapped) {
  const Program program(with_network());
  BOOST_TEST(program.of("sendto", {3, 1, 1, 0, 0, 0}) == SECCOMP_RET_ALLOW);
  BOOST_TEST(program.of("sendto", {3, 1, 1, 0, 0x7fff00000000, 16}) == SECCOMP_RET_USER_NOTIF);
  BOOST_TEST(program.of("sendto", {3, 1, 1, 0, 0x1000, 16}) == SECCOMP_RET_USER_NOTIF);
  BOOST_TEST(program.of("sendto", {3, 1, 1, MSG_FASTOPEN, 0x1000, 16}) == SECCOMP_RET_USER_NOTIF);
  BOOST_TEST(program.of("sendmsg", {3, 1, 0}) == SECCOMP_RET_USER_NOTIF);
  BOOST_TEST(program.of("connect", {}) == SECCOMP_RET_USER_NOTIF);
  BOOST_TEST(program.of("bind", {}) == SECCOMP_RET_ALLOW);
}

BOOST_AUTO_TEST_CASE(no_option_sends_packets_to_a_hop_that_nobody_judged) {
  const Program program(with_network());
  constexpr std::uint32_t refused = SECCOMP_RET_ERRNO | EPERM;
  BOOST_TEST(program.of("setsockopt", {3, IPPROTO_IP, IP_OPTIONS, 0x1000, 12}) == refused);
  BOOST_TEST(program.of("setsockopt", {3, 0x700000000, 0x100000000 + IP_OPTIONS, 0x1000, 12}) == refused);
  BOOST_TEST(program.of("setsockopt", {3, IPPROTO_IPV6, IPV6_RTHDR, 0x1000, 24}) == refused);
  BOOST_TEST(program.of("setsockopt", {3, IPPROTO_IPV6, IPV6_2292PKTOPTIONS, 0x1000, 24}) == refused);
  BOOST_TEST(program.of("setsockopt", {3, IPPROTO_IP, IP_TOS, 0x1000, 4}) == SECCOMP_RET_ALLOW);
  BOOST_TEST(program.of("setsockopt", {3, IPPROTO_TCP, IP_OPTIONS, 0x1000, 4}) == SECCOMP_RET_ALLOW);
}

BOOST_AUTO_TEST_CASE(where_addresses_decide_a_socket_has_one) {
  const Program program(with_network());
  constexpr std::uint32_t refused = SECCOMP_RET_ERRNO | EACCES;
  BOOST_TEST(program.of("socket", {AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0}) == SECCOMP_RET_ALLOW);
  BOOST_TEST(program.of("socket", {AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 17}) == SECCOMP_RET_ALLOW);
  BOOST_TEST(program.of("socket", {AF_INET, SOCK_DGRAM, 1}) == SECCOMP_RET_ALLOW);
  BOOST_TEST(program.of("socket", {AF_INET, SOCK_RAW, 1}) == refused);
  BOOST_TEST(program.of("socket", {AF_INET, SOCK_STREAM, 132}) == refused);
  BOOST_TEST(program.of("socket", {AF_INET6, SOCK_SEQPACKET, 132}) == refused);
  BOOST_TEST(program.of("socket", {AF_PACKET, SOCK_RAW, 0x300}) == (SECCOMP_RET_ERRNO | EAFNOSUPPORT));
  BOOST_TEST(program.of("socket", {AF_UNIX, SOCK_SEQPACKET, 0}) == SECCOMP_RET_ALLOW);
  BOOST_TEST(program.of("socket", {AF_NETLINK, SOCK_RAW, 0}) == SECCOMP_RET_ALLOW);
}

BOOST_AUTO_TEST_CASE(only_families_that_are_not_listed_come_to_the_supervisor) {
  Profile profile;
  profile.network.families = std::vector<int>{AF_UNIX, AF_INET};
  const Program logged(profile);
  BOOST_TEST(logged.of("socket", {AF_INET, SOCK_STREAM, 0}) == SECCOMP_RET_ALLOW);
  BOOST_TEST(logged.of("socket", {AF_INET6, SOCK_STREAM, 0}) == SECCOMP_RET_USER_NOTIF);
  profile.audit = Audit::cheap;
  const Program cheap(profile);
  BOOST_TEST(cheap.of("socket", {AF_INET, SOCK_STREAM, 0}) == SECCOMP_RET_ALLOW);
  BOOST_TEST(cheap.of("socket", {AF_INET6, SOCK_STREAM, 0}) == (SECCOMP_RET_ERRNO | EAFNOSUPPORT));
}

BOOST_AUTO_TEST_CASE(a_refused_call_is_logged_or_cheap_as_the_profile_says) {
  Profile profile;
  SyscallRule rule;
  rule.word = "ptrace";
  rule.numbers = {SYS_ptrace};
  profile.syscalls.push_back(rule);
  BOOST_TEST(Program(profile).of("ptrace") == SECCOMP_RET_USER_NOTIF);
  profile.audit = Audit::cheap;
  BOOST_TEST(Program(profile).of("ptrace") == (SECCOMP_RET_ERRNO | EPERM));
  profile.on_deny.error = EACCES;
  BOOST_TEST(Program(profile).of("ptrace") == (SECCOMP_RET_ERRNO | EACCES));
  profile.on_deny.action = DenyAction::kill;
  BOOST_TEST(Program(profile).of("ptrace") == SECCOMP_RET_KILL_PROCESS);
  profile.on_deny.action = DenyAction::stop_container;
  BOOST_TEST(Program(profile).of("ptrace") == SECCOMP_RET_USER_NOTIF);
  profile.mode = Mode::audit;
  BOOST_TEST(Program(profile).of("ptrace") == SECCOMP_RET_USER_NOTIF);
}

BOOST_AUTO_TEST_CASE(a_call_that_is_given_back_is_not_hardened) {
  Profile profile = builtin_default();
  SyscallRule rule;
  rule.allow = true;
  rule.word = "@io-uring";
  rule.numbers = *syscalls_of("@io-uring");
  profile.syscalls.push_back(rule);
  const Program program(profile);
  BOOST_TEST(program.of("io_uring_setup") == SECCOMP_RET_ALLOW);
  BOOST_TEST(program.of("bpf") == (SECCOMP_RET_ERRNO | EPERM));
  // Not over a ceiling that says nothing about it.
  profile.ceiling = std::make_shared<Profile>(builtin_default());
  BOOST_TEST(Program(profile).of("io_uring_setup") == no_such_call);
}

BOOST_AUTO_TEST_CASE(the_kernel_accepts_what_is_generated) {
  testing::RandomProfiles random(3);
  for (int round = 0; round < 20; ++round) {
    Profile profile = round == 0 ? builtin_default() : random.profile(5);
    if (profile.paths)
      std::erase_if(*profile.paths, [](const auto& entry) { return entry.pattern.find("**a") != std::string::npos; });
    profile.mode = Mode::enforce;
    const auto result = lower(profile, new_kernel, {});
    if (!result.ok()) continue;
    const auto compiled = Compiled::open(result->block);
    BOOST_REQUIRE(compiled.ok());
    const auto code = compiled->filter();
    const pid_t child = ::fork();
    if (child == 0) {
      sock_fprog program{static_cast<unsigned short>(code.size()), const_cast<sock_filter*>(code.data())};
      ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
      ::_exit(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 && ::getppid() > 0 ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    BOOST_TEST(status == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_program_that_the_kernel_would_not_take_is_refused_by_the_interpreter) {
  const seccomp_data data{};
  const sock_filter off_the_end[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0)};
  const sock_filter unaligned[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), BPF_STMT(BPF_RET | BPF_K, 0)};
  const sock_filter bytes[] = {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_STMT(BPF_RET | BPF_K, 0)};
  const sock_filter outside[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sizeof(seccomp_data)), BPF_STMT(BPF_RET | BPF_K, 0)};
  const sock_filter jump[] = {BPF_STMT(BPF_JMP | BPF_JA, 7), BPF_STMT(BPF_RET | BPF_K, 0)};
  for (const std::span<const sock_filter> program :
       {std::span<const sock_filter>(off_the_end), std::span<const sock_filter>(unaligned), std::span<const sock_filter>(bytes),
        std::span<const sock_filter>(outside), std::span<const sock_filter>(jump)}) {
    BOOST_TEST(!run_bpf(program, data).has_value());
  }
}

}  // namespace
}  // namespace warder::policy
