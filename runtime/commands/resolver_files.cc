#include "runtime/commands/resolver_files.h"

#include <fcntl.h>
#include <fmt/format.h>

#include "linux/open.h"

namespace warder::runtime {
namespace {

const Mount* mount_at(const Spec& spec, const std::string& destination) {
  const Mount* last = nullptr;
  for (const Mount& mount : spec.mounts) {
    if (mount.destination == destination) last = &mount;
  }
  return last;
}

Result<Fd> open_source(const Mount& mount, const std::string& bundle) {
  const std::string path = mount.source.starts_with('/') ? mount.source : bundle + "/" + mount.source;
  return kernel::open_path(path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
}

}  // namespace

Result<ResolverFiles> open_resolver_files(const Spec& spec, const std::string& bundle) {
  ResolverFiles files;
  if (const Mount* mount = mount_at(spec, "/etc/resolv.conf"); mount != nullptr) {
    files.resolv_conf = WARDER_TRY_WITH(open_source(*mount, bundle), "the profile names hosts: /etc/resolv.conf");
  } else if (auto own = kernel::open_path("/etc/resolv.conf", O_RDONLY | O_NOCTTY | O_NONBLOCK); own.ok()) {
    files.resolv_conf = *std::move(own);
  }
  if (const Mount* mount = mount_at(spec, "/etc/hosts"); mount != nullptr) {
    files.hosts = WARDER_TRY_WITH(open_source(*mount, bundle), "the profile names hosts: /etc/hosts");
  }
  return files;
}

}  // namespace warder::runtime
