// `warder audit`: the audit log as a table, as it grows, or summed up by the entry that decided. The host process of a command;
// reads log files, never the container.
#include <fmt/format.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "policy/load.h"
#include "runtime/audit/file.h"
#include "runtime/audit/sink.h"
#include "runtime/audit/table.h"
#include "runtime/commands/colour.h"
#include "runtime/commands/profile_verbs.h"
#include "runtime/commands/running_profile.h"
#include "runtime/commands/verb.h"

namespace warder::runtime {
namespace {

/// Lines that cannot be read, told one by one at first: somebody may have written into the log, or a disk was full.
class Complaints {
 public:
  void add(const std::string& file, std::size_t number, const std::string& why) {
    if (++count_ <= most) fmt::print(stderr, "{}:{}: unreadable line: {}\n", file, number, why);
  }
  [[nodiscard]] std::size_t count() const { return count_; }
  void finish() const {
    if (count_ > most) fmt::print(stderr, "{} more lines could not be read\n", count_ - most);
  }

 private:
  static constexpr std::size_t most = 10;
  std::size_t count_ = 0;
};

/// Which files hold the lines: --audit-log alone, else the file of warder.yaml and the logs in the state directories.
class Places {
 public:
  static Result<Places> of(const Context& context, const std::string& id) {
    Places places(context.root, id);
    if (context.options.audit_log) {
      places.given_ = true;
      places.file_ = *context.options.audit_log;
      return places;
    }
    auto settings = policy::load_config(policy::profile_directories(context.options.profile_dir, context.rootless));
    const std::string faults = policy::findings_text(settings.findings);
    if (!faults.empty()) return Error::user(faults);
    places.file_ = settings.config.audit.file;
    places.sink_ = settings.config.audit.sink;
    places.recordings_ = WARDER_TRY(recordings_directory(settings.config.learn_directory));
    return places;
  }

  /// The files that exist now.
  [[nodiscard]] std::vector<std::string> existing() const {
    std::vector<std::string> files;
    if (given_) return {file_};
    if (!file_.empty() && ::access(file_.c_str(), F_OK) == 0) files.push_back(file_);
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(recordings_, none)) {
      const std::filesystem::path& recording = entry.path();
      if (recording.extension() == ".log" && (id_.empty() || id_matches(recording.stem().string(), id_))) {
        files.push_back(recording.string());
      }
    }
    for (const std::string& container : root_.ids()) {
      if (!id_.empty() && !id_matches(container, id_)) continue;
      const std::string log = fmt::format("{}/{}/audit.log", root_.path, container);
      if (::access(log.c_str(), F_OK) == 0) files.push_back(log);
    }
    return files;
  }

  [[nodiscard]] const StateRoot& root() const { return root_; }
  [[nodiscard]] Error none() const {
    if (sink_ == policy::AuditSink::journald) {
      return Error::user("warder.yaml sends audit lines to the journal; `journalctl -t warder -o cat` shows them");
    }
    if (sink_ == policy::AuditSink::syslog) {
      return Error::user("warder.yaml sends audit lines to syslog, as the program 'warder' of the facility authpriv");
    }
    if (sink_ == policy::AuditSink::standard_error) {
      return Error::user("warder.yaml sends audit lines to standard error, where the engine keeps the container's own log");
    }
    const std::string whose = id_.empty() ? "any container" : fmt::format("container '{}'", id_);
    const std::string file =
        file_.empty() ? "warder.yaml names no file that outlives containers" : fmt::format("'{}' does not exist", file_);
    return Error::user(fmt::format("no audit log of {} below '{}', and {}; --audit-log FILE names one", whose, root_.path, file));
  }

 private:
  Places(StateRoot root, std::string id) : root_(std::move(root)), id_(std::move(id)) {}
  StateRoot root_;
  std::string id_, file_, recordings_;
  policy::AuditSink sink_ = policy::AuditSink::file;
  bool given_ = false;
};

class Audit : public Verb {
 public:
  void define(Options& app) override {
    app.add_option("ID", id_, "lines of this container only");
    const Option follow = app.add_flag("--follow", follow_, "go on as lines are written");
    app.add_flag("--summary", summary_, "what was decided how often, by deciding entry").excludes(follow);
    app.add_option("-f,--format", format_, "table or json").among({"table", "json"}).capture_default_str();
  }

  Result<int> run(const Context& context) override {
    const Places places = WARDER_TRY(Places::of(context, id_));
    auto outcome = follow_ ? follow(places) : show(places);
    complaints_.finish();
    // `warder audit | head` has seen enough.
    if (!outcome.ok() && outcome.error().code() == EPIPE) return 0;
    return outcome;
  }

 private:
  /// A line as it was written, and taken apart.
  struct Both {
    AuditLine line;
    std::string text;
  };

