#include "supervisor/files/steps.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

namespace warder::supervisor::files {
namespace {

constexpr std::string_view deleted_suffix = " (deleted)";

/// What a verdict about `name` comes to once the mode and the log have had their say.
Outcome<void> obey(Call& call, const policy::Verdict& verdict, std::string_view name, policy::Rights wanted) {
  AuditEvent event;
  event.wanted = wanted;
  event.path = name;
  if (!permit(call, verdict, event)) return Errno{verdict.error};
  return {};
}

Outcome<void> ask_about(Call& call, std::string_view name, policy::Rights wanted) {
  return obey(call, call.worker.policy.path(name, wanted), name, wanted);
}

/// A file of elsewhere, of which the caller has a descriptor: the name is not of this container, so no entry speaks of it.
Outcome<void> ask_about_foreign(Call& call, std::string_view name, policy::Rights wanted) {
  const policy::Compiled& policy = call.worker.policy;
  policy::Verdict verdict = policy.path("/", wanted);
  verdict.allowed = policy.mode() != policy::Mode::enforce;
  verdict.would_refuse = true;
  verdict.hidden = false;
  verdict.error = EACCES;
  return obey(call, verdict, name, wanted);
}

}  // namespace

void answer(Call& call, const Answer& outcome) {
  if (call.notification.answered()) return;
  if (outcome.ok()) {
    (void)std::move(call.notification).return_value(*outcome);
  } else {
    (void)std::move(call.notification).deny(outcome.code());
  }
}

void answer(Call& call, const Outcome<void>& outcome) {
  answer(call, outcome.ok() ? Answer(std::int64_t{0}) : Answer(Errno{outcome.code()}));
}

Outcome<void> find(Call& call, const PathArgument& argument, Object& object) {
  const bool proves = !call.caller.looks_only();
  call.caller.look_only();
  PathText path;
  // With AT_EMPTY_PATH a null pointer is an empty path (Linux 6.11).
  if (!argument.empty_path || argument.address != 0) WARDER_GET(call.caller.copy_path(argument.address, path));
  WalkRequest request;
  request.directory = argument.directory;
  request.path = path.view();
  request.last = argument.last;
  request.empty_path = argument.empty_path;
  WARDER_GET(find_object(call.caller, call.worker.policy, request, object));
  if (proves) WARDER_GET(call.caller.prove());
  return {};
}

Outcome<void> find(Call& call, const PathArgument& argument, Place& place) {
  PathText path;
  call.caller.look_only();
  WARDER_GET(call.caller.copy_path(argument.address, path));
  WalkRequest request;
  request.directory = argument.directory;
  request.path = path.view();
  WARDER_GET(find_place(call.caller, call.worker.policy, request, place));
  return call.caller.prove();
}

Outcome<void> find_open_file(Call& call, int number, Object& object) {
  object.fd = WARDER_GET(call.caller.take_fd(number));
  const int flags = ::fcntl(object.fd.get(), F_GETFL);
  if (flags < 0 || (flags & O_PATH) != 0) return Errno{EBADF};
  WARDER_GET(call.caller.act_on_files());
  WARDER_GET(name_descriptor(call.caller, object));
  return call.caller.prove();
}

Outcome<void> ask(Call& call, const Object& object, policy::Rights wanted) {
  if (!object.named) return {};
  if (object.outside && wanted.bits() != 0) return ask_about_foreign(call, object.name.view(), wanted);
  WARDER_GET(ask_about(call, object.name.view(), wanted));
  if (!object.maybe_deleted) return {};
  const std::string_view name = object.name.view();
  return ask_about(call, name.substr(0, name.size() - deleted_suffix.size()), wanted);
}

Outcome<void> ask(Call& call, std::string_view name, policy::Rights wanted) { return ask_about(call, name, wanted); }

bool is_there(const Place& place) {
  struct stat facts {};
  return ::fstatat(place.directory.fd.get(), place.last.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0;
}

Outcome<void> ask_to_make(Call& call, const Place& place, policy::Rights wanted) {
  const policy::Compiled& policy = call.worker.policy;
  const std::string_view name = place.name.view();
  policy::Verdict verdict = policy.path(name, wanted);
  if (!verdict.allowed && is_there(place) && !policy.path(name, {}).hidden) return Errno{EEXIST};
  if (!verdict.hidden) return ask(call, name, wanted);
  // A hidden name is not to be told from one that may not be made.
  verdict.hidden = false;
  verdict.error = EACCES;
  return obey(call, verdict, name, wanted);
}

Outcome<void> ask_to_remove(Call& call, const Place& place, policy::Rights wanted) {
  const std::string_view name = place.name.view();
  if (!call.worker.policy.path(name, wanted).allowed && !is_there(place)) return Errno{ENOENT};
  return ask(call, name, wanted);
}

Outcome<void> ask_for_new_name(Call& call, const Place& place, policy::Rights wanted) {
  policy::Verdict verdict = call.worker.policy.path(place.name.view(), wanted);
  if (verdict.hidden) {
    verdict.hidden = false;
    verdict.error = EACCES;
  }
  return obey(call, verdict, place.name.view(), wanted);
}

Outcome<void> ask_to_gain_nothing(Call& call, std::string_view from, std::string_view to) {
  using policy::Right;
  const policy::Compiled& policy = call.worker.policy;
  for (const Right right : {Right::read, Right::write, Right::exec, Right::truncate, Right::chmod, Right::chown, Right::xattr,
                            Right::utime, Right::watch, Right::ioctl}) {
    policy::Verdict verdict = policy.path(from, right);
    if (!verdict.would_refuse || policy.path(to, right).would_refuse) continue;
    verdict.error = EXDEV;
    verdict.hidden = false;
    verdict.action = policy::DenyAction::refuse;
    WARDER_GET(obey(call, verdict, from, right));
  }
  return {};
}

Outcome<void> copy_extensible(Caller& caller, std::uint64_t address, std::uint64_t size, std::span<std::byte> into) {
  constexpr std::size_t page = 4096;
  if (size > page) return Errno{E2BIG};
  if (size < into.size()) return Errno{EINVAL};
  std::array<std::byte, page> bytes;
  const std::span<std::byte> copy(bytes.data(), size);
  WARDER_GET(caller.copy_in(address, copy));
  const auto rest = copy.subspan(into.size());
  if (std::ranges::any_of(rest, [](std::byte each) { return each != std::byte{0}; })) return Errno{E2BIG};
  std::ranges::copy(copy.first(into.size()), into.begin());
  return {};
}

Outcome<ByNumber> ByNumber::of(Call& call, BorrowedFd object) {
  if (::fchdir(call.caller.cache().own_descriptors().get()) != 0) return Errno{EPERM};
  ByNumber name;
  *std::to_chars(name.text_, name.text_ + sizeof name.text_ - 1, object.get()).ptr = '\0';
  return name;
}

}  // namespace warder::supervisor::files
