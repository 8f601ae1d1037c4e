#include "policy/call_lowering.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "policy/call_draft.h"
#include "policy/core/inode_requests.h"
#include "policy/groups.h"
#include "policy/hardening.h"
#include "policy/path_calls.h"

namespace warder::policy {
namespace {

using Kind = ArgumentTest::Kind;

/// How much of a call has to be looked at.
enum class Need : std::uint8_t { none, writing, always };

class Lowering {
 public:
  Lowering(const std::vector<const Profile*>& chain, const std::vector<EnforcedElsewhere>& elsewhere)
      : draft_(chain), elsewhere_(elsewhere) {
    for (const auto* profile : chain) {
      everywhere_.push_back(rights_everywhere(*profile));
      hides_.push_back(profile->paths && std::ranges::any_of(*profile->paths, &PathEntry::hide));
    }
  }

  CallLowering run(const GuardableSections& guarded) {
    lower_whole_calls(draft_);
    lower_hardening(draft_);
    lower_families(draft_);
    for (const auto& call : path_calls()) path_call(call);
    watches();
    device_requests();
    lower_addresses(draft_, guarded);
    follow_roots();
    return std::move(draft_.lowered);
  }

 private:
  [[nodiscard]] Need need(std::size_t place, const PathCall& call, Rights& missing) const;
  void path_call(const PathCall& call);
  void without_access(const PathCall& call, int number);
  void watches();
  void device_requests();
  void inode_requests_of(int number, const Profile& profile);
  void follow_roots();

