// The files from which a container's programs know their resolver. The host process of `create`.
#pragma once

#include <string>

#include "linux/fd.h"
#include "linux/result.h"
#include "runtime/config/spec.h"

namespace warder::runtime {

struct ResolverFiles {
  Fd resolv_conf;
  Fd hosts;
};

/// What config.json mounts at /etc/resolv.conf and /etc/hosts, open for reading: PID 1 reads it when the workload starts, and an
/// engine may write it until then. Without such a mount: the host's resolv.conf, and no hosts, because those of the image are the
/// image's to write. A source that cannot be opened is an error; `bundle` is where relative ones start.
Result<ResolverFiles> open_resolver_files(const Spec& spec, const std::string& bundle);

}  // namespace warder::runtime
