// Runs a piece of container set-up for real, in a child with mount, UTS and network namespaces of its own. Needs root.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "linux/result.h"

namespace warder::runtime {

/// The error text of `work`, "" where it succeeded, or a word about how the child ended.
inline std::string in_private_namespace(const std::function<Result<void>()>& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return "pipe2";
  pid_t child = ::fork();
  if (child == 0) {
    std::string text = "unshare";
    if (::unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET) == 0) {
      Result<void> result = work();
      text = result ? "" : result.error().text();
    }
    (void)!::write(ends[1], text.data(), text.size());
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t size = 0; (size = ::read(ends[0], buffer, sizeof(buffer))) > 0;)
    text.append(buffer, static_cast<std::size_t>(size));
  ::close(ends[0]);
  int status = 0;
  (void)::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? text : "the child ended with status " + std::to_string(status);
}

/// A directory of the test's own below /tmp, removed with everything in it.
class TestDirectory {
 public:
  TestDirectory() {
    char name[] = "/tmp/warder-unit-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  ~TestDirectory() { std::filesystem::remove_all(path_); }

  [[nodiscard]] const std::string& path() const { return path_; }
  std::string directory(const std::string& name) const {
    std::filesystem::create_directories(path_ + "/" + name);
    return path_ + "/" + name;
  }
  std::string file(const std::string& name, const std::string& text = "") const {
    std::filesystem::create_directories(std::filesystem::path(path_ + "/" + name).parent_path());
    std::ofstream(path_ + "/" + name) << text;
    return path_ + "/" + name;
  }
  void link(const std::string& name, const std::string& target) const {
    std::filesystem::create_directories(std::filesystem::path(path_ + "/" + name).parent_path());
    std::filesystem::create_symlink(target, path_ + "/" + name);
  }

 private:
  std::string path_;
};

}  // namespace warder::runtime
