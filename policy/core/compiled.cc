#include "policy/core/compiled.h"

#include <string>

#include "policy/core/compiled_check.h"
#include "policy/core/compiled_format.h"

namespace warder::policy {
namespace {

const format::Header& header(std::span<const std::byte> block) { return *reinterpret_cast<const format::Header*>(block.data()); }

}  // namespace

Result<Compiled> Compiled::open(std::span<const std::byte> block) {
  if (const char* fault = block_fault(block)) return Error::bug(std::string("compiled profile: ") + fault);
  return Compiled(block);
}

std::string_view Compiled::profile_name() const { return format::text(block_.data(), header(block_).name); }
std::string_view Compiled::profile_hash() const { return format::text(block_.data(), header(block_).hash); }
Mode Compiled::mode() const { return static_cast<Mode>(header(block_).mode); }
bool Compiled::decides_paths() const { return header(block_).decides_paths != 0; }
bool Compiled::decides_network() const { return header(block_).decides_network != 0; }
bool Compiled::hides() const { return header(block_).hides != 0; }
bool Compiled::checks_exec() const { return header(block_).checks_exec != 0; }
bool Compiled::names_hosts() const { return header(block_).names_hosts != 0; }
bool Compiled::needs_listener() const { return header(block_).needs_listener != 0; }

std::span<const sock_filter> Compiled::filter() const {
  return format::elements<sock_filter>(block_.data(), header(block_).filter);
}

std::uint64_t Compiled::landlock_handled_fs() const { return header(block_).handled_fs; }
std::uint64_t Compiled::landlock_handled_net() const { return header(block_).handled_net; }
std::uint64_t Compiled::landlock_scoped() const { return header(block_).scoped; }
std::size_t Compiled::landlock_path_count() const { return header(block_).landlock_paths.count; }
LandlockPathRule Compiled::landlock_path(std::size_t index) const {
  const auto& rule = format::elements<format::LandlockPath>(block_.data(), header(block_).landlock_paths)[index];
  return {format::text(block_.data(), rule.path), rule.access, rule.optional != 0};
}
std::size_t Compiled::landlock_port_count() const { return header(block_).landlock_ports.count; }
LandlockPortRule Compiled::landlock_port(std::size_t index) const {
  const auto& rule = format::elements<format::LandlockPort>(block_.data(), header(block_).landlock_ports)[index];
  return {static_cast<std::uint16_t>(rule.port), rule.access};
}

std::size_t Compiled::read_only_count() const { return header(block_).read_only.count; }
std::string_view Compiled::read_only(std::size_t index) const {
  return format::text(block_.data(), format::elements<format::Range>(block_.data(), header(block_).read_only)[index]);
}

std::size_t Compiled::exec_mount_count() const { return header(block_).exec_mounts.count; }
ExecMountRule Compiled::exec_mount(std::size_t index) const {
  const auto& mount = format::elements<format::ExecMount>(block_.data(), header(block_).exec_mounts)[index];
  return {format::text(block_.data(), mount.path),
          mount.executable != 0,
          mount.name_alone != 0,
          mount.keeps_link != 0,
          mount.to_be_made != 0,
          mount.may_be_absent != 0};
}

std::size_t Compiled::line_count() const {
  constexpr std::size_t sections = 6;  // paths, connect, bind, families, the file, the hardening set
  std::size_t lines = 0;
  for (const auto& rules : format::elements<format::RuleSet>(block_.data(), header(block_).rule_sets)) {
    lines += sections + rules.paths.entries.count + rules.connect.rules.count + rules.bind.rules.count + rules.syscalls.count;
  }
  return lines;
}

std::uint64_t Compiled::capability_ceiling() const { return header(block_).capability_ceiling; }

}  // namespace warder::policy
