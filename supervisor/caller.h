// The thread behind a notification: who it is and what can be read of it. Workers of PID 1 with CAP_SYS_PTRACE in the container's
// user namespace.
#pragma once

#include <limits.h>
#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "linux/fd.h"
#include "supervisor/impersonation.h"
#include "supervisor/notification.h"
#include "supervisor/outcome.h"

namespace warder::supervisor {

/// A path with its NUL, without an allocation up to PATH_MAX - 1 bytes. Names of objects in directories that are nested deeper
/// than one system call can say are longer.
class PathText {
 public:
  PathText() { bytes_[0] = '\0'; }
  PathText(const PathText& other) { assign(other.view()); }
  PathText& operator=(const PathText& other) {
    if (this != &other) assign(other.view());
    return *this;
  }
  [[nodiscard]] std::string_view view() const { return long_.empty() ? std::string_view(bytes_.data(), size_) : long_; }
  [[nodiscard]] const char* c_str() const { return long_.empty() ? bytes_.data() : long_.c_str(); }
  [[nodiscard]] bool empty() const { return view().empty(); }
  [[nodiscard]] std::size_t size() const { return view().size(); }
  static constexpr std::size_t longest = 256UL * 1024;
  /// False (and unchanged) where the text would not fit.
  bool assign(std::string_view text);
  bool append(std::string_view text);
  void truncate(std::size_t size);
  /// For system calls that fill a buffer: write at most capacity() bytes to data(), then set the size.
  [[nodiscard]] char* data() { return bytes_.data(); }
  static constexpr std::size_t capacity() { return PATH_MAX; }
  void set_size(std::size_t size);

 private:
  std::size_t size_ = 0;
  std::array<char, PATH_MAX + 1> bytes_;
  std::string long_;  ///< instead of bytes_, where it is not empty
};

/// Pids of one thread (or of its process) from PID 1's namespace inwards.
struct NamespacePids {
  static constexpr std::size_t max_levels = 8;
  std::array<pid_t, max_levels> pid{};
  std::size_t levels = 0;
  /// As the container's own namespace has it, below PID 1's; 0 where it is not known.
  [[nodiscard]] pid_t in_container() const { return levels == 0 ? 0 : pid[levels > 1 ? 1 : 0]; }
};

/// What /proc/TID/status says, taken in one read. The caller is stopped in its call, and only a thread itself changes its
/// credentials, so the ids and the capabilities belong together.
struct CallerStatus {
  Credentials credentials;
  pid_t tgid = 0;
  NamespacePids process;  ///< NStgid
  NamespacePids thread;   ///< NSpid
  std::uint64_t fd_table_size = 0;
  bool own_root = false;  ///< its root directory is not the container's
};

/// How much of a caller a handler looks at.
enum class Facts : std::uint8_t {
  identity,  ///< ids and capabilities as they are now; groups, umask and the rest perhaps as they were a moment ago
  all,       ///< everything as it is now: for whatever creates
};

/// Descriptors on the procfs of callers, kept from call to call: one worker's own, not thread-safe. A descriptor of a dead thread
/// answers ESRCH for ever, so a reused pid is never mistaken for the old one.
class CallerCache {
 public:
  /// `roots_changed`: true once any caller may have asked for chroot(2); without it every caller's root is looked at.
  explicit CallerCache(BorrowedFd procfs, const std::atomic<bool>* roots_changed = nullptr)
      : procfs_(procfs), roots_changed_(roots_changed) {}
  struct Entry {
    pid_t tid = 0;
    Fd pidfd;                   ///< of the thread; Linux 6.9, else invalid
    Fd status;                  ///< /proc/TID/status
    Fd user_namespace;          ///< O_PATH of the link /proc/TID/ns/user
    Fd root;                    ///< O_PATH of the link /proc/TID/root
    CallerStatus facts;         ///< as read at `read_at`
    std::int64_t read_at = 0;   ///< monotonic milliseconds; 0: never
    std::int64_t links_at = 0;  ///< when the links above were read last
  };
  [[nodiscard]] BorrowedFd procfs() const { return procfs_; }
  /// O_PATH of PID 1's own /proc/self/fd, through which objects are named and opened again.
  [[nodiscard]] BorrowedFd own_descriptors();
  /// O_PATH of the link in it that stands for this number, whatever is open there at the time; invalid where none is kept. Asking
  /// a kept link takes two thirds of the time of finding it.
  [[nodiscard]] BorrowedFd own_link(int number);
  [[nodiscard]] bool roots_may_differ() const { return roots_changed_ == nullptr || roots_changed_->load(); }
  /// Closes what is kept of callers.
  void forget_callers() { entries_ = {}; }
  Entry& slot(pid_t tid) { return entries_[static_cast<std::size_t>(tid) % entries_.size()]; }
  /// Where status is read into and parsed to; reused so that no call allocates.
  CallerStatus status;
  std::vector<char> text = std::vector<char>(4096);
  struct ProcfsLevel {
    dev_t device = 0;
    int level = 0;
  };
  std::vector<ProcfsLevel> procfs_levels;  ///< see procfs_view.h
  std::vector<std::uint64_t> mounts;       ///< sorted ids of the container's mounts; see naming.h
  /// The mounts of which something was seen last, by their unique ids (Linux 6.8), each at its number modulo the size.
  class SeenMounts {
   public:
    /// An id of 0 is none.
    [[nodiscard]] bool has(std::uint64_t mount) const { return mount != 0 && ids_[mount % ids_.size()] == mount; }
    void add(std::uint64_t mount) {
      if (mount != 0) ids_[mount % ids_.size()] = mount;
    }

