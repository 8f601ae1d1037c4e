// Compiled profiles, kept from container to container. The host process of `create` and `run`; files below the state root, which
// nobody but its owner can write.
//
// Compiling depends on the profile's files, on the kernel, on this program, and on what the compiler asks about the rootfs. An
// entry holds all these questions with their answers, and is used only where every one of them is still answered so: a file that
// has changed or appeared or a link in the rootfs that leads elsewhere makes the profile be compiled anew. What cannot be read or
// written is no error: the profile is compiled then.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "linux/facts.h"
#include "policy/load.h"
#include "policy/lower.h"
#include "runtime/state/container_state.h"

namespace warder::runtime {

struct CompiledProfile {
  std::vector<std::byte> block;  ///< for policy::Compiled::open
  ProfileState state;
  std::string snapshot;  ///< for profile.json
};

class ProfileCache {
 public:
  /// `directory` is made where it is absent. `facts` is asked again where an entry is checked, and through recorded_facts().
  ProfileCache(const std::string& directory, const policy::LoadRequest& request, const policy::ProfileFile& profile,
               const KernelFacts& kernel, const policy::ContainerFacts& facts);

  /// What was kept for this profile, if all that it depends on is as it was.
  [[nodiscard]] std::optional<CompiledProfile> find() const;

  /// To compile with: remembers what was asked and answered. Outlived by the cache.
  [[nodiscard]] policy::ContainerFacts recorded_facts();
  [[nodiscard]] std::vector<policy::FileAnswer>& asked_files() { return files_; }
  void keep(const CompiledProfile& made) const;

 private:
  enum class Kind : std::uint8_t { canonical, kind, list };
  struct Question {
    std::uint8_t kind = 0;
    std::string about, answer;
  };
  struct QuestionView {
    std::uint8_t kind = 0;
    std::string_view about, answer;
  };
  void record(Kind kind, std::string_view about, std::string answer);
  [[nodiscard]] std::string answer(Kind kind, std::string_view about) const;
  [[nodiscard]] bool depends_on_names() const;

  Fd directory_;
  const policy::LoadRequest& request_;
  bool names_us_;
  std::string key_;
  policy::ContainerFacts facts_;
  std::vector<policy::FileAnswer> files_;
  std::vector<Question> questions_;
  std::unordered_set<std::string> asked_;  ///< kind and subject of each: many are asked again and again
};

}  // namespace warder::runtime
