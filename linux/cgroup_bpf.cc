#include "linux/cgroup_bpf.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

namespace warder::kernel {
namespace {

long bpf(int command, bpf_attr& attributes) { return ::syscall(SYS_bpf, command, &attributes, sizeof attributes); }

bpf_attr zeroed() {
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  return attributes;
}

}  // namespace

Result<Fd> load_program(bpf_prog_type type, bpf_attach_type attach_type, std::span<const bpf_insn> program) {
  bpf_attr attributes = zeroed();
  attributes.prog_type = type;
  attributes.expected_attach_type = attach_type;
  attributes.insns = reinterpret_cast<std::uint64_t>(program.data());
  attributes.insn_cnt = static_cast<std::uint32_t>(program.size());
  attributes.license = reinterpret_cast<std::uint64_t>("Apache-2.0");
  Fd fd(static_cast<int>(bpf(BPF_PROG_LOAD, attributes)));
  if (!fd) return Error::syscall("bpf BPF_PROG_LOAD");
  return fd;
}

Result<void> attach_program(BorrowedFd cgroup, BorrowedFd program, bpf_attach_type attach_type) {
  bpf_attr attributes = zeroed();
  attributes.target_fd = static_cast<std::uint32_t>(cgroup.get());
  attributes.attach_bpf_fd = static_cast<std::uint32_t>(program.get());
  attributes.attach_type = attach_type;
  attributes.attach_flags = BPF_F_ALLOW_MULTI;
  if (bpf(BPF_PROG_ATTACH, attributes) < 0) return Error::syscall("bpf BPF_PROG_ATTACH");
  return {};
}

Result<std::vector<std::uint32_t>> attached_programs(BorrowedFd cgroup, bpf_attach_type attach_type) {
  std::vector<std::uint32_t> ids(64);
  bpf_attr attributes = zeroed();
  attributes.query.target_fd = static_cast<std::uint32_t>(cgroup.get());
  attributes.query.attach_type = attach_type;
  attributes.query.prog_cnt = static_cast<std::uint32_t>(ids.size());
  attributes.query.prog_ids = reinterpret_cast<std::uint64_t>(ids.data());
  if (bpf(BPF_PROG_QUERY, attributes) < 0) return Error::syscall("bpf BPF_PROG_QUERY");
  ids.resize(attributes.query.prog_cnt);
  return ids;
}

Result<void> detach_program(BorrowedFd cgroup, std::uint32_t id, bpf_attach_type attach_type) {
  bpf_attr attributes = zeroed();
  attributes.prog_id = id;
  const Fd program(static_cast<int>(bpf(BPF_PROG_GET_FD_BY_ID, attributes)));
  if (!program) return Error::syscall("bpf BPF_PROG_GET_FD_BY_ID");
  attributes = zeroed();
  attributes.target_fd = static_cast<std::uint32_t>(cgroup.get());
  attributes.attach_bpf_fd = static_cast<std::uint32_t>(program.get());
  attributes.attach_type = attach_type;
  if (bpf(BPF_PROG_DETACH, attributes) < 0) return Error::syscall("bpf BPF_PROG_DETACH");
  return {};
}

}  // namespace warder::kernel
