#include "supervisor/audit.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdio>

#include "linux/procfs.h"
#include "supervisor/clock.h"
#include "supervisor/json_line.h"
#include "supervisor/process/locked.h"

namespace warder::supervisor {
namespace {

constexpr std::int64_t fold_milliseconds = 1000;
constexpr int recording_patience = 1000;                        ///< milliseconds that a recording waits for a sink that is full
constexpr std::size_t remembered_uses = std::size_t{1} << 15U;  ///< 256 KiB, in mode learn alone

std::string now_text() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return utc_time(now.tv_sec, static_cast<int>(now.tv_nsec / 1'000'000));
}

/// FNV-1a over everything that makes two events the same for a reader.
class Key {
 public:
  Key& add(std::string_view bytes) {
    for (const char byte : bytes) mix(static_cast<unsigned char>(byte));
    mix(0);
    return *this;
  }
  Key& add(std::uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) mix(number >> shift & 0xffU);
    return *this;
  }
  [[nodiscard]] std::uint64_t value() const { return hash_ == 0 ? 1 : hash_; }

 private:
  void mix(std::uint64_t byte) { hash_ = (hash_ ^ byte) * 0x100000001b3ULL; }
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

std::uint64_t key_of(const AuditEvent& event, const policy::Verdict& verdict) {
  return Key()
      .add(static_cast<std::uint64_t>(event.process == 0 ? event.thread : event.process))
      .add(event.wanted.bits())
      .add(verdict.origin.line)
      .add(static_cast<std::uint64_t>(verdict.allowed))
      .add(event.syscall)
      .add(event.path)
      .add(event.address)
      .add(event.host)
      .value();
}

/// Of a recording: who used it and by which call does not matter.
std::uint64_t use_key(const AuditEvent& event) {
  return Key().add(event.wanted.bits()).add(event.section).add(event.path).add(event.address).value();
}

std::string_view verdict_word(const policy::Verdict& verdict) {
  if (!verdict.allowed) return verdict.hidden ? "hidden" : "refused";
  return verdict.would_refuse ? "would-refuse" : "allowed";
}

}  // namespace

std::string executable_of(BorrowedFd procfs, pid_t process) {
  std::array<char, 32> name;
  std::snprintf(name.data(), name.size(), "%d/exe", process);
  std::array<char, PATH_MAX> target;
  const ssize_t length = ::readlinkat(procfs.get(), name.data(), target.data(), target.size());
  return length < 0 ? std::string() : std::string(target.data(), static_cast<std::size_t>(length));
}

std::string command_of(BorrowedFd procfs, pid_t thread) {
  const Fd file = kernel::open_process_file(procfs, thread, "comm", O_RDONLY);
  std::array<char, 64> text;
  const ssize_t length = file ? kernel::read_afresh(file, text.data(), text.size()) : -1;
  if (length <= 0) return {};
  return {text.data(), static_cast<std::size_t>(text[static_cast<std::size_t>(length) - 1] == '\n' ? length - 1 : length)};
}

namespace {

/// As a profile would write them: `ro`, `[read, write]`.
std::string rights_yaml(policy::Rights rights) {
  std::string text = policy::rights_text(rights);
  const bool set = text == "ro" || text == "rx" || text == "rw" || text == "rwx" || text == "all" || text == "none";
  return set ? text : "[" + text + "]";
}

/// The pattern that matches exactly this name, as a YAML string.
std::string pattern_yaml(std::string_view name) {
  std::string pattern;
  for (const char byte : name) {
    if (std::string_view("*?[]{},\\").find(byte) != std::string_view::npos) pattern += '\\';
    pattern += byte;
  }
  return json_string(pattern);
}

}  // namespace

