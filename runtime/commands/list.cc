// `warder list`: all containers below the state root.
#include <fmt/format.h>
#include <sys/stat.h>

#include "runtime/commands/state_report.h"
#include "runtime/commands/verb.h"

namespace warder::runtime {
namespace {

class List : public Verb {
 public:
  void define(Options& app) override {
    app.add_option("-f,--format", format_, "table or json").among({"table", "json"}).capture_default_str();
    app.add_flag("-q,--quiet", quiet_, "ids only");
  }

  Result<int> run(const Context& context) override {
    // The default root comes with the first container; one that somebody names and that is not there is a mistake.
    struct stat facts {};
    if (context.options.root && ::stat(context.root.path.c_str(), &facts) != 0) {
      return Error::syscall(fmt::format("--root: '{}'", context.root.path));
    }
    std::vector<nlohmann::ordered_json> reports;
    for (const std::string& id : context.root.ids()) {
      // One that is being deleted meanwhile is simply not there any more.
      auto container = Container::open(context.root, id);
      if (container.ok()) reports.push_back(state_report(*container));
    }
    WARDER_TRY(print(quiet_ ? ids(reports)
                     : format_ == "json"
                         ? nlohmann::ordered_json(reports).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"
                         : table(reports)));
    return 0;
  }

 private:
  static std::string ids(const std::vector<nlohmann::ordered_json>& reports) {
    std::string text;
    for (const auto& report : reports) text += report["id"].get<std::string>() + "\n";
    return text;
  }

  static std::string table(const std::vector<nlohmann::ordered_json>& reports) {
    std::size_t widest = 2;
    for (const auto& report : reports) widest = std::max(widest, report["id"].get_ref<const std::string&>().size());
    std::string text = fmt::format("{:<{}}  {:<8} {:<9} {}  {}\n", "ID", widest, "PID", "STATUS", "BUNDLE", "CREATED");
    for (const auto& report : reports) {
      text += fmt::format("{:<{}}  {:<8} {:<9} {}  {}\n", report["id"].get<std::string>(), widest, report["pid"].get<int>(),
                          report["status"].get<std::string>(), report["bundle"].get<std::string>(),
                          report["created"].get<std::string>());
    }
    return text;
  }

  std::string format_ = "table";
  bool quiet_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_list() { return std::make_unique<List>(); }

}  // namespace warder::runtime
