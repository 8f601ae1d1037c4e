// The steps that all handlers of paths are made of: copy the path, find the object, ask the profile, answer. Workers of PID 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "supervisor/dispatch.h"
#include "supervisor/walk.h"
#include "supervisor/workers.h"

namespace warder::supervisor::files {

/// What a call is to return, or its errno.
using Answer = Outcome<std::int64_t>;

/// Sends the answer, unless a refusal has answered already.
void answer(Call& call, const Answer& outcome);
/// The same where there is no number to return.
void answer(Call& call, const Outcome<void>& outcome);

/// A path argument of a call: the directory it starts from and where in the caller's memory it is.
struct PathArgument {
  int directory = AT_FDCWD;
  std::uint64_t address = 0;
  LastLink last = LastLink::follow;
  bool empty_path = false;
};
/// Copies the path and finds what it names. Afterwards the worker is the caller, which was proven to wait (Caller::prove), unless
/// the handler only looks.
Outcome<void> find(Call& call, const PathArgument& argument, Object& object);
/// Copies the path and finds the place that it means.
Outcome<void> find(Call& call, const PathArgument& argument, Place& place);
/// The object behind a descriptor argument, as the caller's own open file. EBADF also for O_PATH descriptors, as f-calls say.
Outcome<void> find_open_file(Call& call, int number, Object& object);

/// Asks the profile about an object, logs, and refuses where it says so: then the call has been answered, and the Errno is for
/// leaving the handler only. Nameless objects are not asked about.
Outcome<void> ask(Call& call, const Object& object, policy::Rights wanted);
Outcome<void> ask(Call& call, std::string_view name, policy::Rights wanted);
/// Asks about a name that is to be made. EEXIST, and no refusal, where something stands there in plain sight: `mkdir -p` relies
/// on it.
Outcome<void> ask_to_make(Call& call, const Place& place, policy::Rights wanted);
/// Asks about a name that is to be removed or renamed. ENOENT, and no refusal, where nothing stands there: `rm -f` relies on it.
Outcome<void> ask_to_remove(Call& call, const Place& place, policy::Rights wanted);
/// Asks about the new name of an object that keeps its old one or loses it (rename, link): a hidden one answers like one that may
/// not be made, EACCES.
Outcome<void> ask_for_new_name(Call& call, const Place& place, policy::Rights wanted);
/// Asks whether a file may be known by another name as well, or instead: EXDEV where the profile gives more rights on the file by
/// the new name (a file that may not be read could be moved to where it may). Programs copy it then, which needs the rights.
/// Landlock's REFER says the same. Directories have policy::Compiled::move_directory().
Outcome<void> ask_to_gain_nothing(Call& call, std::string_view from, std::string_view to);
/// Whether something stands at the place, links not followed.
[[nodiscard]] bool is_there(const Place& place);

/// The kernel's rule for structures that grow with versions (copy_struct_from_user): too short is EINVAL, longer than a page or
/// with something unknown in what is beyond is E2BIG. `into` is the structure as warder knows it.
Outcome<void> copy_extensible(Caller& caller, std::uint64_t address, std::uint64_t size, std::span<std::byte> into);
template <class T>
Outcome<T> copy_extensible(Caller& caller, std::uint64_t address, std::uint64_t size) {
  T value;
  WARDER_GET(copy_extensible(caller, address, size, std::as_writable_bytes(std::span(&value, 1))));
  return value;
}

/// The name by which system calls without an *at form reach an open object: its number, relative to the worker's current
/// directory, which this makes PID 1's own /proc/self/fd. Follow links with it: the link of that name leads to the object and no
/// further.
class ByNumber {
 public:
  static Outcome<ByNumber> of(Call& call, BorrowedFd object);
  [[nodiscard]] const char* c_str() const { return text_; }

 private:
  ByNumber() = default;
  char text_[12] = {};
};

}  // namespace warder::supervisor::files
