// A verb of the command line: what it accepts and what it does. The host process of a command.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "linux/result.h"
#include "runtime/commands/options.h"
#include "runtime/log.h"
#include "runtime/state/container_state.h"

namespace warder::runtime {

/// Options that every verb accepts, before it, after it, before and after the id.
struct GlobalOptions {
  std::optional<std::string> root;
  bool debug = false;
  std::string log, log_format = "text", log_level = "error";
  bool systemd_cgroup = false;
  std::string cgroup_manager = "cgroupfs";
  std::string rootless = "auto";
  std::optional<std::string> profile_dir;
  std::optional<std::string> audit_log;
};

/// What a verb runs with.
struct Context {
  GlobalOptions options;
  Log log;
  StateRoot root;
  bool rootless = false;
};

/// Sends what is printed to standard output: all of it, or an error (a full disk is not a success).
Result<void> print(std::string_view text);

class Verb {
 public:
  Verb() = default;
  Verb(const Verb&) = delete;
  Verb& operator=(const Verb&) = delete;
  virtual ~Verb() = default;

  /// Adds options and positionals; values land in members.
  virtual void define(Options& app) = 0;
  /// The exit code of the program, or the error it ends with.
  virtual Result<int> run(const Context& context) = 0;
  /// The exit code for an error of warder's own.
  [[nodiscard]] virtual int failure_code() const { return 1; }
  /// True where everything after the first positional is somebody else's command line, never parsed here (it lands in `tail`).
  [[nodiscard]] virtual bool has_tail() const { return false; }

  std::vector<std::string> tail;
};

struct VerbEntry {
  std::string_view name;
  std::string_view summary;
  std::unique_ptr<Verb> (*make)();
};

/// All verbs, in the order in which --help lists them; `profile` is not among them (runtime/commands/profile.h).
[[nodiscard]] const std::vector<VerbEntry>& verbs();

std::unique_ptr<Verb> make_create();
std::unique_ptr<Verb> make_run();
std::unique_ptr<Verb> make_start();
std::unique_ptr<Verb> make_state();
std::unique_ptr<Verb> make_kill();
std::unique_ptr<Verb> make_delete();
std::unique_ptr<Verb> make_exec();
std::unique_ptr<Verb> make_list();
std::unique_ptr<Verb> make_ps();
std::unique_ptr<Verb> make_pause();
std::unique_ptr<Verb> make_resume();
std::unique_ptr<Verb> make_events();
std::unique_ptr<Verb> make_audit();
std::unique_ptr<Verb> make_update();
std::unique_ptr<Verb> make_spec();
std::unique_ptr<Verb> make_features();
std::unique_ptr<Verb> make_version();
std::unique_ptr<Verb> make_mounts();
std::unique_ptr<Verb> make_completion();
std::unique_ptr<Verb> make_checkpoint();
std::unique_ptr<Verb> make_restore();

}  // namespace warder::runtime