  CallDraft draft_;
  const std::vector<EnforcedElsewhere>& elsewhere_;
  std::vector<Rights> everywhere_;
  std::vector<bool> hides_;
};

Need Lowering::need(std::size_t place, const PathCall& call, Rights& missing) const {
  const Profile& profile = *draft_.chain[place];
  if (profile.live) return Need::always;
  if (learns(profile)) return call.use == PathUse::existence ? Need::none : Need::always;
  if (!profile.paths) return Need::none;
  if (hides_[place] && call.use != PathUse::object) return Need::always;
  missing = call.rights.without(everywhere_[place]);
  const bool moves = call.rights == rights_all;  // what Landlock says about moves is not what a profile means
  if (enforces(profile) && !moves) missing = missing.without(elsewhere_[place].rights);
  if (missing.empty()) return Need::none;
  return call.flags >= 0 && call.flags_rights.covers(missing) ? Need::writing : Need::always;
}

// Access mode 3 opens for ioctl alone. Landlock, which looks at reading and writing, has nothing against it; a profile says it
// needs both rights, and no program that is not a disk or serial utility knows it.
void Lowering::without_access(const PathCall& call, int number) {
  if (call.flags < 0) return;
  for (std::size_t place = 0; place < draft_.chain.size(); ++place) {
    constexpr Rights both = Rights(Right::read) | Right::write;
    if (!enforces(*draft_.chain[place]) || everywhere_[place].covers(both)) continue;
    draft_.add(number, {{static_cast<unsigned>(call.flags), Kind::equal, O_ACCMODE, O_ACCMODE, false}}, FilterAction::error,
               EACCES);
    draft_.report(number, FilterAction::error, EACCES, "with access mode 3", "paths: " + rights_text(both),
                  taken_away_by(*draft_.chain[place], both));
    return;
  }
}

void Lowering::path_call(const PathCall& call) {
  const int number = *syscall_number(call.call);
  if (draft_.is_settled(number)) return;
  Need most = Need::none;
  Rights why;
  const Profile* because = nullptr;
  for (std::size_t place = 0; place < draft_.chain.size(); ++place) {
    Rights missing;
    const Need wanted = need(place, call, missing);
    if (wanted <= most) continue;
    most = wanted;
    why = missing;
    because = draft_.chain[place];
  }
  if (most == Need::none) return without_access(call, number);
  const bool writing = most == Need::writing;
  draft_.add(number, writing ? opens_for_writing(static_cast<unsigned>(call.flags)) : std::vector<ArgumentTest>(),
             FilterAction::notify);
  std::string reason = "paths: " + rights_text(why);
  if (why.empty()) reason = because->live ? "live: true" : learns(*because) ? "mode: learn" : "paths: hide";
  draft_.report(number, FilterAction::notify, 0, writing ? std::string(call.when) : "", std::move(reason),
                taken_away_by(*because, why));
}

// Where the supervisor opens files for reading it must know whether anybody is told of what happens to them: its own descriptor
// would otherwise be closed a moment after the caller's, and so be the one that is heard of.
void Lowering::watches() {
  const auto is_whole = [&](std::string_view name) { return draft_.is_handed_over(*syscall_number(name)); };
  if (!is_whole("openat") && !is_whole("open")) return;
  for (const auto name : {std::string_view("inotify_add_watch"), std::string_view("fanotify_mark")}) {
    const int number = *syscall_number(name);
    if (draft_.is_handed_over(number) || draft_.is_settled(number)) continue;
    draft_.add(number, {}, FilterAction::notify);
    draft_.report(number, FilterAction::notify, 0, "", "opens for reading are answered: nobody may hear of a close too late",
                  Source{});
  }
}

void Lowering::device_requests() {
  const int number = *syscall_number("ioctl");
  if (draft_.is_settled(number)) return;
  for (const auto* profile : draft_.chain) {
    if (!learns(*profile) && !profile->live && rights_everywhere(*profile).covers(Right::ioctl)) continue;
    for (const auto& harmless : harmless_ioctls()) draft_.add(number, {harmless}, FilterAction::allow);
    draft_.add(number, {}, FilterAction::notify);
    draft_.report(number, FilterAction::notify, 0, "but requests of terminals and sockets", "paths: ioctl",
                  taken_away_by(*profile, Right::ioctl));
    return;
  }
  for (std::size_t place = 0; place < draft_.chain.size(); ++place) {
    const Profile& profile = *draft_.chain[place];
    Rights given = everywhere_[place];
    if (enforces(profile)) given = given | elsewhere_[place].rights;
    if (given.covers(Right::xattr)) continue;
    inode_requests_of(number, profile);
    return;
  }
}

void Lowering::inode_requests_of(int number, const Profile& profile) {
  for (const std::uint32_t harmless : harmless_inode_requests) {
    draft_.add(number, {{1, Kind::equal, mask_of_int, harmless, false}}, FilterAction::allow);
  }
  for (const std::uint8_t type : inode_request_types) {
    draft_.add(number, {{1, Kind::equal, 0xff00, static_cast<std::uint64_t>(type) << 8U, false}}, FilterAction::notify);
  }
  draft_.report(number, FilterAction::notify, 0, "that changes the flags of an inode", "paths: xattr",
                taken_away_by(profile, Right::xattr));
}

/// The supervisor must know whether any caller may have another root than the container's. Told of each chroot, which is rare, it
/// need not ask at each call.
void Lowering::follow_roots() {
  const int number = *syscall_number("chroot");
  if (!draft_.lowered.needs_listener || draft_.is_settled(number)) return;
  if (std::ranges::find(draft_.lowered.rules, number, &FilterRule::number) != draft_.lowered.rules.end()) return;
  draft_.add(number, {}, FilterAction::notify);
  draft_.report(number, FilterAction::notify, 0, "", "the supervisor follows its callers' roots", Source{});
}

}  // namespace

CallLowering lower_calls(const std::vector<const Profile*>& chain, const std::vector<EnforcedElsewhere>& elsewhere,
                         const GuardableSections& guarded) {
  return Lowering(chain, elsewhere).run(guarded);
}

const Source& taken_away_by(const Profile& profile, Rights rights) {
  if (!profile.paths) return profile.paths_source;
  const Source* found = &profile.paths_source;
  for (const auto& entry : *profile.paths) {
    const bool takes = rights.empty() ? entry.hide : !entry.allow.covers(rights) || entry.hide || entry.audit.any(rights);
    if (takes) found = &entry.source;
  }
  return *found;
}

}  // namespace warder::policy
