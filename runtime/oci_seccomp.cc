// Compiling the engine's filter with libseccomp. The host process of `create`.
#include "runtime/oci_seccomp.h"

#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <memory>
#include <set>

#include "linux/fd.h"

namespace warder::runtime {
namespace {

struct ContextRelease {
  void operator()(void* context) const { ::seccomp_release(context); }
};
using FilterContext = std::unique_ptr<void, ContextRelease>;

constexpr std::uint32_t x32_bit = 0x40000000;

Error seccomp_failure(std::string_view call, int code) { return Error::syscall(call, -code); }

std::uint32_t action_value(SeccompAction action, std::optional<std::uint32_t> number) {
  switch (action) {
    case SeccompAction::kill_thread:
      return SCMP_ACT_KILL_THREAD;
    case SeccompAction::kill_process:
      return SCMP_ACT_KILL_PROCESS;
    case SeccompAction::trap:
      return SCMP_ACT_TRAP;
    case SeccompAction::error:
      return SCMP_ACT_ERRNO(number.value_or(EPERM));
    case SeccompAction::trace:
      return SCMP_ACT_TRACE(number.value_or(EPERM));
    case SeccompAction::allow:
      return SCMP_ACT_ALLOW;
    case SeccompAction::log:
      return SCMP_ACT_LOG;
    case SeccompAction::notify:
      return SCMP_ACT_NOTIFY;
  }
  return SCMP_ACT_KILL_PROCESS;
}

scmp_compare compare_value(SeccompOperator op) {
  switch (op) {
    case SeccompOperator::not_equal:
      return SCMP_CMP_NE;
    case SeccompOperator::less:
      return SCMP_CMP_LT;
    case SeccompOperator::less_equal:
      return SCMP_CMP_LE;
    case SeccompOperator::equal:
      return SCMP_CMP_EQ;
    case SeccompOperator::greater_equal:
      return SCMP_CMP_GE;
    case SeccompOperator::greater:
      return SCMP_CMP_GT;
    case SeccompOperator::masked_equal:
      return SCMP_CMP_MASKED_EQ;
  }
  return SCMP_CMP_EQ;
}

/// "SCMP_ARCH_X86_64" -> libseccomp's token; 0 for an unknown word.
std::uint32_t architecture_token(std::string_view word) {
  constexpr std::string_view prefix = "SCMP_ARCH_";
  if (!word.starts_with(prefix)) return 0;
  std::string name(word.substr(prefix.size()));
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char letter) { return std::tolower(letter); });
  return ::seccomp_arch_resolve_name(name.c_str());
}

Result<std::vector<std::uint32_t>> architectures(const Seccomp& config) {
  std::vector<std::uint32_t> tokens{::seccomp_arch_native()};
  for (const std::string& word : config.architectures) {
    std::uint32_t token = architecture_token(word);
    if (token == 0) return Error::user(fmt::format("linux.seccomp.architectures: found \"{}\"; accepted: SCMP_ARCH_…", word));
    if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) tokens.push_back(token);
  }
  return tokens;
}

/// The alternatives of one rule. Conditions on different arguments all have to hold; two conditions on the same argument cannot
/// stand in one rule of libseccomp, and every runtime since the first takes each as a rule of its own then.
std::vector<std::vector<scmp_arg_cmp>> alternatives(const std::vector<SeccompArgument>& arguments) {
  std::vector<scmp_arg_cmp> all;
  all.reserve(arguments.size());
  std::set<std::uint32_t> seen;
  bool repeated = false;
  for (const SeccompArgument& argument : arguments) {
    repeated = !seen.insert(argument.index).second || repeated;
    all.push_back(
        {.arg = argument.index, .op = compare_value(argument.op), .datum_a = argument.value, .datum_b = argument.value_two});
  }
  if (!repeated) return {all};
  std::vector<std::vector<scmp_arg_cmp>> each;
  for (const scmp_arg_cmp& condition : all) each.push_back({condition});
  return each;
}

Result<void> add_rule(const FilterContext& context, const SeccompSyscall& rule, std::uint32_t default_action) {
  std::uint32_t action = action_value(rule.action, rule.error);
  // libseccomp refuses a rule that says what happens anyway.
  if (action == default_action) return {};
  auto choices = alternatives(rule.args);
  for (const std::string& name : rule.names) {
    int number = ::seccomp_syscall_resolve_name(name.c_str());
    if (number == __NR_SCMP_ERROR) continue;
    for (const auto& choice : choices) {
      int code = ::seccomp_rule_add_array(context.get(), action, number, static_cast<unsigned>(choice.size()), choice.data());
      if (code != 0 && code != -EEXIST) return seccomp_failure(fmt::format("seccomp_rule_add '{}'", name), code);
    }
  }
  return {};
}

