// Compiled engine filters, kept by the hash of their configuration. The host process of `create`; files below the state root,
// which nobody but its owner can write.
#include <fmt/format.h>
#include <linux/filter.h>
#include <seccomp.h>

#include <cstring>

#include "policy/sha256.h"
#include "runtime/cache_directory.h"
#include "runtime/oci_seccomp.h"
#include "runtime/text_file.h"

namespace warder::runtime {
namespace {

constexpr int cache_format = 1;  ///< raise it when compile_seccomp() makes another program from the same configuration

/// Everything that the program depends on, unambiguously.
std::string configuration_text(const Seccomp& config) {
  const scmp_version* library = ::seccomp_version();
  std::string text =
      fmt::format("{} {}.{}.{} {:x}\n", cache_format, library->major, library->minor, library->micro, ::seccomp_arch_native());
  auto number = [](const std::optional<std::uint32_t>& value) { return value ? std::to_string(*value) : std::string("-"); };
  text += fmt::format("{} {}\n", static_cast<int>(config.default_action), number(config.default_error));
  for (const std::string& word : config.architectures) text += word + "\n";
  for (const std::string& word : config.flags) text += word + "\n";
  for (const SeccompSyscall& rule : config.syscalls) {
    text += fmt::format("rule {} {}\n", static_cast<int>(rule.action), number(rule.error));
    for (const std::string& name : rule.names) text += name + "\n";
    for (const SeccompArgument& argument : rule.args) {
      text += fmt::format("if {} {} {} {}\n", argument.index, argument.value, argument.value_two, static_cast<int>(argument.op));
    }
  }
  return text;
}

std::optional<SeccompProgram> read_entry(BorrowedFd cache, const std::string& name) {
  auto text = read_text_file(cache, name);
  SeccompProgram program;
  if (!text.ok() || text->size() < sizeof program.flags) return std::nullopt;
  std::size_t size = text->size() - sizeof program.flags;
  if (size == 0 || size % sizeof(sock_filter) != 0 || size / sizeof(sock_filter) > BPF_MAXINSNS) return std::nullopt;
  std::memcpy(&program.flags, text->data(), sizeof program.flags);
  program.filter.resize(size);
  std::memcpy(program.filter.data(), text->data() + sizeof program.flags, size);
  return program;
}

void write_entry(BorrowedFd cache, const std::string& name, const SeccompProgram& program) {
  std::string text(reinterpret_cast<const char*>(&program.flags), sizeof program.flags);
  text.append(reinterpret_cast<const char*>(program.filter.data()), program.filter.size());
  static_cast<void>(replace_text_file(cache, name, text, 0600));
}

}  // namespace

Result<SeccompProgram> compile_seccomp_cached(const Seccomp& config, const std::string& directory) {
  Fd cache = open_cache_directory(directory);
  if (!cache) return compile_seccomp(config);
  std::string name = policy::sha256_text(configuration_text(config));
  if (auto known = read_entry(cache, name)) return *std::move(known);
  SeccompProgram program = WARDER_TRY(compile_seccomp(config));
  write_entry(cache, name, program);
  return program;
}

}  // namespace warder::runtime
