// Flags of `warder spec` into a document. The host process of `spec`.
#include "runtime/commands/spec_builder.h"

#include <fmt/format.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <memory>
#include <string_view>

#include "runtime/commands/user_word.h"
#include "runtime/config/parse.h"
#include "runtime/container/mount_options.h"

namespace warder::runtime {
namespace {

constexpr std::int64_t default_pids = 512;

/// Everything that is wrong with the flags.
class Wrong {
 public:
  void add(std::string_view flag, std::string_view word, std::string_view accepted) {
    text_ += fmt::format("{}{} '{}'; accepted: {}", text_.empty() ? "" : "\n", flag, word, accepted);
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    std::size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

template <class Number>
std::optional<Number> whole_number(std::string_view digits) {
  Number number{};
  auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || failure != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

/// "64M", "1g", "1048576".
std::optional<std::int64_t> byte_size(std::string_view text) {
  if (text.empty()) return std::nullopt;
  constexpr std::string_view units = "kmgt";
  std::size_t unit = units.find(static_cast<char>(text.back() | 0x20));
  int shift = 0;
  if (unit != std::string_view::npos) {
    shift = 10 * static_cast<int>(unit + 1);
    text.remove_suffix(1);
  }
  auto number = whole_number<std::int64_t>(text);
  if (!number || *number <= 0 || *number > (std::int64_t{1} << (62 - shift))) return std::nullopt;
  return *number << shift;
}

std::optional<std::string> canonical(const std::string& path) {
  std::unique_ptr<char, decltype(&::free)> resolved(::realpath(path.c_str(), nullptr), &::free);
  if (resolved == nullptr) return std::nullopt;
  return std::string(resolved.get());
}

bool good_destination(const std::string& path) {
  if (!path.starts_with('/') || path.find("/../") != std::string::npos || path.ends_with("/..")) return false;
  constexpr std::array<std::string_view, 4> kernel = {"/", "/proc", "/sys", "/dev"};
  std::string bare = path;
  while (bare.size() > 1 && bare.back() == '/') bare.pop_back();
  bool below = bare.starts_with("/proc/") || bare.starts_with("/sys/");
  return !below && std::find(kernel.begin(), kernel.end(), bare) == kernel.end();
}

constexpr std::string_view destinations = "an absolute path inside, but not /, /proc, /sys or /dev";

void add_volume(const SpecFlags& flags, const std::string& word, json& document, Wrong& wrong) {
  std::vector<std::string> parts = split(word, ':');
  if (parts.size() < 2 || parts.size() > 3) return wrong.add("--volume", word, "SOURCE:DESTINATION[:OPTION,…]");
  auto source = canonical(parts[0]);
  if (!parts[0].starts_with('/') || !source) return wrong.add("--volume", word, "an absolute source that exists");
  if (!good_destination(parts[1])) return wrong.add("--volume", word, destinations);
  std::string objection = sensitive_source(*source);
  if (!objection.empty() && !flags.force) {
    return wrong.add("--volume", word, fmt::format("another source ({}), or --force", objection));
  }
  std::vector<std::string> options = parts.size() == 3 ? split(parts[2], ',') : std::vector<std::string>();
  for (const std::string& option : options) {
    std::vector<std::string> known = known_mount_options();
    if (std::find(known.begin(), known.end(), option) == known.end()) return wrong.add("--volume", word, "known mount options");
  }
  for (const char* always : {"rbind", "nosuid", "nodev"}) options.emplace_back(always);
  document["mounts"].push_back({{"destination", parts[1]}, {"type", "bind"}, {"source", *source}, {"options", options}});
}

void add_tmpfs(const std::string& word, json& document, Wrong& wrong) {
  std::size_t colon = word.find(':');
  std::string destination = word.substr(0, colon);
  if (!good_destination(destination)) return wrong.add("--tmpfs", word, destinations);
  std::vector<std::string> options{"nosuid", "nodev", "noexec"};
  if (colon != std::string::npos) {
    for (std::string& option : split(std::string_view(word).substr(colon + 1), ',')) options.push_back(std::move(option));
  } else {
    options.insert(options.end(), {"mode=1777", "size=64m"});
  }
  document["mounts"].push_back({{"destination", destination}, {"type", "tmpfs"}, {"source", "tmpfs"}, {"options", options}});
}

bool in_memory(const std::string& path) {
  struct statfs status {};
  return ::statfs(path.c_str(), &status) == 0 && (status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC);
}

void add_secret(const SpecFlags& flags, const std::string& word, json& document, Wrong& wrong) {
  std::size_t equals = word.find('=');
  std::string name = word.substr(0, equals);
  bool good = equals != std::string::npos && !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
  if (!good) return wrong.add("--secret", word, "NAME=FILE");
  auto source = canonical(word.substr(equals + 1));
  struct stat status {};
  if (!source || ::stat(source->c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return wrong.add("--secret", word, "a file that exists");
  }
  if ((status.st_mode & 077U) != 0 && !flags.force) return wrong.add("--secret", word, "a file of mode 0600 or 0400, or --force");
  if (!in_memory(*source) && !flags.force) {
    return wrong.add("--secret", word, "a file in memory (on a tmpfs such as /run or /dev/shm), or --force");
  }
  document["mounts"].push_back({{"destination", "/run/secrets/" + name},
                                {"type", "bind"},
                                {"source", *source},
                                {"options", {"bind", "ro", "nosuid", "nodev", "noexec"}}});
}

void add_secrets(const SpecFlags& flags, json& document, Wrong& wrong) {
  if (flags.secrets.empty()) return;
  document["mounts"].push_back({{"destination", "/run/secrets"},
                                {"type", "tmpfs"},
                                {"source", "tmpfs"},
                                {"options", {"nosuid", "nodev", "noexec", "mode=0755", "size=1m"}}});
  for (const std::string& word : flags.secrets) add_secret(flags, word, document, wrong);
}

void add_hook(const std::string& word, json& document, Wrong& wrong) {
  constexpr std::array<std::string_view, 6> kinds = {"prestart",       "createRuntime", "createContainer",
                                                     "startContainer", "poststart",     "poststop"};
  std::size_t equals = word.find('=');
  std::string kind = word.substr(0, equals);
  std::vector<std::string> args = equals == std::string::npos ? std::vector<std::string>() : split(word.substr(equals + 1), ',');
  bool good = std::find(kinds.begin(), kinds.end(), kind) != kinds.end() && !args.empty() && args[0].starts_with('/');
  if (!good)
    return wrong.add(
        "--hook", word,
        "KIND=/PATH[,ARGUMENT…] with prestart, createRuntime, createContainer, startContainer, poststart or poststop");
  document["hooks"][kind].push_back({{"path", args[0]}, {"args", args}, {"env", json::array()}, {"timeout", 30}});
}

void add_namespace(const std::string& word, json& document, Wrong& wrong) {
  std::size_t equals = word.find('=');
  std::string type = word.substr(0, equals);
  constexpr std::array<std::string_view, 8> types = {"pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"};
  std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
  bool good = std::find(types.begin(), types.end(), type) != types.end() &&
              (equals == std::string::npos || value == "host" || value.starts_with('/'));
  if (!good || (type == "mount" && value == "host")) return wrong.add("--namespace", word, "TYPE, TYPE=host or TYPE=/PATH");
  json& list = document["linux"]["namespaces"];
  list.erase(std::remove_if(list.begin(), list.end(), [&](const json& entry) { return entry["type"] == type; }), list.end());
  if (value == "host") return;
  json entry{{"type", type}};
  if (!value.empty()) entry["path"] = value;
  list.push_back(std::move(entry));
}

void add_id_maps(const char* flag, const char* key, const std::vector<std::string>& words, json& document, Wrong& wrong) {
  if (words.empty()) return;
  json maps = json::array();
  for (const std::string& word : words) {
    std::vector<std::string> parts = split(word, ':');
    std::vector<std::uint32_t> numbers;
    for (const std::string& part : parts) {
      if (auto number = whole_number<std::uint32_t>(part)) numbers.push_back(*number);
    }
    if (parts.size() != 3 || numbers.size() != 3 || numbers[2] == 0) return wrong.add(flag, word, "CONTAINER-ID:HOST-ID:SIZE");
    maps.push_back({{"containerID", numbers[0]}, {"hostID", numbers[1]}, {"size", numbers[2]}});
  }
  document["linux"][key] = std::move(maps);
}

/// NAME=VALUE flags that land in an object.
void add_pairs(const char* flag, const std::vector<std::string>& words, json& object, Wrong& wrong) {
  for (const std::string& word : words) {
    std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) return wrong.add(flag, word, "NAME=VALUE");
    object[word.substr(0, equals)] = word.substr(equals + 1);
  }
}

void add_rlimit(const std::string& word, json& process, Wrong& wrong) {
  std::size_t equals = word.find('=');
  std::vector<std::string> values =
      equals == std::string::npos ? std::vector<std::string>() : split(std::string_view(word).substr(equals + 1), ':');
  auto soft = values.empty() ? std::nullopt : whole_number<std::uint64_t>(values.front());
  auto hard = values.empty() ? std::nullopt : whole_number<std::uint64_t>(values.back());
  if (values.size() > 2 || !soft || !hard || *soft > *hard) return wrong.add("--rlimit", word, "NAME=SOFT[:HARD]");
  std::string name = word.substr(0, equals);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char letter) { return std::toupper(letter); });
  if (!name.starts_with("RLIMIT_")) name.insert(0, "RLIMIT_");
  json& list = process["rlimits"];
  list.erase(std::remove_if(list.begin(), list.end(), [&](const json& entry) { return entry["type"] == name; }), list.end());
  list.push_back({{"type", name}, {"hard", *hard}, {"soft", *soft}});
}

void apply_process(const SpecFlags& flags, json& process, Wrong& wrong) {
  process["terminal"] = flags.terminal;
  if (!flags.command.empty()) process["args"] = flags.command;
  if (flags.cwd) process["cwd"] = *flags.cwd;
  if (flags.user) {
    auto user = parse_user(*flags.user);
    if (!user) wrong.add("--user", *flags.user, "UID or UID:GID in plain decimal numbers");
    if (user) process["user"] = {{"uid", user->uid}, {"gid", user->gid.value_or(user->uid)}};
  }
  for (const std::string& entry : flags.env) {
    if (entry.find('=') == std::string::npos || entry.front() == '=') wrong.add("--env", entry, "NAME=VALUE");
    process["env"].push_back(entry);
  }
  json names = json::array();
  for (const std::string& word : flags.capabilities) {
    auto number = parse_capability(word);
    if (!number) wrong.add("--cap", word, "the name of a capability");
    if (number) names.push_back(capability_name(*number));
  }
  process["capabilities"] = {{"bounding", names}, {"effective", names}, {"permitted", names}};
  for (const std::string& word : flags.rlimits) add_rlimit(word, process, wrong);
}

void apply_resources(const SpecFlags& flags, json& resources, Wrong& wrong) {
  if (flags.memory) {
    auto bytes = byte_size(*flags.memory);
    if (!bytes) wrong.add("--memory", *flags.memory, "a number of bytes like 512M");
    if (bytes) resources["memory"] = {{"limit", *bytes}};
  }
  if (flags.cpus) {
    constexpr std::int64_t period = 100'000;
    char* end = nullptr;
    double cpus = ::strtod(flags.cpus->c_str(), &end);
    bool good = !flags.cpus->empty() && *end == '\0' && std::isfinite(cpus) && cpus >= 0.01 && cpus <= 4096;
    if (!good) wrong.add("--cpus", *flags.cpus, "a number of CPUs like 1.5");
    if (good) resources["cpu"] = {{"quota", static_cast<std::int64_t>(cpus * period)}, {"period", period}};
  }
  resources["pids"] = {{"limit", flags.pids.value_or(default_pids)}};
}

}  // namespace

bool SpecFlags::any() const {
  bool lists = false;
  for (const auto* list : {&command, &env, &capabilities, &rlimits, &volumes, &tmpfs, &secrets, &hooks, &namespaces, &uid_maps,
                           &gid_maps, &sysctls, &annotations}) {
    lists = lists || !list->empty();
  }
  return lists || hostname || cwd || user || rootfs || cgroup || profile || memory || cpus || sd_notify || pids || terminal ||
         writable_root;
}

std::string sensitive_source(const std::string& path) {
  constexpr std::array<std::string_view, 4> trees = {"/proc", "/sys", "/dev", "/boot"};
  for (std::string_view tree : trees) {
    if (path == tree || path.starts_with(std::string(tree) + "/")) return fmt::format("{} belongs to the machine", tree);
  }
  constexpr std::array<std::string_view, 10> whole = {"/",    "/etc", "/root", "/usr",     "/var",
                                                      "/run", "/lib", "/home", "/var/lib", "/var/run"};
  if (std::find(whole.begin(), whole.end(), path) != whole.end()) return fmt::format("{} as a whole is the machine's", path);
  for (std::string_view secret : {"/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/ssh", "/root/.ssh", "/etc/warder"}) {
    if (path == secret || path.starts_with(std::string(secret) + "/")) return fmt::format("{} guards the machine", secret);
  }
  for (std::string_view socket : {"docker.sock", "containerd.sock", "podman.sock", "crio.sock", "system_bus_socket", "notify"}) {
    if (path.ends_with("/" + std::string(socket))) return "the socket of an engine or service manager is root on the machine";
  }
  return {};
}

Result<json> build_spec(const SpecFlags& flags, SpecKind kind) {
  json document = spec_document(kind);
  if (!flags.any()) return document;
  Wrong wrong;
  apply_process(flags, document["process"], wrong);
  document["root"] = {{"path", flags.rootfs.value_or("rootfs")}, {"readonly", !flags.writable_root}};
  if (flags.hostname) document["hostname"] = *flags.hostname;
  for (const std::string& word : flags.volumes) add_volume(flags, word, document, wrong);
  for (const std::string& word : flags.tmpfs) add_tmpfs(word, document, wrong);
  add_secrets(flags, document, wrong);
  for (const std::string& word : flags.hooks) add_hook(word, document, wrong);
  for (const std::string& word : flags.namespaces) add_namespace(word, document, wrong);
  bool maps = !flags.uid_maps.empty() || !flags.gid_maps.empty();
  if (maps && kind == SpecKind::rootful) add_namespace("user", document, wrong);
  add_id_maps("--uidmap", "uidMappings", flags.uid_maps, document, wrong);
  add_id_maps("--gidmap", "gidMappings", flags.gid_maps, document, wrong);
  if (!flags.sysctls.empty()) add_pairs("--sysctl", flags.sysctls, document["linux"]["sysctl"], wrong);
  if (!flags.annotations.empty()) add_pairs("--annotation", flags.annotations, document["annotations"], wrong);
  if (flags.profile) document["annotations"]["io.warder.profile"] = *flags.profile;
  if (flags.sd_notify) {
    bool known = *flags.sd_notify == "container" || *flags.sd_notify == "ignore";
    if (!known) wrong.add("--sd-notify", *flags.sd_notify, "container or ignore");
    if (known) document["annotations"]["io.warder.sd-notify"] = *flags.sd_notify;
  }
  if (flags.cgroup) document["linux"]["cgroupsPath"] = *flags.cgroup;
  if (kind == SpecKind::rootful) apply_resources(flags, document["linux"]["resources"], wrong);
  if (!wrong.text().empty()) return Error::user(wrong.text());
  // What the flags say about each other (a sysctl without its namespace, …) is config.json's own check.
  Warnings warnings;
  auto checked = parse_config(document.dump(), "/", warnings);
  if (!checked.ok()) return std::move(checked).error();
  return document;
}

}  // namespace warder::runtime