Result<std::vector<std::byte>> export_program(const FilterContext& context) {
  Fd file(::memfd_create("warder-seccomp", MFD_CLOEXEC));
  if (!file) return Error::syscall("memfd_create");
  int code = ::seccomp_export_bpf(context.get(), file.get());
  if (code != 0) return seccomp_failure("seccomp_export_bpf", code);
  off_t size = ::lseek(file.get(), 0, SEEK_END);
  if (size < 0) return Error::syscall("lseek");
  std::vector<std::byte> program(static_cast<std::size_t>(size));
  if (::pread(file.get(), program.data(), program.size(), 0) != size) return Error::syscall("pread");
  return program;
}

struct LastCall {
  std::uint32_t token;
  std::uint32_t number;
};

/// The highest number that the configuration names, for each architecture: whoever wrote it knew no newer call.
std::vector<LastCall> last_calls(const Seccomp& config, const std::vector<std::uint32_t>& tokens) {
  std::vector<LastCall> last;
  for (std::uint32_t token : tokens) {
    int highest = -1;
    for (const SeccompSyscall& rule : config.syscalls) {
      for (const std::string& name : rule.names) {
        highest = std::max(highest, ::seccomp_syscall_resolve_name_arch(token, name.c_str()));
      }
    }
    if (highest >= 0) last.push_back({.token = token, .number = static_cast<std::uint32_t>(highest)});
  }
  return last;
}

/// A call newer than the configuration answers ENOSYS, because a C library falls back to an older call for ENOSYS only. Put in
/// front of the program; everything else falls through to it.
std::vector<sock_filter> unknown_call_stub(const std::vector<LastCall>& last) {
  std::vector<sock_filter> code;
  auto load = [&](std::uint32_t offset) { code.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)); };
  for (const LastCall& call : last) {
    bool x32 = call.token == SCMP_ARCH_X32;
    std::uint32_t audit_arch = x32 ? AUDIT_ARCH_X86_64 : call.token;
    load(offsetof(seccomp_data, arch));
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, audit_arch, 0, 4));
    load(offsetof(seccomp_data, nr));
    // x32 shares the architecture of x86-64 and has its own numbers above x32_bit.
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, x32_bit, static_cast<std::uint8_t>(x32 ? 0 : 2),
                            static_cast<std::uint8_t>(x32 ? 2 : 0)));
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, call.number, 0, 1));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
  }
  return code;
}

bool permits(SeccompAction action) {
  return action == SeccompAction::allow || action == SeccompAction::log || action == SeccompAction::trace;
}

std::uint32_t filter_flags(const Seccomp& config) {
  // A program for one thread needs no TSYNC.
  if (config.flags.empty()) return SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  std::uint32_t flags = 0;
  for (const std::string& word : config.flags) {
    if (word == "SECCOMP_FILTER_FLAG_LOG") flags |= SECCOMP_FILTER_FLAG_LOG;
    if (word == "SECCOMP_FILTER_FLAG_SPEC_ALLOW") flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    // The kernel takes this one with a listener only.
    if (word == "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" && notifies(config)) flags |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  }
  return flags;
}

}  // namespace

bool notifies(const Seccomp& config) {
  return std::any_of(config.syscalls.begin(), config.syscalls.end(),
                     [](const SeccompSyscall& rule) { return rule.action == SeccompAction::notify; });
}

Result<SeccompProgram> compile_seccomp(const Seccomp& config) {
  std::uint32_t default_action = action_value(config.default_action, config.default_error);
  FilterContext context(::seccomp_init(default_action));
  if (!context) return Error(Fault::environment, "seccomp_init: no filter");
  std::vector<std::uint32_t> tokens = WARDER_TRY(architectures(config));
  for (std::uint32_t token : tokens) {
    int code = ::seccomp_arch_add(context.get(), token);
    if (code != 0 && code != -EEXIST) return seccomp_failure("seccomp_arch_add", code);
  }
  for (const SeccompSyscall& rule : config.syscalls) WARDER_TRY(add_rule(context, rule, default_action));
  std::vector<std::byte> program = WARDER_TRY(export_program(context));

  SeccompProgram result{.filter = {}, .flags = filter_flags(config)};
  if (!permits(config.default_action)) {
    std::vector<sock_filter> stub = unknown_call_stub(last_calls(config, tokens));
    auto bytes = std::as_bytes(std::span(stub));
    result.filter.assign(bytes.begin(), bytes.end());
  }
  result.filter.insert(result.filter.end(), program.begin(), program.end());
  if (result.filter.size() / sizeof(sock_filter) > BPF_MAXINSNS) {
    return Error::user(
        fmt::format("linux.seccomp: the filter has more than the {} instructions that the kernel takes", BPF_MAXINSNS));
  }
  return result;
}

}  // namespace warder::runtime
