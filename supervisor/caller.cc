#include "supervisor/caller.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "linux/memory.h"
#include "linux/newer.h"
#include "linux/procfs.h"
#include "supervisor/clock.h"

namespace warder::supervisor {
namespace {

using kernel::next_word;
using kernel::number;

/// Opens something below /proc/TID that only a possible tracer may touch.
Fd open_of(CallerCache& cache, pid_t tid, std::string_view name, int flags) {
  return kernel::open_process_file(cache.procfs(), tid, name, flags);
}

void parse_ids(std::string_view line, uid_t& real, uid_t& effective, uid_t& saved, uid_t& fs) {
  for (uid_t* id : {&real, &effective, &saved, &fs}) *id = static_cast<uid_t>(number(next_word(line)));
}

void parse_pids(std::string_view line, NamespacePids& pids) {
  pids.levels = 0;
  for (std::string_view word = next_word(line); !word.empty() && pids.levels < pids.pid.size(); word = next_word(line)) {
    pids.pid[pids.levels++] = static_cast<pid_t>(number(word));
  }
}

/// True once every line that decides about rights was seen; a text that was cut is not.
bool parse_status(std::string_view text, CallerStatus& status) {
  Credentials& who = status.credentials;
  status.process.levels = status.thread.levels = 0;
  bool complete = false;
  std::string_view line;
  while (kernel::next_line(text, line)) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view key = line.substr(0, colon);
    std::string_view rest = line.substr(colon + 1);
    if (key == "Umask") {
      who.umask = static_cast<mode_t>(number(next_word(rest), 8));
    } else if (key == "Tgid") {
      status.tgid = static_cast<pid_t>(number(next_word(rest)));
    } else if (key == "Uid") {
      parse_ids(rest, who.real_uid, who.effective_uid, who.saved_uid, who.fs_uid);
    } else if (key == "Gid") {
      parse_ids(rest, who.real_gid, who.effective_gid, who.saved_gid, who.fs_gid);
    } else if (key == "FDSize") {
      status.fd_table_size = number(next_word(rest));
    } else if (key == "Groups") {
      who.groups.clear();
      for (std::string_view word = next_word(rest); !word.empty(); word = next_word(rest)) {
        who.groups.push_back(static_cast<gid_t>(number(word)));
      }
    } else if (key == "NStgid") {
      parse_pids(rest, status.process);
    } else if (key == "NSpid") {
      parse_pids(rest, status.thread);
    } else if (key == "CapPrm") {
      who.permitted = number(next_word(rest), 16);
    } else if (key == "CapEff") {
      who.effective = number(next_word(rest), 16);
      complete = status.tgid != 0;
      break;
    }
  }
  return complete;
}

bool has(std::uint64_t set, int capability) { return (set >> static_cast<unsigned>(capability) & 1U) != 0; }

/// Reads /proc/TID/status into the cache's buffer, through a descriptor that is kept as long as the thread lives.
Outcome<std::string_view> read_status(CallerCache& cache, pid_t tid) {
  constexpr std::size_t max_size = 1U << 20U;  // 65536 supplementary groups fit
  CallerCache::Entry& entry = cache.slot(tid);
  if (entry.tid != tid) entry = {};
  for (int attempt = 0;; ++attempt) {
    if (!entry.status.valid()) {
      entry.status = open_of(cache, tid, "status", O_RDONLY);
      if (!entry.status.valid()) return Errno{ESRCH};
      entry.tid = tid;
    }
    const ssize_t size = kernel::read_afresh(entry.status, cache.text.data(), cache.text.size());
    if (size > 0 && static_cast<std::size_t>(size) == cache.text.size() && cache.text.size() < max_size) {
      cache.text.resize(cache.text.size() * 2);
      --attempt;
      continue;
    }
    if (size > 0) return std::string_view(cache.text.data(), static_cast<std::size_t>(size));
    entry = {};  // the thread that it belonged to is gone, and this one has its number
    if (attempt > 0) return Errno{ESRCH};
  }
}

/// What one of the links below /proc/TID says now. Needs to be a possible tracer; tries again with PID 1's own power.
std::string_view read_link(Fd& link, CallerCache& cache, ThreadIdentity& identity, pid_t tid, std::string_view name,
                           std::span<char> into) {
  for (;;) {
    if (!link.valid()) link = open_of(cache, tid, name, O_PATH | O_NOFOLLOW);
    const ssize_t size = link.valid() ? ::readlinkat(link.get(), "", into.data(), into.size()) : -1;
    if (size >= 0) return {into.data(), static_cast<std::size_t>(size)};
    if (identity.is_own()) return {};
    identity.own();
  }
}

bool in_own_user_namespace(CallerCache& cache, ThreadIdentity& identity, pid_t tid) {
  std::array<char, 48>& own = cache.own_user_namespace;
  if (own[0] == '\0') {
    const ssize_t size = ::readlinkat(cache.procfs().get(), "self/ns/user", own.data(), own.size() - 1);
    if (size <= 0) return false;
    own[static_cast<std::size_t>(size)] = '\0';
  }
  std::array<char, 48> text;
  return read_link(cache.slot(tid).user_namespace, cache, identity, tid, "ns/user", text) == std::string_view(own.data());
}

constexpr std::int64_t longest_known = 100;  // milliseconds

/// Writing /proc/TID/status costs the kernel more than all else that is done for a call, so a thread that is seen again is asked
/// for what can be had cheaply: its ids (Linux 6.13) and capabilities. Where these are what they were, its groups are, too,
/// unless it may set them and has not the power to which groups mean nothing; and for a short time only, so that not even a
/// program that gains and gives up privileges without one trapped call is mistaken for long. A full set of capabilities may come
/// from another user namespace.
bool is_as_before(const CallerCache::Entry& entry) {
  if (!entry.pidfd.valid() || entry.read_at == 0 || monotonic_milliseconds() - entry.read_at > longest_known) return false;
  kernel::PidfdInfo info{};
  info.mask = kernel::pidfd_info_credentials;
  if (::ioctl(entry.pidfd.get(), kernel::pidfd_get_info, &info) != 0) return false;
  kernel::ThreadCapabilities now;
  if ((info.mask & kernel::pidfd_info_credentials) == 0 || kernel::capabilities_of(entry.tid, now) != 0) return false;
  const Credentials& who = entry.facts.credentials;
  if (now.effective != who.effective || now.permitted != who.permitted) return false;
  if (info.real_uid != who.real_uid || info.effective_uid != who.effective_uid || info.saved_uid != who.saved_uid ||
      info.fs_uid != who.fs_uid || info.real_gid != who.real_gid || info.effective_gid != who.effective_gid ||
      info.saved_gid != who.saved_gid || info.fs_gid != who.fs_gid) {
    return false;
  }
  if (has(now.permitted, CAP_SYS_ADMIN)) return false;
  constexpr std::uint64_t groups_mean_nothing = 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_CHOWN | 1ULL << CAP_FSETID;
  return !has(now.permitted, CAP_SETGID) || (now.effective & groups_mean_nothing) == groups_mean_nothing;
}

/// The ids and capabilities of a thread, to be compared.
using Identity = std::array<std::uint64_t, 10>;

Identity identity_in(const Credentials& who) {
  return {who.real_uid,      who.effective_uid, who.saved_uid, who.fs_uid,    who.real_gid,
          who.effective_gid, who.saved_gid,     who.fs_gid,    who.effective, who.permitted};
}

/// Reads the status and what goes with it. Capabilities in another user namespace are none here. False where the thread's root is
/// to be asked for, too: of a thread that is the same as a moment ago, with the same ids and capabilities, neither that nor the
/// user namespace is (see is_as_before).
Outcome<bool> look_afresh(CallerCache& cache, ThreadIdentity& identity, pid_t tid) {
  CallerCache::Entry& entry = cache.slot(tid);
  const std::int64_t now = monotonic_milliseconds();
  const bool recent = entry.tid == tid && entry.read_at != 0 && now - entry.links_at <= longest_known;
  const Identity before = recent ? identity_in(entry.facts.credentials) : Identity{};
  const std::string_view text = WARDER_GET(read_status(cache, tid));
  entry.read_at = 0;
  if (!parse_status(text, entry.facts)) return Errno{EPERM};
  Credentials& who = entry.facts.credentials;
  // A descriptor that is still there is of this very thread.
  if (recent && entry.pidfd.valid() && before == identity_in(who) && !has(who.permitted, CAP_SYS_ADMIN)) {
    entry.read_at = now;
    return true;
  }
  if ((who.effective | who.permitted) != 0 && !in_own_user_namespace(cache, identity, tid)) who.effective = who.permitted = 0;
  if (!entry.pidfd.valid()) entry.pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, tid, kernel::pidfd_thread)));
  entry.read_at = entry.links_at = now;
  return false;
}

