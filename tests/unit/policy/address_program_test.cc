// The programs of a cgroup, interpreted, against the reference meaning: for random rules and addresses both say the same.
#include "policy/address_program.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <random>

#include "policy/decide.h"
#include "policy/lower.h"

namespace warder::policy {
namespace {

struct Run {
  bool allowed = false;
  int error = 0;
};

/// The instructions that these programs use, as bpf(2) defines them. The context may be written.
Run interpret(const std::vector<bpf_insn>& program, bpf_sock_addr& context) {
  std::array<std::uint64_t, 11> r{};
  r[1] = reinterpret_cast<std::uint64_t>(&context);
  Run run;
  std::size_t steps = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    BOOST_REQUIRE(++steps <= program.size());  // forward only
    const bpf_insn& one = program[at];
    const auto value = static_cast<std::uint32_t>(one.imm);
    auto& target = r[one.dst_reg];
    bool jump = false;
    switch (one.code) {
      case BPF_LDX | BPF_MEM | BPF_W: {
        BOOST_REQUIRE(one.src_reg == 6 && one.off >= 0 && one.off + 4U <= sizeof context);
        std::uint32_t word = 0;
        std::memcpy(&word, reinterpret_cast<const char*>(&context) + one.off, 4);
        target = word;
        break;
      }
      case BPF_STX | BPF_MEM | BPF_W: {
        const bool writable = one.off >= 4 && one.off + 4 <= 24;
        BOOST_REQUIRE(one.dst_reg == 6 && writable);
        const auto word = static_cast<std::uint32_t>(r[one.src_reg]);
        std::memcpy(reinterpret_cast<char*>(&context) + one.off, &word, 4);
        break;
      }
      case BPF_ALU | BPF_MOV | BPF_K:
        target = value;
        break;
      case BPF_ALU64 | BPF_MOV | BPF_X:
        target = r[one.src_reg];
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        target = static_cast<std::uint32_t>(target) & value;
        break;
      case BPF_ALU | BPF_END | BPF_TO_BE:
        target = one.imm == 16 ? htons(static_cast<std::uint16_t>(target)) : htonl(static_cast<std::uint32_t>(target));
        break;
      case BPF_JMP | BPF_JA:
        jump = true;
        break;
      case BPF_JMP32 | BPF_JNE | BPF_K:
        jump = static_cast<std::uint32_t>(target) != value;
        break;
      case BPF_JMP32 | BPF_JLT | BPF_K:
        jump = static_cast<std::uint32_t>(target) < value;
        break;
      case BPF_JMP32 | BPF_JGT | BPF_K:
        jump = static_cast<std::uint32_t>(target) > value;
        break;
      case BPF_JMP | BPF_CALL:
        BOOST_REQUIRE(one.imm == BPF_FUNC_set_retval);
        run.error = -static_cast<int>(r[1]);
        break;
      case BPF_JMP | BPF_EXIT:
        run.allowed = r[0] == 1;
        return run;
      default:
        BOOST_FAIL("an instruction that nobody expected");
    }
    if (jump) at += static_cast<std::size_t>(one.off);
  }
  BOOST_FAIL("ran off the end");
  return run;
}

using Random = std::mt19937;
unsigned pick(Random& random, unsigned below) { return std::uniform_int_distribution<unsigned>(0, below - 1)(random); }

std::array<std::uint8_t, 16> random_address(Random& random, bool ipv6) {
  constexpr std::array<const char*, 6> four = {"10.0.0.1", "10.0.0.2", "10.1.0.1", "127.0.0.1", "169.254.169.254", "0.0.0.0"};
  constexpr std::array<const char*, 6> six = {"2001:db8::1", "2001:db8::2", "2001:db9::1", "::1", "fe80::1", "::"};
  std::array<std::uint8_t, 16> address{};
  ::inet_pton(ipv6 ? AF_INET6 : AF_INET, ipv6 ? six[pick(random, 6)] : four[pick(random, 6)], address.data());
  return address;
}

AddressRule random_rule(Random& random) {
  constexpr std::array<std::uint16_t, 4> ports = {0, 80, 443, 65535};
  AddressRule rule;
  rule.allow = pick(random, 3) != 0;
  rule.transport = std::array{Transport::tcp, Transport::udp, Transport::unix_path}[pick(random, 7) % 3];
  if (rule.transport == Transport::unix_path) rule.name = "/**";
  rule.any_address = pick(random, 4) == 0;
  rule.ipv6 = pick(random, 2) == 0;
  rule.address = random_address(random, rule.ipv6);
  rule.prefix = static_cast<std::uint8_t>(pick(random, rule.ipv6 ? 129 : 33));
  for (unsigned bit = rule.prefix; bit < 128; ++bit) rule.address[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
  rule.port_low = ports[pick(random, 4)];
  rule.port_high = std::max(rule.port_low, ports[pick(random, 4)]);
  return rule;
}

/// What the kernel would give a program, and the endpoint that it means.
struct Case {
  bpf_sock_addr context{};
  Endpoint endpoint;
  bool in_ipv6_program = false;
};
Case random_case(Random& random, bool outgoing) {
  Case made;
  const bool ipv6 = pick(random, 2) == 0;
  const bool mapped = !ipv6 && pick(random, 2) == 0;
  made.in_ipv6_program = ipv6 || mapped;
  made.endpoint.ipv6 = ipv6;
  made.endpoint.family = made.in_ipv6_program ? AF_INET6 : AF_INET;
  made.endpoint.address = random_address(random, ipv6);
  made.endpoint.port = std::array<std::uint16_t, 5>{0, 79, 80, 443, 65535}[pick(random, 5)];
  const unsigned kind = pick(random, 5);
  made.endpoint.transport = kind == 0 ? Transport::other : kind % 2 == 0 ? Transport::tcp : Transport::udp;
  made.context.type = kind == 0 ? SOCK_RAW : kind % 2 == 0 ? SOCK_STREAM : SOCK_DGRAM;
  made.context.user_port = htons(made.endpoint.port);
  if (ipv6) std::memcpy(made.context.user_ip6, made.endpoint.address.data(), 16);
  if (mapped) {
    made.context.user_ip6[2] = htonl(0xffff);
    std::memcpy(&made.context.user_ip6[3], made.endpoint.address.data(), 4);
  }
  if (!made.in_ipv6_program) std::memcpy(&made.context.user_ip4, made.endpoint.address.data(), 4);
  const std::array<std::uint8_t, 16> zero{};
  if (outgoing && made.endpoint.address == zero) {  // this host
    if (ipv6) made.endpoint.address[15] = 1;
    if (!ipv6) made.endpoint.address[0] = 127, made.endpoint.address[3] = 1;
  }
  return made;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(address_program)

BOOST_AUTO_TEST_CASE(random_rules_mean_the_same_in_a_program_and_in_decide) {
  Random random(20261128);
  for (unsigned round = 0; round < 400; ++round) {
    Profile profile;
    Profile ceiling;
    std::vector<AddressRule> rules(pick(random, 8));
    for (auto& rule : rules) rule = random_rule(random);
    std::vector<AddressRule> above(1 + pick(random, 4));
    for (auto& rule : above) rule = random_rule(random);
    const bool outgoing = pick(random, 2) == 0;
    (outgoing ? profile.network.connect : profile.network.bind) = rules;
    std::vector<GuardedSection> sections;
    if (round % 2 == 0) {
      (outgoing ? ceiling.network.connect : ceiling.network.bind) = above;
      profile.ceiling = std::make_shared<const Profile>(ceiling);
      sections.push_back({&above, EACCES});
    }
    sections.push_back({&rules, EACCES});
    const auto programs = outgoing ? connect_programs(sections) : bind_programs(sections);
    for (unsigned i = 0; i < 100; ++i) {
      Case one = random_case(random, outgoing);
      const Verdict verdict = decide_address(profile, outgoing ? NetOperation::connect : NetOperation::bind, one.endpoint);
      const Run run = interpret(programs[one.in_ipv6_program ? 1 : 0].instructions, one.context);
      BOOST_REQUIRE_MESSAGE(run.allowed == verdict.allowed, "round " << round << " case " << i);
      if (!run.allowed) BOOST_REQUIRE(run.error == EACCES);
      // What the kernel goes on with is what was judged.
      const auto* there =
          reinterpret_cast<const std::uint8_t*>(one.in_ipv6_program ? &one.context.user_ip6[0] : &one.context.user_ip4);
      const bool mapped = one.in_ipv6_program && !one.endpoint.ipv6;
      BOOST_REQUIRE(std::equal(one.endpoint.address.begin(), one.endpoint.address.begin() + (one.endpoint.ipv6 ? 16 : 4),
                               mapped ? there + 12 : there));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_cheap_profile_leaves_addresses_to_the_cgroup_where_there_is_one) {
  Profile profile;
  profile.audit = Audit::cheap;
  AddressRule tcp;
  tcp.any_address = true;
  tcp.port_low = tcp.port_high = 443;
  AddressRule path;
  path.transport = Transport::unix_path;
  path.name = "/**";
  AddressRule abstract;
  abstract.transport = Transport::unix_abstract;
  abstract.name = "**";
  profile.network.connect = std::vector{tcp, path, abstract};
  ContainerFacts facts;
  facts.has_guarded_cgroup = [] { return true; };
  const KernelFacts kernel{7, true, true};
  const auto traps = [](const Lowered& lowered, std::string_view name) {
    return std::ranges::any_of(lowered.calls,
                               [&](const CallReport& call) { return call.name == name && call.enforcer == Enforcer::notify; });
  };
  const auto guarded = lower(profile, kernel, facts);
  BOOST_REQUIRE(guarded.ok());
  BOOST_TEST(guarded->address_programs.size() == 4U);
  BOOST_TEST(!traps(*guarded, "connect"));
  BOOST_TEST(!traps(*guarded, "sendmmsg"));
  BOOST_TEST((guarded->entries[0].enforcers == std::vector{Enforcer::cgroup}));
  BOOST_TEST(guarded->entries[0].silent);
  // Each of these is beyond what the programs can do: the supervisor decides.
  const auto stays = [&](const Profile& other, const ContainerFacts& where) {
    const auto lowered = lower(other, kernel, where);
    BOOST_REQUIRE(lowered.ok());
    return lowered->address_programs.empty() && traps(*lowered, "connect");
  };
  BOOST_TEST(stays(profile, {}));
  Profile other = profile;
  other.audit = Audit::refused;
  BOOST_TEST(stays(other, facts));
  other = profile;
  other.network.connect->pop_back();
  BOOST_TEST(stays(other, facts));
  other = profile;
  other.network.connect->front().any_address = false;
  other.network.connect->front().name = "packages.example.org";
  BOOST_TEST(stays(other, facts));
  other = profile;
  other.on_deny.action = DenyAction::kill;
  BOOST_TEST(stays(other, facts));
  other = profile;
  other.mode = Mode::audit;
  BOOST_TEST(stays(other, facts));
  other = profile;
  other.hardening = false;
  BOOST_TEST(stays(other, facts));
  other = profile;
  Profile strict = profile;
  strict.audit = Audit::refused;
  other.ceiling = std::make_shared<const Profile>(strict);
  BOOST_TEST(stays(other, facts));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace warder::policy