std::string audit_hint(const AuditEvent& event, const policy::Verdict& verdict) {
  if (verdict.standing == policy::Standing::ceiling) return {};
  const bool override = verdict.standing == policy::Standing::layer;
  if (!event.path.empty() && event.section.empty()) {
    if (verdict.error == EXDEV && event.wanted == policy::Right::rename) return {};
    const std::string rights = rights_yaml(verdict.given | event.wanted);
    return pattern_yaml(event.path) + (override ? ": {allow: " + rights + ", override: true}" : ": " + rights);
  }
  // Addresses of a name change: the name is what a profile should say.
  if (event.section == "connect" && !event.host.empty()) {
    const std::size_t port = event.syscall == "dns" ? std::string_view::npos : event.address.rfind(':');
    std::string line = event.syscall == "dns" ? "tcp " : std::string(event.address.substr(0, event.address.find(' ') + 1));
    line.append(event.host);
    if (port != std::string_view::npos) line.append(event.address.substr(port));
    return std::string("connect: [").append(json_string(line)).append(override ? ": {verdict: allow, override: true}]" : "]");
  }
  if (event.section == "connect" || event.section == "bind") {
    const std::size_t space = std::min(event.address.find(' '), event.address.size() - 1) + 1;
    const bool pattern = event.address.starts_with("unix") || event.address.starts_with("abstract");
    const std::string rest(event.address.substr(space));
    std::string line(event.address.substr(0, space));
    const std::string quoted = pattern ? pattern_yaml(rest) : json_string(rest);
    line = "\"" + line + quoted.substr(1);
    if (override) line += ": {verdict: allow, override: true}";
    return std::string(event.section).append(": [").append(line).append("]");
  }
  if (event.section == "families") {
    if (override || verdict.standing == policy::Standing::builtin) return {};  // a layer's list has only parts
    return std::string("families: [")
        .append(event.others)
        .append(event.others.empty() ? "" : ", ")
        .append(event.address)
        .append("]");
  }
  if (event.section == "syscalls") {
    return std::string("allow: [").append(event.syscall).append(override ? "], override: true" : "]");
  }
  return {};
}

AuditLog::AuditLog(BorrowedFd sink, BorrowedFd procfs, std::string_view container_id, const policy::Compiled& policy,
                   AuditPlan plan)
    : sink_(sink), procfs_(procfs), plan_(std::move(plan)), id_(container_id), tokens_(plan_.burst) {
  begin(policy);
}

void AuditLog::begin(const policy::Compiled& policy) {
  JsonLine line;
  line.text("id", id_);
  line.text("profile", policy.profile_name());
  line.text("hash", policy.profile_hash());
  prefix_ = line.members();
  learned_ = std::vector<std::uint64_t>(policy.mode() == policy::Mode::learn ? remembered_uses : 0);
  usage_.begin(policy);
}

void AuditLog::change_policy(const policy::Compiled& policy) {
  Locked locked(mutex_);
  for (Folded& folded : folded_) end_fold(folded);
  if (plan_.usage) write_usage();
  begin(policy);
  JsonLine line;
  line.text("event", "profile-update");
  if (sink_.valid()) write_line(line.members());
}

/// One line for each line of the profile: what it decided since it came into force, be it nothing.
void AuditLog::write_usage() {
  if (!sink_.valid()) return;
  const auto write = [this](std::string_view file, std::uint32_t number, const Usage::Line& one) {
    JsonLine line;
    line.text("event", "usage");
    line.text("rule", std::string(file).append(":").append(std::to_string(number)));
    line.number("allowed", static_cast<std::int64_t>(one.allowed.load()));
    line.number("refused", static_cast<std::int64_t>(one.refused.load()));
    line.number("answers", static_cast<std::int64_t>(one.answers.load()));
    line.number("nanoseconds", static_cast<std::int64_t>(one.nanoseconds.load()));
    write_line(line.members());
  };
  usage_.for_each(write);
  for (const policy::Origin& line : usage_.idle_lines()) write(line.file, line.line, {});
}

std::string AuditLog::describe(const AuditEvent& event, const policy::Verdict& verdict) const {
  const pid_t process = event.process == 0 ? event.thread : event.process;
  JsonLine line;
  if (event.guest_pid != 0) line.number("pid", event.guest_pid);
  line.number("outer_pid", process);
  line.number("uid", event.uid);
  line.text("comm", event.command.empty() ? command_of(procfs_, event.thread) : std::string(event.command));
  line.text("exe", event.program.empty() ? executable_of(procfs_, process) : std::string(event.program));
  line.text("syscall", event.syscall);
  if (!event.wanted.empty()) line.text("right", policy::rights_text(event.wanted));
  if (!event.path.empty()) line.text("path", event.path);
  if (!event.address.empty()) line.text("address", event.address);
  if (!event.host.empty()) line.text("host", event.host);
  if (!event.address.empty() && !event.section.empty()) line.text("section", event.section);
  line.text("verdict", learns(verdict) && !verdict.would_refuse ? "learned" : verdict_word(verdict));
  if (!verdict.allowed) line.number("errno", verdict.error);
  line.text("rule", std::string(verdict.origin.file).append(":").append(std::to_string(verdict.origin.line)));
  line.text("enforcer", event.enforcer);
  const std::string hint = verdict.allowed && !verdict.would_refuse ? std::string() : audit_hint(event, verdict);
  if (!hint.empty()) line.text("hint", hint);
  return line.members();
}

bool AuditLog::wants(const AuditEvent& event, const policy::Verdict& verdict) const {
  if (!sink_.valid()) return false;
  if (!learns(verdict)) return !verdict.allowed || verdict.would_refuse || verdict.audited;
  if (event.wanted.empty() && event.section.empty()) return false;
  const std::uint64_t key = use_key(event);
  Locked locked(mutex_);
  return learned_[key % learned_.size()] != key;
}