/// 0 where a thread's descriptor table is its leader's.
bool shares_descriptors(pid_t tid, pid_t tgid) { return tid == tgid || ::syscall(SYS_kcmp, tid, tgid, KCMP_FILES, 0, 0) == 0; }

}  // namespace

bool PathText::assign(std::string_view text) {
  if (text.size() > longest) return false;
  if (text.size() > capacity()) {
    long_ = std::string(text);
    return true;
  }
  if (!text.empty()) std::memmove(bytes_.data(), text.data(), text.size());  // which may be a piece of this one
  set_size(text.size());
  return true;
}

bool PathText::append(std::string_view text) {
  if (text.size() > longest - size()) return false;
  if (size() + text.size() > capacity()) {
    long_ = std::string(view()).append(text);
    return true;
  }
  if (!text.empty()) std::memmove(bytes_.data() + size_, text.data(), text.size());
  set_size(size_ + text.size());
  return true;
}

void PathText::truncate(std::size_t size) { assign(view().substr(0, size)); }

void PathText::set_size(std::size_t size) {
  long_.clear();
  size_ = std::min(size, capacity());
  bytes_[size_] = '\0';
}

BorrowedFd CallerCache::own_descriptors() {
  if (!own_descriptors_.valid()) own_descriptors_ = Fd(::openat(procfs_.get(), "self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
  return own_descriptors_;
}

BorrowedFd CallerCache::own_link(int number) {
  constexpr unsigned patience = 16;  // two numbers that take turns in one place must not cost an open each time
  if (number < 0) return BorrowedFd(-1);
  OwnLink& link = own_links_[static_cast<std::size_t>(number) % own_links_.size()];
  if (link.number == number) return link.fd;
  if (link.fd.valid() && ++own_link_misses_ % patience != 0) return BorrowedFd(-1);
  std::array<char, 12> name;
  *std::to_chars(name.data(), name.data() + name.size() - 1, number).ptr = '\0';
  link.fd = Fd(::openat(own_descriptors().get(), name.data(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  link.number = link.fd.valid() ? number : -1;
  return link.fd;
}

Outcome<Caller> Caller::look(Notification& notification, CallerCache& cache, ThreadIdentity& identity, Facts facts) {
  const pid_t tid = notification.tid();
  CallerCache::Entry& entry = cache.slot(tid);
  bool known = facts == Facts::identity && entry.tid == tid && is_as_before(entry);
  if (!known) known = WARDER_GET(look_afresh(cache, identity, tid));
  // Where anybody has ever changed its root, anybody's may have changed since: who shares it needs no capability of its own.
  // (CAP_SYS_ADMIN can by other calls, but is never "known".)
  if (!known || cache.roots_may_differ()) {
    std::array<char, 8> root;
    const std::string_view text = read_link(entry.root, cache, identity, tid, "root", root);
    if (text.empty()) return Errno{EPERM};
    entry.facts.own_root = text != "/";
  }
  cache.status = entry.facts;
  return Caller(notification, cache, identity);
}

Outcome<void> Caller::prove() {
  if (!proof_by_answer_) return {};
  proof_by_answer_ = false;
  return confirm();
}

Outcome<void> Caller::confirm() const {
  if (!proof_by_answer_ && !notification_->still_waiting()) return Errno{ESRCH};
  return {};
}

void Caller::use_real_ids() {
  Credentials& who = cache_->status.credentials;
  who.fs_uid = who.real_uid;
  who.fs_gid = who.real_gid;
  who.effective = who.real_uid == 0 ? who.permitted : 0;
}

Outcome<void> Caller::copy_path(std::uint64_t address, PathText& into) {
  constexpr std::size_t first_read = 256;  // nearly every path; the rest of PATH_MAX only where that has no end
  std::size_t filled = 0;
  while (filled < PATH_MAX) {
    const std::size_t goal = filled == 0 ? first_read : PATH_MAX - filled;
    const std::span<char> room(into.data() + filled, goal);
    ssize_t size = kernel::read_memory(tid(), address + filled, std::as_writable_bytes(room));
    if (size == -EPERM && !identity_->is_own()) {
      identity_->own();
      size = kernel::read_memory(tid(), address + filled, std::as_writable_bytes(room));
    }
    if (size <= 0) return Errno{size == -ESRCH ? ESRCH : EFAULT};
    const void* end = std::memchr(room.data(), '\0', static_cast<std::size_t>(size));
    if (end != nullptr) {
      into.set_size(filled + static_cast<std::size_t>(static_cast<const char*>(end) - room.data()));
      return confirm();
    }
    if (static_cast<std::size_t>(size) < goal) return Errno{EFAULT};
    filled += static_cast<std::size_t>(size);
  }
  return Errno{ENAMETOOLONG};
}

Outcome<void> Caller::copy_in(std::uint64_t address, std::span<std::byte> into) {
  if (into.empty()) return confirm();
  ssize_t size = kernel::read_memory(tid(), address, into);
  if (size == -EPERM && !identity_->is_own()) {
    identity_->own();
    size = kernel::read_memory(tid(), address, into);
  }
  if (size < 0 || static_cast<std::size_t>(size) != into.size()) return Errno{EFAULT};
  return confirm();
}

Outcome<void> Caller::copy_out(std::uint64_t address, std::span<const std::byte> from) {
  proof_by_answer_ = false;
  WARDER_GET(confirm());
  ssize_t size = kernel::write_memory(tid(), address, from);
  if (size == -EPERM && !identity_->is_own()) {
    identity_->own();
    size = kernel::write_memory(tid(), address, from);
  }
  if (size < 0 || static_cast<std::size_t>(size) != from.size()) return Errno{EFAULT};
  return {};
}

Outcome<Fd> Caller::take_fd(int number) {
  if (number < 0) return Errno{EBADF};
  Fd leader;
  BorrowedFd owner = cache_->slot(tid()).pidfd;
  if (!owner.valid()) {  // before 6.9 only leaders have pidfds
    identity_->own();
    if (!shares_descriptors(tid(), status().tgid)) return Errno{EPERM};
    leader = Fd(static_cast<int>(::syscall(SYS_pidfd_open, status().tgid, 0)));
    owner = leader;
  }
  if (!owner.valid()) return Errno{ESRCH};
  Fd taken(static_cast<int>(::syscall(SYS_pidfd_getfd, owner.get(), number, 0)));
  if (!taken.valid() && errno == EPERM && !identity_->is_own()) {
    identity_->own();
    taken = Fd(static_cast<int>(::syscall(SYS_pidfd_getfd, owner.get(), number, 0)));
  }
  if (!taken.valid()) return Errno{errno == EBADF ? EBADF : EPERM};
  WARDER_GET(confirm());
  return taken;
}

Outcome<Fd> Caller::take_path(int number) {
  if (number < 0 && number != AT_FDCWD) return Errno{EBADF};
  std::array<char, 16> name{'c', 'w', 'd', '\0'};
  if (number != AT_FDCWD) {
    std::memcpy(name.data(), "fd/", 3);
    *std::to_chars(name.data() + 3, name.data() + name.size() - 1, number).ptr = '\0';
  }
  Fd taken = open_of(*cache_, tid(), name.data(), O_PATH);
  if (!taken.valid() && !identity_->is_own()) {
    identity_->own();
    taken = open_of(*cache_, tid(), name.data(), O_PATH);
  }
  if (!taken.valid()) return Errno{number == AT_FDCWD ? ESRCH : errno == ENOENT ? EBADF : EPERM};
  WARDER_GET(confirm());
  return taken;
}

Outcome<Fd> Caller::take_root() {
  identity_->own();
  Fd taken = open_of(*cache_, tid(), "root", O_PATH | O_DIRECTORY);
  if (!taken.valid()) return Errno{EPERM};
  WARDER_GET(confirm());
  return taken;
}

Outcome<std::uint64_t> Caller::soft_limit(int resource) {
  rlimit limit{};
  if (::prlimit(tid(), static_cast<__rlimit_resource>(resource), nullptr, &limit) == 0) {
    WARDER_GET(confirm());
    return limit.rlim_cur;
  }
  // prlimit(2) asks for equal ids or CAP_SYS_RESOURCE; the file says the same to everybody.
  const std::string_view title = resource == RLIMIT_FSIZE    ? "Max file size"
                                 : resource == RLIMIT_NOFILE ? "Max open files"
                                                             : std::string_view{};
  const Fd file = open_of(*cache_, tid(), "limits", O_RDONLY);
  std::array<char, 4096> text;
  const ssize_t size = file.valid() ? kernel::read_afresh(file, text.data(), text.size()) : -1;
  if (size <= 0 || title.empty()) return Errno{EPERM};
  std::string_view rest(text.data(), static_cast<std::size_t>(size));
  std::string_view line;
  while (kernel::next_line(rest, line)) {
    if (!line.starts_with(title)) continue;
    line.remove_prefix(title.size());
    const std::string_view soft = next_word(line);
    WARDER_GET(confirm());
    return soft == "unlimited" ? RLIM_INFINITY : number(soft);
  }
  return Errno{EPERM};
}

}  // namespace warder::supervisor
