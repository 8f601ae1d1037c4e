// The list of all verbs. No system calls.
#include "runtime/commands/verb.h"

namespace warder::runtime {

const std::vector<VerbEntry>& verbs() {
  static const std::vector<VerbEntry> list{
      {"create", "make a container from a bundle; its program waits for start", make_create},
      {"run", "create, start, wait and delete", make_run},
      {"start", "run the program of a created container", make_start},
      {"state", "print the state of a container as JSON", make_state},
      {"kill", "send a signal to a container's first process (default: TERM)", make_kill},
      {"delete", "remove a stopped container, with --force any", make_delete},
      {"exec", "run one more program in a container, under the same profile", make_exec},
      {"list", "list the containers", make_list},
      {"ps", "list the processes of a container", make_ps},
      {"pause", "freeze all processes of a container", make_pause},
      {"resume", "let them go on", make_resume},
      {"events", "print resource usage and out-of-memory events as JSON", make_events},
      {"audit", "show what profiles refused, as a table or summed up", make_audit},
      {"update", "change resource limits", make_update},
      {"spec", "write a config.json to begin with", make_spec},
      {"features", "print what this runtime can do as JSON", make_features},
      {"version", "print the version", make_version},
      {"mounts", "add mounts to a running container, or remove them", make_mounts},
      {"completion", "print a completion script for a shell", make_completion},
      {"checkpoint", "refused: a supervised container cannot be checkpointed", make_checkpoint},
      {"restore", "refused, as checkpoint", make_restore},
  };
  return list;
}

}  // namespace warder::runtime
