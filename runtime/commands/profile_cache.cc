#include "runtime/commands/profile_cache.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "policy/sha256.h"
#include "runtime/cache_directory.h"
#include "runtime/text_file.h"
#include "supervisor/protocol/wire.h"

namespace warder::runtime {
namespace {

using policy::FileAnswer;
using supervisor::WireReader;
using supervisor::WireWriter;

constexpr std::uint32_t entry_format = 3;
constexpr std::size_t most_entries = 64;

/// Tells a whole entry from one that was torn or has rotted. Nobody but the owner can write here, so it need not resist an
/// attack; a digest that does takes as long as everything else that is done with a large entry.
std::uint64_t checksum(std::span<const std::byte> bytes) {
  constexpr std::uint64_t odd = 0x9e3779b97f4a7c15ULL;
  std::uint64_t sum = bytes.size() * odd;
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    const std::size_t size = std::min(bytes.size(), sizeof word);
    std::memcpy(&word, bytes.data(), size);
    sum = (sum ^ word) * odd;
    sum ^= sum >> 29U;
    bytes = bytes.subspan(size);
  }
  return sum;
}

/// Another build compiles differently.
std::string this_program() {
  struct stat facts {};
  if (::stat("/proc/self/exe", &facts) != 0) return "?";
  return fmt::format("{} {} {} {}.{}", facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec);
}

std::string name_of_entry(const policy::LoadRequest& request, const policy::ProfileFile& profile, const KernelFacts& kernel) {
  WireWriter key;
  key.number(entry_format);
  key.text(this_program());
  key.text(fmt::format("{} {} {}", kernel.landlock_abi, kernel.user_notify, kernel.memfd_noexec));
  for (const auto* list : {&request.where.directories, &request.where.stock, &request.where.mandatory}) key.texts(*list);
  key.text(profile.name);
  key.text(*profile.file);
  key.text(profile.text);
  key.text(request.mode.value_or(""));
  const std::vector<std::byte> bytes = key.take();
  return policy::sha256_text({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string text_of(const std::optional<std::vector<policy::ListedFile>>& files) {
  if (!files) return "?";
  WireWriter text;
  for (const auto& file : *files) {
    text.text(file.name);
    text.number(static_cast<std::uint8_t>(file.kind));
  }
  const std::vector<std::byte> bytes = text.take();
  return policy::sha256_text({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace

ProfileCache::ProfileCache(const std::string& directory, const policy::LoadRequest& request, const policy::ProfileFile& profile,
                           const KernelFacts& kernel, const policy::ContainerFacts& facts)
    : directory_(open_cache_directory(directory)),
      request_(request),
      names_us_(profile.text.find("${") != std::string::npos),
      key_(name_of_entry(request, profile, kernel)),
      facts_(facts) {}

bool ProfileCache::depends_on_names() const { return names_us_ || std::ranges::any_of(files_, &FileAnswer::names_us); }

std::string ProfileCache::answer(Kind kind, std::string_view about) const {
  switch (kind) {
    case Kind::canonical:
      return facts_.canonical(about);
    case Kind::kind:
      return std::to_string(static_cast<int>(facts_.kind(about)));
    case Kind::list:
      return text_of(facts_.list(about));
  }
  return "?";
}

void ProfileCache::record(Kind kind, std::string_view about, std::string answer) {
  const auto number = static_cast<std::uint8_t>(kind);
  const bool fresh = asked_.insert(std::to_string(number).append(about)).second;
  if (fresh) questions_.push_back({number, std::string(about), std::move(answer)});
}

policy::ContainerFacts ProfileCache::recorded_facts() {
  return {.canonical =
              [this](std::string_view literal) {
                std::string found = facts_.canonical(literal);
                record(Kind::canonical, literal, found);
                return found;
              },
          .kind =
              [this](std::string_view canonical) {
                const policy::FileKind found = facts_.kind(canonical);
                record(Kind::kind, canonical, std::to_string(static_cast<int>(found)));
                return found;
              },
          .list =
              [this](std::string_view canonical) {
                auto found = facts_.list(canonical);
                record(Kind::list, canonical, text_of(found));
                return found;
              },
          .has_guarded_cgroup = {}};
}

std::optional<CompiledProfile> ProfileCache::find() const {
  if (!directory_) return std::nullopt;
  const auto text = read_text_file(directory_, key_);
  if (!text.ok()) return std::nullopt;
  WireReader entry(std::as_bytes(std::span(*text)));
  std::uint64_t sum = 0;
  entry.number(sum);
  const std::span<const std::byte> whole = entry.view();
  if (entry.failed() || !entry.at_end() || sum != checksum(whole)) return std::nullopt;

  WireReader content(whole);
  std::string hostname, container_id;
  bool names_us = false;
  std::vector<FileAnswer> files;
  std::vector<QuestionView> questions;
  CompiledProfile made;
  content.flag(names_us);
  content.text(hostname);
  content.text(container_id);
  constexpr std::size_t smallest = 4;
  content.list(files, smallest, [&](FileAnswer& file) {
    std::uint8_t state = 0;
    content.text(file.directory);
    content.text(file.name);
    content.number(state);
    file.state = static_cast<policy::FileText::State>(state);
    content.text(file.hash);
  });
  content.list(questions, smallest, [&](QuestionView& question) {
    content.number(question.kind);
    question.about = content.text_view();
    question.answer = content.text_view();
  });
  content.bytes(made.block);
  content.text(made.state.name);
  content.text(made.state.file);
  content.text(made.state.hash);
  content.list(made.state.layers, smallest, [&](ProfileState::Layer& layer) {
    content.text(layer.name);
    content.text(layer.file);
    content.text(layer.hash);
  });
  content.text(made.snapshot);
  if (content.failed() || !content.at_end()) return std::nullopt;
  if (names_us && (hostname != request_.hostname || container_id != request_.container_id)) return std::nullopt;
  if (!std::ranges::all_of(files, policy::still_answers)) return std::nullopt;
  const bool same = std::ranges::all_of(questions, [this](const QuestionView& question) {
    return question.kind <= static_cast<std::uint8_t>(Kind::list) &&
           answer(static_cast<Kind>(question.kind), question.about) == question.answer;
  });
  if (!same) return std::nullopt;
  return made;
}

void ProfileCache::keep(const CompiledProfile& made) const {
  if (!directory_) return;
  WireWriter content;
  content.number(static_cast<std::uint8_t>(depends_on_names() ? 1 : 0));
  content.text(request_.hostname);
  content.text(request_.container_id);
  content.list(files_, [&](const FileAnswer& file) {
    content.text(file.directory);
    content.text(file.name);
    content.number(static_cast<std::uint8_t>(file.state));
    content.text(file.hash);
  });
  content.list(questions_, [&](const Question& question) {
    content.number(question.kind);
    content.text(question.about);
    content.text(question.answer);
  });
  content.bytes(made.block);
  content.text(made.state.name);
  content.text(made.state.file);
  content.text(made.state.hash);
  content.list(made.state.layers, [&](const ProfileState::Layer& layer) {
    content.text(layer.name);
    content.text(layer.file);
    content.text(layer.hash);
  });
  content.text(made.snapshot);
  const std::vector<std::byte> whole = content.take();
  WireWriter entry;
  entry.number(checksum(whole));
  entry.bytes(whole);
  const std::vector<std::byte> bytes = entry.take();
  limit_cache_directory(directory_, most_entries - 1);
  static_cast<void>(replace_text_file(directory_, key_, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, 0600));
}

}  // namespace warder::runtime
