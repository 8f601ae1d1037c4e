// The table of mount option words. Pure, any process.
#include "runtime/container/mount_options.h"

#include <algorithm>
#include <array>
#include <optional>

namespace warder::runtime {

namespace {

using kernel::Recursion;

enum class Effect : std::uint8_t {
  attribute_on,
  attribute_off,
  atime,       ///< one of the exclusive access time modes
  superblock,  ///< a flag that the filesystem as a whole takes
  propagation,
  bind,
  remount,
  copy_up,
  map_ids,
  no_follow_source,
  no_follow_destination,
  copy_source_link,
  nothing,
};

struct Option {
  std::string_view word;
  Effect effect;
  std::uint64_t value = 0;
  Recursion recursion = Recursion::this_mount;
};

constexpr Recursion deep = Recursion::whole_tree;
constexpr Recursion flat = Recursion::this_mount;

// The words of the runtime-spec's config.md ("Linux mount options") plus those that podman and containerd give.
constexpr auto options = std::to_array<Option>({
    {"async", Effect::nothing},
    {"atime", Effect::atime, MOUNT_ATTR_RELATIME, flat},
    {"bind", Effect::bind, 0, flat},
    {"copy-symlink", Effect::copy_source_link},
    {"defaults", Effect::nothing},
    {"dest-nofollow", Effect::no_follow_destination},
    {"dev", Effect::attribute_off, MOUNT_ATTR_NODEV, flat},
    {"diratime", Effect::attribute_off, MOUNT_ATTR_NODIRATIME, flat},
    {"dirsync", Effect::superblock},
    {"exec", Effect::attribute_off, MOUNT_ATTR_NOEXEC, flat},
    {"idmap", Effect::map_ids, 0, flat},
    {"iversion", Effect::superblock},
    {"lazytime", Effect::superblock},
    {"loud", Effect::nothing},
    {"mand", Effect::superblock},
    {"noatime", Effect::atime, MOUNT_ATTR_NOATIME, flat},
    {"nodev", Effect::attribute_on, MOUNT_ATTR_NODEV, flat},
    {"nodiratime", Effect::attribute_on, MOUNT_ATTR_NODIRATIME, flat},
    {"noexec", Effect::attribute_on, MOUNT_ATTR_NOEXEC, flat},
    {"noiversion", Effect::nothing},
    {"nolazytime", Effect::superblock},
    {"nomand", Effect::nothing},
    {"norelatime", Effect::atime, MOUNT_ATTR_RELATIME, flat},
    {"nostrictatime", Effect::atime, MOUNT_ATTR_RELATIME, flat},
    {"nosuid", Effect::attribute_on, MOUNT_ATTR_NOSUID, flat},
    {"nosymfollow", Effect::attribute_on, MOUNT_ATTR_NOSYMFOLLOW, flat},
    {"private", Effect::propagation, MS_PRIVATE, flat},
    {"ratime", Effect::atime, MOUNT_ATTR_RELATIME, deep},
    {"rbind", Effect::bind, 0, deep},
    {"rdev", Effect::attribute_off, MOUNT_ATTR_NODEV, deep},
    {"rdiratime", Effect::attribute_off, MOUNT_ATTR_NODIRATIME, deep},
    {"relatime", Effect::atime, MOUNT_ATTR_RELATIME, flat},
    {"remount", Effect::remount},
    {"rexec", Effect::attribute_off, MOUNT_ATTR_NOEXEC, deep},
    {"ridmap", Effect::map_ids, 0, deep},
    {"rnoatime", Effect::atime, MOUNT_ATTR_NOATIME, deep},
    {"rnodev", Effect::attribute_on, MOUNT_ATTR_NODEV, deep},
    {"rnodiratime", Effect::attribute_on, MOUNT_ATTR_NODIRATIME, deep},
    {"rnoexec", Effect::attribute_on, MOUNT_ATTR_NOEXEC, deep},
    {"rnorelatime", Effect::atime, MOUNT_ATTR_RELATIME, deep},
    {"rnostrictatime", Effect::atime, MOUNT_ATTR_RELATIME, deep},
    {"rnosuid", Effect::attribute_on, MOUNT_ATTR_NOSUID, deep},
    {"rnosymfollow", Effect::attribute_on, MOUNT_ATTR_NOSYMFOLLOW, deep},
    {"ro", Effect::attribute_on, MOUNT_ATTR_RDONLY, flat},
    {"rprivate", Effect::propagation, MS_PRIVATE, deep},
    {"rrelatime", Effect::atime, MOUNT_ATTR_RELATIME, deep},
    {"rro", Effect::attribute_on, MOUNT_ATTR_RDONLY, deep},
    {"rrw", Effect::attribute_off, MOUNT_ATTR_RDONLY, deep},
    {"rshared", Effect::propagation, MS_SHARED, deep},
    {"rslave", Effect::propagation, MS_SLAVE, deep},
    {"rstrictatime", Effect::atime, MOUNT_ATTR_STRICTATIME, deep},
    {"rsuid", Effect::attribute_off, MOUNT_ATTR_NOSUID, deep},
    {"rsymfollow", Effect::attribute_off, MOUNT_ATTR_NOSYMFOLLOW, deep},
    {"runbindable", Effect::propagation, MS_UNBINDABLE, deep},
    {"rw", Effect::attribute_off, MOUNT_ATTR_RDONLY, flat},
    {"shared", Effect::propagation, MS_SHARED, flat},
    {"silent", Effect::nothing},
    {"slave", Effect::propagation, MS_SLAVE, flat},
    {"src-nofollow", Effect::no_follow_source},
    {"strictatime", Effect::atime, MOUNT_ATTR_STRICTATIME, flat},
    {"suid", Effect::attribute_off, MOUNT_ATTR_NOSUID, flat},
    {"symfollow", Effect::attribute_off, MOUNT_ATTR_NOSYMFOLLOW, flat},
    {"sync", Effect::superblock},
    {"tmpcopyup", Effect::copy_up},
    {"unbindable", Effect::propagation, MS_UNBINDABLE, flat},
});

const Option* find_option(std::string_view word) {
  const auto* at = std::lower_bound(options.begin(), options.end(), word,
                                    [](const Option& option, std::string_view wanted) { return option.word < wanted; });
  return at != options.end() && at->word == word ? at : nullptr;
}

void set_attribute(kernel::MountAttributes& attributes, const Option& option) {
  switch (option.effect) {
    case Effect::attribute_on:
      attributes.set |= option.value;
      attributes.clear &= ~option.value;
      break;
    case Effect::attribute_off:
      attributes.clear |= option.value;
      attributes.set &= ~option.value;
      break;
    default:  // the kernel wants the whole field cleared where one of its modes is set
      attributes.clear |= MOUNT_ATTR__ATIME;
      attributes.set = (attributes.set & ~std::uint64_t{MOUNT_ATTR__ATIME}) | option.value;
  }
}

/// "size=64k,mode=755" as one word of config.json is two options of the filesystem. Commas inside double quotes stay.
void add_data(MountPlan& plan, std::string_view text) {
  while (!text.empty()) {
    bool quoted = false;
    std::size_t end = 0;
    while (end < text.size() && (quoted || text[end] != ',')) {
      if (text[end] == '"') quoted = !quoted;
      ++end;
    }
    std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (one.empty()) continue;
    std::size_t equals = one.find('=');
    if (equals == std::string_view::npos) {
      plan.data.emplace_back(one, "");
    } else {
      plan.data.emplace_back(one.substr(0, equals), one.substr(equals + 1));
    }
  }
}

void apply(MountPlan& plan, const Option& option) {
  switch (option.effect) {
    case Effect::attribute_on:
    case Effect::attribute_off:
    case Effect::atime:
      set_attribute(option.recursion == deep ? plan.recursive_attributes : plan.attributes, option);
      break;
    case Effect::superblock:
      plan.data.emplace_back(option.word, "");
      break;
    case Effect::propagation:
      plan.propagation.push_back({option.value, option.recursion});
      break;
    case Effect::bind:
      plan.kind = MountKind::bind;
      plan.bind_recursion = option.recursion;
      break;
    case Effect::copy_up:
      plan.copy_up = true;
      break;
    case Effect::map_ids:
      plan.map_ids = true;
      plan.map_ids_below = plan.map_ids_below || option.recursion == deep;
      break;
    case Effect::no_follow_source:
      plan.follow_source = false;
      break;
    case Effect::no_follow_destination:
      plan.follow_destination = false;
      break;
    case Effect::copy_source_link:
      plan.copy_source_link = true;
      break;
    case Effect::remount:
    case Effect::nothing:
      break;
  }
}

Result<void> check(const MountPlan& plan, const Mount& mount) {
  if (plan.kind == MountKind::bind && !plan.data.empty()) {
    return Error::user("'" + plan.data.front().first + "' is no option of a bind mount");
  }
  if (plan.kind == MountKind::bind && mount.source.empty()) return Error::user("a bind mount needs a source");
  if (plan.copy_up && (plan.kind != MountKind::filesystem || plan.type != "tmpfs")) {
    return Error::user("'tmpcopyup' is for mounts of type tmpfs only");
  }
  if (plan.map_ids && plan.kind != MountKind::bind) return Error::user("only a bind mount can be idmapped");
  if (mount.uid_mappings.empty() != mount.gid_mappings.empty()) {
    return Error::user("an idmapped mount needs uidMappings and gidMappings");
  }
  if (plan.kind == MountKind::filesystem && plan.type.empty()) return Error::user("a mount needs a type, or the option 'bind'");
  return {};
}

}  // namespace

Result<MountPlan> plan_mount(const Mount& mount) {
  MountPlan plan;
  plan.destination = mount.destination;
  plan.source = mount.source;
  plan.type = mount.type;
  plan.kind = mount.type == "cgroup" || mount.type == "cgroup2" ? MountKind::cgroup : MountKind::filesystem;
  if (mount.type == "bind") plan.kind = MountKind::bind;
  bool remount = false;
  std::vector<std::string_view> others;
  for (const std::string& word : mount.options) {
    const Option* option = find_option(word);
    if (option == nullptr) {
      add_data(plan, word);
      continue;
    }
    remount = remount || option->effect == Effect::remount;
    apply(plan, *option);
  }
  if (mount.type == "bind" && plan.bind_recursion == flat &&
      std::find(mount.options.begin(), mount.options.end(), "bind") == mount.options.end()) {
    plan.bind_recursion = deep;  // type "bind" with neither word: as runc, the whole tree
  }
  if (!mount.uid_mappings.empty()) plan.map_ids = true;
  if (remount) plan.kind = MountKind::remount;
  if (plan.kind == MountKind::filesystem || plan.kind == MountKind::cgroup) {  // nothing is below what is new
    plan.attributes.clear |= plan.recursive_attributes.clear;
    plan.attributes.set = (plan.attributes.set & ~plan.recursive_attributes.clear) | plan.recursive_attributes.set;
    plan.recursive_attributes = {};
  }
  WARDER_TRY(check(plan, mount));
  return plan;
}

Result<PropagationChange> parse_propagation(std::string_view word) {
  if (word.empty()) word = "rslave";
  const Option* option = find_option(word);
  if (option == nullptr || option->effect != Effect::propagation) {
    return Error::user("linux.rootfsPropagation: '" + std::string(word) +
                       "' is none of shared, slave, private, unbindable, rshared, rslave, rprivate, runbindable");
  }
  return PropagationChange{option->value, option->recursion};
}

std::vector<std::string> known_mount_options() {
  std::vector<std::string> words;
  words.reserve(options.size());
  for (const Option& option : options) words.emplace_back(option.word);
  return words;
}

}  // namespace warder::runtime
