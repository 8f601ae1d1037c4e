#include "runtime/commands/running_profile.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <memory>

#include "linux/open.h"
#include "runtime/commands/rootfs_facts.h"
#include "runtime/state/profile_snapshot.h"
#include "runtime/text_file.h"

namespace warder::runtime {
namespace {

/// Reads a file from its beginning without moving an offset that others share.
Result<std::vector<std::byte>> read_whole(BorrowedFd file) {
  struct stat status {};
  if (::fstat(file.get(), &status) < 0) return Error::syscall("fstat");
  std::vector<std::byte> block(static_cast<std::size_t>(status.st_size));
  std::size_t have = 0;
  while (have < block.size()) {
    const ssize_t count = ::pread(file.get(), block.data() + have, block.size() - have, static_cast<off_t>(have));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error::syscall("pread");
    if (count == 0) break;
    have += static_cast<std::size_t>(count);
  }
  block.resize(have);
  return block;
}

supervisor::Message request(supervisor::MessageType type) { return {.type = type, .number = 0, .text = {}, .fds = {}}; }

/// The next field of a line and the line without it.
std::string_view field(std::string_view& line) {
  const std::size_t end = std::min(line.find('\t'), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

template <class Number>
void number_field(std::string_view& line, Number& into) {
  const std::string_view word = field(line);
  std::from_chars(word.data(), word.data() + word.size(), into);
}

}  // namespace

Result<supervisor::Boot> ask_for_boot(BorrowedFd control) {
  const supervisor::Message answer = WARDER_TRY(ask_supervisor(control, request(supervisor::MessageType::control_boot)));
  if (answer.fds.size() != 1) return Error::bug("PID 1 sent no boot block");
  // Every asker gets this same open file.
  const std::vector<std::byte> block = WARDER_TRY(read_whole(answer.fds[0]));
  return supervisor::Boot::parse(block);
}

Result<policy::Profile> profile_in_force(const Container& container) {
  const std::string text =
      WARDER_TRY_WITH(read_text_file(container.directory.fd(), profile_snapshot_file), profile_snapshot_file);
  const policy::Snapshot snapshot = WARDER_TRY(snapshot_from_json(text));
  auto profile = policy::profile_of(snapshot, {snapshot.hostname, container.state.id});
  if (!profile || profile->hash() != container.state.profile.hash) {
    return Error(Fault::environment, fmt::format("{} is not the profile that is in force", profile_snapshot_file));
  }
  return *std::move(profile);
}

Result<policy::ContainerFacts> running_facts(const Container& container) {
  const Fd pidfd = WARDER_TRY_WITH(open_process(container.state.workload), "the workload");
  const std::string path = fmt::format("/proc/{}/root", container.state.workload.pid);
  auto root = std::make_shared<Fd>(WARDER_TRY(kernel::open_path(path, O_PATH | O_DIRECTORY)));
  if (!still_alive(container.state.workload)) return Error::user("the workload has ended");
  Spec spec;
  Mount& proc = spec.mounts.emplace_back();  // /proc/self is the caller's: nothing to be resolved below it
  proc.destination = "/proc";
  proc.type = "proc";
  auto shared_spec = std::make_shared<Spec>(std::move(spec));
  policy::ContainerFacts facts = rootfs_facts(*root, *shared_spec);
  // Whoever holds a callback holds what it looks into.
  facts.canonical = [root, shared_spec, canonical = facts.canonical](std::string_view literal) { return canonical(literal); };
  return facts;
}

Result<std::vector<LineUsage>> line_usage(BorrowedFd control) {
  const supervisor::Message answer = WARDER_TRY(ask_supervisor(control, request(supervisor::MessageType::control_usage)));
  std::vector<LineUsage> usage;
  if (answer.fds.empty()) return usage;
  const std::vector<std::byte> bytes = WARDER_TRY(read_whole(answer.fds[0]));
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    LineUsage& one = usage.emplace_back();
    one.file = field(line);
    number_field(line, one.line);
    number_field(line, one.allowed);
    number_field(line, one.refused);
    number_field(line, one.answers);
    number_field(line, one.nanoseconds);
  }
  return usage;
}

}  // namespace warder::runtime