void AuditLog::learn(const AuditEvent& event, const policy::Verdict& verdict) {
  const std::uint64_t key = use_key(event);
  const std::string members = describe(event, verdict);
  Locked locked(mutex_);
  std::uint64_t& place = learned_[key % learned_.size()];
  if (place == key) return;  // another worker was faster
  place = key;
  write_line(members);
}

void AuditLog::record(const AuditEvent& event, const policy::Verdict& verdict) {
  if (!wants(event, verdict)) return;
  if (learns(verdict)) return learn(event, verdict);
  const std::uint64_t key = key_of(event, verdict);
  const std::int64_t now = monotonic_milliseconds();
  Locked locked(mutex_);
  Folded& folded = slot_for(key, now);
  if (folded.key == key) {
    ++folded.count;
    return;
  }
  folded.key = key;
  folded.since = now;
  if (!take_token(now)) {
    ++lost_;
    folded.key = 0;
    return;
  }
  folded.members = describe(event, verdict);
  write_event(folded.members, 1);
}

/// The running fold of this key, or a slot that has been freed for it.
AuditLog::Folded& AuditLog::slot_for(std::uint64_t key, std::int64_t now) {
  Folded* oldest = &folded_[0];
  for (Folded& folded : folded_) {
    if (folded.key == key) {
      if (now - folded.since < fold_milliseconds) return folded;
      end_fold(folded);
      return folded;
    }
    if (folded.key == 0 ? oldest->key != 0 : oldest->key != 0 && folded.since < oldest->since) oldest = &folded;
  }
  end_fold(*oldest);
  return *oldest;
}

void AuditLog::end_fold(Folded& folded) {
  if (folded.key != 0 && folded.count > 0) write_event(folded.members, folded.count);
  folded.key = 0;
  folded.count = 0;
}

void AuditLog::write_event(const std::string& members, std::uint32_t count) {
  write_line(count == 1 ? members : std::string(members).append(",\"count\":").append(std::to_string(count)));
}

bool AuditLog::write_line(const std::string& members) {
  std::string line = plan_.before + "{\"v\":1,\"time\":\"";
  line.append(now_text()).append("\",").append(prefix_).append(",").append(members).append("}").append(plan_.after);
  if (write_out(line)) return true;
  ++lost_;
  return false;
}

/// A full disk, a closed pipe or a slow reader loses the line; no verdict waits for it. A recording with holes is worth nothing,
/// so that one waits for a while.
bool AuditLog::write_out(const std::string& line) {
  for (;;) {
    const ssize_t written = ::write(sink_.get(), line.data(), line.size());
    if (written == static_cast<ssize_t>(line.size())) return true;
    if (written < 0 && errno == EINTR) continue;
    if (written >= 0 || errno != EAGAIN || learned_.empty()) return false;
    pollfd room{sink_.get(), POLLOUT, 0};
    if (::poll(&room, 1, recording_patience) != 1) return false;
  }
}

bool AuditLog::take_token(std::int64_t now) {
  if (refilled_ == 0) refilled_ = now;
  const std::int64_t earned = (now - refilled_) * plan_.rate / 1000;
  if (earned > 0) {
    tokens_ = std::min<std::int64_t>(plan_.burst, tokens_ + earned);
    refilled_ = now;
  }
  if (tokens_ == 0) return false;
  --tokens_;
  return true;
}

void AuditLog::flush(Flush what) {
  const std::int64_t now = monotonic_milliseconds();
  Locked locked(mutex_);
  for (Folded& folded : folded_) {
    if (folded.key != 0 && (what == Flush::all || now - folded.since >= fold_milliseconds)) end_fold(folded);
  }
  if (lost_ > 0 && (what == Flush::all || take_token(now))) {
    JsonLine line;
    line.text("event", "rate-limit");
    const std::uint64_t lost = std::exchange(lost_, 0);
    line.number("lost", static_cast<std::int64_t>(lost));
    if (!write_line(line.members())) lost_ = lost;  // and not one more for this line
  }
  if (what == Flush::all && plan_.usage) write_usage();
}

int AuditLog::flush_due() const {
  Locked locked(mutex_);
  std::int64_t first = lost_ > 0 ? fold_milliseconds : -1;
  const std::int64_t now = monotonic_milliseconds();
  for (const Folded& folded : folded_) {
    if (folded.key == 0 || folded.count == 0) continue;
    const std::int64_t due = std::max<std::int64_t>(0, folded.since + fold_milliseconds - now);
    if (first < 0 || due < first) first = due;
  }
  return static_cast<int>(first);
}

}  // namespace warder::supervisor