   private:
    std::array<std::uint64_t, 16> ids_{};
  };
  SeenMounts ordinary_mounts;  ///< are of no procfs
  SeenMounts own_mounts;       ///< are the container's own
  /// What the link /proc/self/ns/user says: the namespace that PID 1's capabilities are good for.
  std::array<char, 48> own_user_namespace{};

 private:
  struct OwnLink {
    int number = -1;
    Fd fd;
  };
  BorrowedFd procfs_;
  const std::atomic<bool>* roots_changed_;
  Fd own_descriptors_;
  std::array<OwnLink, 4> own_links_;  ///< a worker that opens and closes gets the same few numbers again and again
  unsigned own_link_misses_ = 0;
  std::array<Entry, 16> entries_;
};

/// The caller of one notification. Every function that looks at it ends with still_waiting() and fails with ESRCH when the caller
/// is gone (any errno will do then: nobody hears it), so what they return is a fact (law 5), unless the handler has said that it
/// only looks. The looks switch the worker to PID 1's own power where they need it; call act() before doing anything on the
/// caller's behalf.
class Caller {
 public:
  /// Reads the status. A caller that is in another user namespace than PID 1 counts as who it is outside, without capabilities:
  /// what they are good for there cannot be known from here, and whatever is done without them its kernel would do, too.
  static Outcome<Caller> look(Notification& notification, CallerCache& cache, ThreadIdentity& identity, Facts facts);

  [[nodiscard]] pid_t tid() const { return notification_->tid(); }
  [[nodiscard]] const CallerStatus& status() const { return cache_->status; }
  [[nodiscard]] const Credentials& credentials() const { return cache_->status.credentials; }

  /// From here on nothing is done for the caller but look, until prove(). The answer is proof enough then: the kernel takes it
  /// only while the caller waits in this very call, and it cannot have left it in between.
  void look_only() { proof_by_answer_ = true; }
  [[nodiscard]] bool looks_only() const { return proof_by_answer_; }
  /// Before anything that leaves a trace: a log line, a connection, a descriptor whose opening means something. ESRCH.
  Outcome<void> prove();

  /// The worker becomes the caller.
  Outcome<void> act() { return identity_->become(credentials()); }
  /// The same, for files on no procfs: see ThreadIdentity::become_for_files().
  Outcome<void> act_on_files() { return identity_->become_for_files(credentials()); }
  /// From here on the caller counts by its real ids, as access(2) asks.
  void use_real_ids();
  /// The worker becomes the caller looking at itself: a thread may always trace its own process. Only for objects in the caller's
  /// own directory of a procfs.
  Outcome<void> act_on_itself() { return identity_->become_tracer(credentials()); }

  /// Copies a string as getname() does: EFAULT where it cannot be read up to its NUL, ENAMETOOLONG from PATH_MAX bytes on. May be
  /// empty.
  Outcome<void> copy_path(std::uint64_t address, PathText& into);
  /// Copies exactly these bytes, once. EFAULT.
  Outcome<void> copy_in(std::uint64_t address, std::span<std::byte> into);
  /// Writes exactly these bytes, with the caller's own page protections, after prove(). EFAULT.
  Outcome<void> copy_out(std::uint64_t address, std::span<const std::byte> from);

  /// The caller's open file itself (offset, flags and locks shared). EBADF. Needs Linux 5.6; a thread that does not share its
  /// leader's table: 6.9.
  Outcome<Fd> take_fd(int number);
  /// An O_PATH descriptor of what the caller's descriptor stands for; AT_FDCWD is its cwd. EBADF.
  Outcome<Fd> take_path(int number);
  /// O_PATH of the caller's root directory; for callers with status().own_root.
  Outcome<Fd> take_root();
  /// A limit as getrlimit(2) would show it to the caller: the soft value.
  Outcome<std::uint64_t> soft_limit(int resource);

  [[nodiscard]] CallerCache& cache() { return *cache_; }
  [[nodiscard]] ThreadIdentity& identity() { return *identity_; }

 private:
  Caller(Notification& notification, CallerCache& cache, ThreadIdentity& identity)
      : notification_(&notification), cache_(&cache), identity_(&identity) {}
  Outcome<void> confirm() const;

  Notification* notification_;
  CallerCache* cache_;
  ThreadIdentity* identity_;
  bool proof_by_answer_ = false;
};

}  // namespace warder::supervisor
