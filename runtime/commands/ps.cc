// `warder ps`: the processes of the workload. PID 1 is warder's own and not among them.
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "runtime/commands/container.h"
#include "runtime/commands/verb.h"
#include "runtime/text_file.h"

namespace warder::runtime {
namespace {

/// What the machine's ps(1) prints, the words given to it included.
Result<std::string> run_ps(std::vector<std::string> words) {
  words.insert(words.begin(), "ps");
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::syscall("pipe2");
  Fd output(ends[0]), input(ends[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input.get(), STDOUT_FILENO);
  pid_t child = 0;
  int code = ::posix_spawnp(&child, "ps", &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (code != 0) return Error::syscall("execute 'ps'", code);
  input.reset();
  auto text = read_text(output);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (text.ok() && status != 0) return Error::user("ps: the options were refused");
  return text;
}

/// Keeps the heading and the lines whose PID column names one of the processes.
Result<std::string> only_lines_of(std::string_view text, const std::vector<pid_t>& pids) {
  std::string kept;
  std::size_t column = std::string_view::npos;
  auto words_of = [](std::string_view line) {
    std::vector<std::string_view> words;
    for (std::size_t begin = line.find_first_not_of(' '); begin != std::string_view::npos;) {
      std::size_t end = std::min(line.find(' ', begin), line.size());
      words.push_back(line.substr(begin, end - begin));
      begin = line.find_first_not_of(' ', end);
    }
    return words;
  };
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    auto words = words_of(line);
    if (column == std::string_view::npos) {
      auto heading = std::find(words.begin(), words.end(), "PID");
      if (heading == words.end()) return Error::user("ps: the options leave out the PID column");
      column = static_cast<std::size_t>(heading - words.begin());
      kept.append(line).append("\n");
      continue;
    }
    pid_t pid = 0;
    if (words.size() > column) std::from_chars(words[column].data(), words[column].data() + words[column].size(), pid);
    if (std::binary_search(pids.begin(), pids.end(), pid)) kept.append(line).append("\n");
  }
  return kept;
}

class Ps : public Verb {
 public:
  void define(Options& app) override {
    app.add_option("ID", id_, "the container; options of ps(1) may follow").required();
    app.add_option("-f,--format", format_, "table or json").among({"table", "json"}).capture_default_str();
  }
  [[nodiscard]] bool has_tail() const override { return true; }

  Result<int> run(const Context& context) override {
    Container container = WARDER_TRY(Container::open(context.root, id_));
    std::vector<pid_t> pids;
    if (container.cgroup().enabled()) {
      pids = WARDER_TRY(container.cgroup().processes());
      std::erase(pids, container.state.init.pid);
    } else if (still_alive(container.state.workload)) {
      pids.push_back(container.state.workload.pid);
    }
    if (format_ == "json") {
      WARDER_TRY(print(nlohmann::json(pids).dump() + "\n"));
      return 0;
    }
    std::string text = WARDER_TRY(run_ps(tail.empty() ? std::vector<std::string>{"-ef"} : tail));
    WARDER_TRY(print(WARDER_TRY(only_lines_of(text, pids))));
    return 0;
  }

 private:
  std::string id_, format_ = "table";
};

}  // namespace

std::unique_ptr<Verb> make_ps() { return std::make_unique<Ps>(); }

}  // namespace warder::runtime
