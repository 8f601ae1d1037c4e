// The rights that a profile grants on a path, and the sets that people write. Pure values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace warder::policy {

/// One bit per right of warder-profile(5). The numbers are part of the compiled format: append only.
enum class Right : std::uint32_t {
  read = 1U << 0,     ///< open for reading; executable mappings need exec only where the profile asks
  list = 1U << 1,     ///< open a directory, getdents
  watch = 1U << 2,    ///< inotify_add_watch, fanotify_mark
  exec = 1U << 3,     ///< execve, execveat
  write = 1U << 4,    ///< open for writing
  create = 1U << 5,   ///< O_CREAT of a regular file, O_TMPFILE
  remove = 1U << 6,   ///< unlink (`delete` in a profile)
  rename = 1U << 7,   ///< either end of rename
  link = 1U << 8,     ///< either end of link
  symlink = 1U << 9,  ///< create a symbolic link
  mkdir = 1U << 10,
  rmdir = 1U << 11,
  mkfifo = 1U << 12,
  mksock = 1U << 13,    ///< bind of a UNIX socket, mknod S_IFSOCK
  truncate = 1U << 14,  ///< truncate, O_TRUNC
  chmod = 1U << 15,
  utime = 1U << 16,
  xattr = 1U << 17,  ///< set or remove an extended attribute
  chown = 1U << 18,
  mkdev = 1U << 19,  ///< mknod of a block or character device
  ioctl = 1U << 20,  ///< ioctl on a device node
};

/// A set of rights. An empty set is `none`.
class Rights {
 public:
  constexpr Rights() = default;
  constexpr Rights(Right right) : bits_(static_cast<std::uint32_t>(right)) {}  // NOLINT(google-explicit-constructor)
  constexpr explicit Rights(std::uint32_t bits) : bits_(bits) {}

  [[nodiscard]] constexpr std::uint32_t bits() const { return bits_; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  [[nodiscard]] constexpr bool covers(Rights wanted) const { return (bits_ & wanted.bits_) == wanted.bits_; }
  [[nodiscard]] constexpr bool any(Rights other) const { return (bits_ & other.bits_) != 0; }
  [[nodiscard]] constexpr Rights without(Rights other) const { return Rights(bits_ & ~other.bits_); }

  friend constexpr Rights operator|(Rights a, Rights b) { return Rights(a.bits_ | b.bits_); }
  friend constexpr Rights operator&(Rights a, Rights b) { return Rights(a.bits_ & b.bits_); }
  friend constexpr bool operator==(Rights a, Rights b) = default;

 private:
  std::uint32_t bits_ = 0;
};

constexpr Rights operator|(Right a, Right b) { return Rights(a) | Rights(b); }

inline constexpr Rights rights_ro = Rights(Right::read) | Right::list | Right::watch;
inline constexpr Rights rights_rx = rights_ro | Right::exec;
inline constexpr Rights rights_rw = rights_ro | Right::write | Right::create | Right::remove | Right::rename | Right::link |
                                    Right::symlink | Right::mkdir | Right::rmdir | Right::mkfifo | Right::mksock |
                                    Right::truncate | Right::chmod | Right::utime | Right::xattr;
inline constexpr Rights rights_rwx = rights_rw | Right::exec;
inline constexpr Rights rights_all = rights_rwx | Right::chown | Right::mkdev | Right::ioctl;
inline constexpr int right_count = 21;

/// Rights that change the name of an existing object: where `/dir/**` matches /dir only as its top, an entry before it decides
/// these about /dir ("its parent's entry").
inline constexpr Rights rights_of_the_name = Rights(Right::rename) | Right::rmdir | Right::remove;
/// Rights that make a name: refused with EACCES, not ENOENT, where the name is hidden. rename and link are asked about both ends
/// with the same right and are not among them; for a hidden NEW name the supervisor answers EACCES itself.
inline constexpr Rights rights_to_make =
    Rights(Right::create) | Right::mkdir | Right::symlink | Right::mkfifo | Right::mksock | Right::mkdev;

/// The word a profile uses for one right (`delete` for remove), or "" for a bit that is none.
[[nodiscard]] std::string_view right_name(Right right);
/// The right that a word names, or nothing.
[[nodiscard]] std::optional<Right> parse_right(std::string_view word);
/// `rwx`, `rwx, chown`, or `read, write` where no set fits; `none` for the empty set.
[[nodiscard]] std::string rights_text(Rights rights);

}  // namespace warder::policy
