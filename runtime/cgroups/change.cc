// Writing limits, and taking them back. Host process of a command.
#include "runtime/cgroups/change.h"

#include <fcntl.h>

#include "linux/open.h"
#include "runtime/cgroups/files.h"

namespace warder::runtime {

namespace {

/// What takes the limit of a device away.
std::string neutral_value(std::string_view file, std::string_view value) {
  std::size_t equals = value.find('=');
  if (equals != std::string_view::npos) return std::string(value.substr(0, equals + 1)) + "max";
  if (file.starts_with("io.")) return "default";
  return "0";
}

std::string missing_controller(const std::string& directory, const CgroupWrite& write) {
  return "controller '" + write.controller + "' is not available in '" + directory + "', but a limit (" + write.file +
         ") needs it";
}

/// v2: whether the parents hand the controller down.
bool has_controller(const std::string& directory, std::string_view controller) {
  Result<std::string> all = read_file(directory, "cgroup.controllers");
  if (!all) return true;
  std::string padded = " " + *std::move(all);
  for (char& letter : padded) letter = letter == '\n' ? ' ' : letter;
  return padded.find(" " + std::string(controller) + " ") != std::string::npos;
}

}  // namespace

std::string text_to_undo(std::string_view file, std::string_view written, std::string_view before) {
  std::size_t blank = written.find(' ');
  std::string_view device = written.substr(0, blank);
  bool by_device = blank != std::string_view::npos && (device.find(':') != std::string_view::npos || file == "rdma.max");
  if (!by_device) {
    std::size_t end = before.find('\n');
    std::string first(before.substr(0, end));
    return first.empty() ? "\n" : first;
  }
  while (!before.empty()) {
    std::size_t end = before.find('\n');
    std::string_view line = before.substr(0, end);
    before.remove_prefix(end == std::string_view::npos ? before.size() : end + 1);
    if (line.substr(0, line.find(' ')) == device) return std::string(line);
  }
  return std::string(device) + " " + neutral_value(file, written.substr(blank + 1));
}

Result<void> CgroupChange::write_one(const std::string& directory, const CgroupWrite& write) {
  std::string path = directory + "/" + write.file;
  Result<Fd> file = kernel::open_path(path, O_WRONLY);
  if (!file && write.optional && file.error().code() == ENOENT) return {};
  if (!file && file.error().code() == ENOENT && !has_controller(directory, write.controller)) {
    return Error(Fault::environment, missing_controller(directory, write), ENOENT);
  }
  if (!file) return std::move(file).error();
  // Some files can only be written (v1's memory.force_empty and the like): nothing to go back to.
  Result<std::string> before = read_file(directory, write.file.c_str());
  WARDER_TRY_WITH(kernel::write_once(*file, write.text), "'" + path + "': '" + write.text + "'");
  if (before) undo_.push_back({std::move(path), text_to_undo(write.file, write.text, *before)});
  return {};
}

Result<void> CgroupChange::write_all(const std::vector<CgroupWrite>& writes) {
  for (std::size_t index = 0; index < writes.size(); ++index) {
    const CgroupWrite& one = writes[index];
    const std::string* place = directory_(one.controller);
    if (place == nullptr && one.optional) continue;
    if (place == nullptr) return Error::user("cgroup controller '" + one.controller + "' is not mounted, but a limit needs it");
    Result<void> written = write_one(*place, one);
    if (!written && one.swap_with_next && written.error().code() == EINVAL && index + 1 < writes.size()) {
      WARDER_TRY(write_one(*place, writes[++index]));
      written = write_one(*place, one);
    }
    if (!written) return written;
  }
  return {};
}

Result<void> CgroupChange::write(const std::vector<CgroupWrite>& writes) {
  Result<void> written = write_all(writes);
  if (!written) take_back();
  return written;
}

void CgroupChange::take_back() {
  for (; !undo_.empty(); undo_.pop_back()) {
    Result<Fd> file = kernel::open_path(undo_.back().path, O_WRONLY);
    if (file) (void)kernel::write_once(*file, undo_.back().text);
  }
}

}  // namespace warder::runtime