  /// Calls `use` with each readable line of the container asked for.
  template <class Use>
  Result<void> read(AuditFile& file, AuditFile::Tail tail, const Use& use) {
    return file.read(tail, [&](std::string_view text, std::size_t number) {
      auto line = parse_audit_line(text);
      if (!line.ok()) return complaints_.add(file.path(), number, line.error().text());
      if (id_.empty() || id_matches(line->id, id_)) use(Both{*std::move(line), std::string(text)});
    });
  }

  Result<int> show(const Places& places) {
    const auto files = places.existing();
    if (files.empty()) return places.none();
    AuditSummary sum;
    std::vector<Both> lines;
    for (const std::string& path : files) {
      auto file = AuditFile::open(path);
      // A container that was deleted meanwhile has no log any more.
      if (!file.ok() && file.error().code() == ENOENT && files.size() > 1) continue;
      if (!file.ok()) return std::move(file).error();
      WARDER_TRY(read(*file, AuditFile::Tail::complete, [&](Both both) {
        if (summary_) return sum.add(both.line);
        lines.push_back(std::move(both));
      }));
    }
    if (summary_) {
      add_usage(places.root(), sum);
      WARDER_TRY(print(format_ == "json" ? sum.json().dump() + "\n" : sum.text(colour_of_output())));
    } else {
      std::ranges::stable_sort(lines, {}, [](const Both& both) -> const std::string& { return both.line.time; });
      WARDER_TRY(print(format_ == "json" ? texts(lines) : rows(lines)));
    }
    return complaints_.count() == 0 ? 0 : 1;
  }

  /// What PID 1 of each container that lives has counted, and the lines that it counts for.
  void add_usage(const StateRoot& root, AuditSummary& sum) const {
    for (const std::string& id : root.ids()) {
      if (!id_.empty() && !id_matches(id, id_)) continue;
      const auto container = Container::open(root, id);
      if (!container.ok()) continue;
      const auto control = container->connect_supervisor();
      const auto usage = control.ok() ? line_usage(*control) : Result<std::vector<LineUsage>>(std::vector<LineUsage>());
      if (!usage.ok()) continue;
      for (const auto& one : *usage) {
        sum.add_usage(one.line == 0 ? one.file : fmt::format("{}:{}", one.file, one.line),
                      {one.allowed, one.refused, one.answers, one.nanoseconds});
      }
      const auto profile = profile_in_force(*container);
      if (!profile.ok()) continue;
      const auto lowered = lower_here(*profile);
      if (!lowered.ok()) continue;
      for (const auto& entry : lowered->entries) sum.add_entry(place(entry.source), entry.text);
    }
  }

  static std::string texts(const std::vector<Both>& lines) {
    std::string text;
    for (const Both& both : lines) text.append(both.text).append("\n");
    return text;
  }

  static std::string rows(const std::vector<Both>& lines) {
    AuditTable table(colour_of_output());
    for (const Both& both : lines) table.measure(both.line);
    std::string text = table.heading();
    for (const Both& both : lines) text += table.row(both.line);
    return text;
  }

  /// Ends when the one container that was asked for is gone, or nobody reads any more.
  Result<int> follow(const Places& places) {
    std::map<std::string, AuditFile> open;
    AuditTable table(colour_of_output());
    bool begun = false;
    bool headed = format_ == "json";
    for (;;) {
      for (const std::string& path : places.existing()) {
        if (open.contains(path)) continue;
        auto file = AuditFile::open(path);
        if (file.ok()) {
          open.emplace(path, *std::move(file));
        } else if (file.error().code() != ENOENT || !begun) {
          return std::move(file).error();
        }
      }
      if (open.empty() && !id_.empty()) return begun ? Result<int>(0) : places.none();
      begun = true;
      std::vector<Both> lines;
      for (auto file = open.begin(); file != open.end();) {
        const bool last = file->second.replaced();
        const auto tail = last ? AuditFile::Tail::complete : AuditFile::Tail::growing;
        WARDER_TRY(read(file->second, tail, [&](Both both) { lines.push_back(std::move(both)); }));
        file = last ? open.erase(file) : std::next(file);
      }
      std::string text;
      for (const Both& both : lines) table.measure(both.line);
      if (!headed) text = table.heading();
      headed = true;
      for (const Both& both : lines) text += format_ == "json" ? both.text + "\n" : table.row(both.line);
      WARDER_TRY(print(text));
      constexpr timespec pause{0, 200'000'000};
      ::nanosleep(&pause, nullptr);
    }
  }

  std::string id_, format_ = "table";
  bool follow_ = false, summary_ = false;
  Complaints complaints_;
};

}  // namespace

std::unique_ptr<Verb> make_audit() { return std::make_unique<Audit>(); }

}  // namespace warder::runtime
