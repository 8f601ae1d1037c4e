// Directories in a profile that hides: their entries, and standing in them. Workers of PID 1.
//
// chdir and chroot cannot be done for somebody else. Their paths are checked, and then the kernel runs them on whatever the
// caller's memory says by then. What a caller can win by changing it is to stand in a hidden directory: it learns that it exists.
// Everything it does from there is decided by canonical names as before, so nothing hidden can be listed, opened, executed or
// looked at from inside either.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "supervisor/files/handlers.h"
#include "supervisor/files/steps.h"

namespace warder::supervisor::files {
namespace {

/// Where the two forms of a directory entry keep their length and their name.
struct Format {
  long number;
  std::size_t length_offset;
  std::size_t name_offset;
};
constexpr Format old_format{SYS_getdents, 16, 18};
constexpr Format format64{SYS_getdents64, 16, 19};

/// Removes the entries that are hidden in `directory`; returns how many bytes are left.
std::size_t filter(const policy::Compiled& policy, std::string_view directory, std::span<std::byte> entries,
                   const Format& format) {
  std::size_t kept = 0;
  for (std::size_t at = 0; at + format.name_offset < entries.size();) {
    std::uint16_t length = 0;
    std::memcpy(&length, &entries[at + format.length_offset], sizeof length);
    if (length == 0 || at + length > entries.size()) break;
    const char* const name = reinterpret_cast<const char*>(&entries[at + format.name_offset]);
    const std::string_view text(name, ::strnlen(name, length - format.name_offset));
    if (text == "." || text == ".." || !policy.hidden_in(directory, text)) {
      std::memmove(&entries[kept], &entries[at], length);
      kept += length;
    }
    at += length;
  }
  return kept;
}

Answer read_entries(Call& call, const Format& format) {
  const Notification& asked = call.notification;
  Object directory;
  WARDER_GET(find_open_file(call, asked.int_argument(0), directory));
  alignas(8) std::array<std::byte, 16384> buffer;
  const std::size_t room = std::min<std::size_t>(static_cast<unsigned>(asked.argument(2)), buffer.size());
  for (;;) {
    const long size = ::syscall(format.number, directory.fd.get(), buffer.data(), room);
    if (size < 0) return Errno::last();
    if (size == 0) return 0;
    const std::span<std::byte> entries(buffer.data(), static_cast<std::size_t>(size));
    const std::size_t kept =
        directory.named ? filter(call.worker.policy, directory.name.view(), entries, format) : entries.size();
    if (kept == 0) continue;  // nothing but hidden entries in this piece: an empty answer would mean the end
    WARDER_GET(call.caller.copy_out(asked.argument(1), entries.first(kept)));
    return static_cast<std::int64_t>(kept);
  }
}

/// Checks that the directory may be known of, then lets the kernel run the call: see the top of this file.
void stand_in(Call& call) {
  Object object;
  const Outcome<void> found = find(call, {AT_FDCWD, call.notification.argument(0)}, object);
  if (!found.ok()) return answer(call, found);
  if (!ask(call, object, policy::Rights{}).ok()) return;
  (void)std::move(call.notification).let_kernel_run();
}

}  // namespace

void getdents(Call& call) { answer(call, read_entries(call, old_format)); }
void getdents64(Call& call) { answer(call, read_entries(call, format64)); }

void chdir(Call& call) { stand_in(call); }

/// Trapped in every profile that traps anything: from here on, whoever may chroot is asked each time where its root is.
void chroot(Call& call) {
  call.worker.roots_changed = true;
  if (call.worker.policy.hides()) return stand_in(call);
  (void)std::move(call.notification).let_kernel_run();  // checks nothing, so there is nothing to win by changing the path
}

/// Reads no memory, and no descriptor of a hidden directory is ever given out.
void fchdir(Call& call) { (void)std::move(call.notification).let_kernel_run(); }

}  // namespace warder::supervisor::files
