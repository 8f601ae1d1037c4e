// `warder update`: new resource limits for an existing container, from a file or from flags; or another profile.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cctype>
#include <charconv>
#include <limits>

#include "runtime/commands/container.h"
#include "runtime/commands/update_profile.h"
#include "runtime/commands/verb.h"
#include "runtime/config/parse.h"
#include "runtime/text_file.h"

namespace warder::runtime {
namespace {

class Update : public Verb {
 public:
  void define(Options& app) override {
    app.add_option("ID", id_, "the container").required();
    Option profile = app.add_option("--profile", profile_, "another profile, by file or name, for the running container");
    app.add_flag("--check", check_, "only tell what --profile would change, or what stands in the way");
    const auto limit = [&](const std::string& names, auto& variable, const std::string& help) {
      profile.excludes(app.add_option(names, variable, help));
    };
    limit("-r,--resources", file_, "JSON file with linux.resources; - for standard input");
    limit("--blkio-weight", given_.block_io.weight, "10 to 1000");
    limit("--cpu-period", given_.cpu.period, "microseconds");
    limit("--cpu-quota", given_.cpu.quota, "microseconds; -1: no limit");
    limit("--cpu-burst", given_.cpu.burst, "microseconds");
    limit("--cpu-share", given_.cpu.shares, "relative weight");
    limit("--cpu-rt-period", given_.cpu.realtime_period, "microseconds");
    limit("--cpu-rt-runtime", given_.cpu.realtime_runtime, "microseconds");
    limit("--cpu-idle", given_.cpu.idle, "0 or 1");
    limit("--cpuset-cpus", given_.cpu.cpus, "list of CPUs");
    limit("--cpuset-mems", given_.cpu.mems, "list of memory nodes");
    limit("--memory", memory_, "bytes, or with a unit (512m); -1: no limit");
    limit("--memory-reservation", reservation_, "bytes, or with a unit");
    limit("--memory-swap", swap_, "memory and swap together; -1: no limit");
    limit("--pids-limit", given_.pids_limit, "number of processes; -1: no limit");
  }

  Result<int> run(const Context& context) override {
    if (!profile_.empty()) return update_profile(context, id_, profile_, check_ ? Dry::yes : Dry::no);
    if (check_) return Error::user("--check is about --profile, which is not given");
    Resources resources = WARDER_TRY(file_.empty() ? from_flags() : from_file());
    Container container = WARDER_TRY(Container::open_locked(context.root, id_));
    Status status = container.status();
    if (status == Status::stopped) return Error::user(fmt::format("container '{}': container not running", id_));
    if (!container.cgroup().enabled())
      return Error::user("the container has no cgroup; accepted: one made with a cgroup manager");
    WARDER_TRY(container.cgroup().update(resources));
    return 0;
  }

 private:
  Result<Resources> from_file() const {
    std::string text = file_ == "-" ? WARDER_TRY_WITH(read_text(BorrowedFd(STDIN_FILENO)), "standard input")
                                    : WARDER_TRY_WITH(read_text_file(BorrowedFd(AT_FDCWD), file_), "--resources");
    return parse_resources(text);
  }

  Result<Resources> from_flags() {
    WARDER_TRY_WITH(read_bytes(memory_, given_.memory.limit), "--memory");
    WARDER_TRY_WITH(read_bytes(reservation_, given_.memory.reservation), "--memory-reservation");
    WARDER_TRY_WITH(read_bytes(swap_, given_.memory.swap), "--memory-swap");
    if (given_.pids_limit && *given_.pids_limit <= 0) given_.pids_limit = -1;
    return given_;
  }

  static Result<void> read_bytes(const std::string& word, std::optional<std::int64_t>& out) {
    if (word.empty()) return {};
    constexpr std::string_view units = "bkmgt";
    constexpr int bits_per_unit = 10;
    std::string digits = word;
    std::size_t unit = 0;
    if (digits.size() > 1) {
      unit = units.find(static_cast<char>(std::tolower(static_cast<unsigned char>(digits.back()))));
      if (unit == std::string_view::npos) unit = 0;
      if (std::isdigit(static_cast<unsigned char>(digits.back())) == 0) digits.pop_back();
    }
    std::int64_t number = 0;
    auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    bool whole = failure == std::errc{} && end == digits.data() + digits.size();
    int shift = bits_per_unit * static_cast<int>(unit);
    if (!whole || number < -1 || number > std::numeric_limits<std::int64_t>::max() >> shift) {
      return Error::user(fmt::format("'{}'; accepted: a number of bytes, with b, k, m, g or t behind it, or -1", word));
    }
    out = number < 0 ? -1 : number << shift;
    return {};
  }

  std::string profile_;
  bool check_ = false;
  std::string id_, file_, memory_, reservation_, swap_;
  Resources given_;
};

}  // namespace

std::unique_ptr<Verb> make_update() { return std::make_unique<Update>(); }

}  // namespace warder::runtime
