#include "policy/load.h"

#include <algorithm>

#include "policy/layers.h"
#include "policy/parse.h"
#include "policy/sha256.h"

namespace warder::policy {
namespace {

// The profile of a container for which no file exists. Its effect is described in warder-profile(5), "Built-in default".
constexpr std::string_view builtin_text =
    "warder: 1\n"
    "description: Built-in default, the hardening set alone\n"
    "audit: cheap\n";

LayerFile layer_file(FileText&& file) {
  return {file.state == FileText::State::found, std::move(file.file), std::move(file.text), std::move(file.findings)};
}

bool contains(const std::vector<std::string>& list, const std::string& file) {
  return std::find(list.begin(), list.end(), file) != list.end();
}

FileAnswer answer_of(const std::string& directory, const std::string& name, const FileText& file) {
  FileAnswer answer{directory, name, file.state, "", false};
  if (file.state != FileText::State::found) return answer;
  answer.hash = sha256_text(file.text);
  answer.names_us = file.text.find("${") != std::string::npos;
  return answer;
}

/// Finds, merges and checks, collecting findings on the way.
class Loader {
 public:
  explicit Loader(const LoadRequest& request, std::vector<FileAnswer>* asked = nullptr)
      : request_(request), variables_{request.hostname, request.container_id}, asked_(asked) {}

  Location locate() {
    read_config();
    check_names();
    Location location;
    if (!failed()) {
      if (auto found = request_.annotation ? by_annotation() : by_hostname()) {
        location.profile = ProfileFile{found->name, found->file.file, std::move(found->file.text)};
      }
    }
    location.mode = mode_;
    location.config = std::move(outcome_.config);
    location.findings = std::move(outcome_.findings);
    return location;
  }

  LoadOutcome load(Location&& location) {
    mode_ = location.mode;
    outcome_.config = std::move(location.config);
    outcome_.findings = std::move(location.findings);
    if (location.profile) {
      ProfileFile& found = *location.profile;
      finish(Found{found.name, LayerFile{true, found.file, std::move(found.text), {}}});
    }
    return std::move(outcome_);
  }

  LoadOutcome by_name(std::string_view name_or_file) {
    read_config();
    if (name_or_file == "builtin") {
      finish(Found{"builtin", builtin()});
    } else if (name_or_file.find('/') != std::string_view::npos || name_or_file.ends_with(".yaml")) {
      finish(given_file(std::string(name_or_file)));
    } else {
      finish(named(std::string(name_or_file), "profile"));
    }
    return std::move(outcome_);
  }

 private:
  struct Found {
    std::string name;
    LayerFile file;
  };

  [[nodiscard]] bool failed() const { return has_errors(outcome_.findings); }
  void error(std::string text) { outcome_.findings.push_back({Source{}, std::move(text), false}); }
  void keep(std::vector<Finding>&& findings) {
    outcome_.findings.insert(outcome_.findings.end(), findings.begin(), findings.end());
  }

  static LayerFile builtin() { return {true, std::make_shared<const std::string>("builtin"), std::string(builtin_text), {}}; }

  void read_config() {
    auto read = load_config(request_.where);
    outcome_.config = read.config;
    keep(std::move(read.findings));
  }

  void check_names() {
    const auto check = [&](std::string_view what, std::string_view name) {
      if (const auto fault = name_fault(name)) error(std::string(what) + " '" + std::string(name.substr(0, 300)) + "' " + *fault);
    };
    if (!request_.joins_uts_namespace) {
      check("hostname", request_.hostname);
      check("domainname", request_.domainname);
    }
    check_mode();
    if (!request_.annotation) return;
    check("annotation io.warder.profile", *request_.annotation);
    if (request_.annotation->empty()) error("annotation io.warder.profile is empty; accepted: the name of a profile");
    if (*request_.annotation == "mandatory") error("annotation io.warder.profile names the ceiling; accepted: any other profile");
    if (!outcome_.config.allow_annotation) {
      error("annotation io.warder.profile is given, but " + request_.where.config_file + " says allow-annotation: false");
    }
  }

  /// The mode that the annotation asks for, where the administrator lets it.
  void check_mode() {
    if (!request_.mode) return;
    constexpr std::string_view annotation = "annotation io.warder.mode";
    const std::string& word = *request_.mode;
    if (word != "audit" && word != "learn") {
      return error(std::string(annotation) + " is '" + word.substr(0, 300) + "'; accepted: audit, learn");
    }
    const Mode mode = word == "learn" ? Mode::learn : Mode::audit;
    const auto& allowed = outcome_.config.allow_modes;
    if (std::find(allowed.begin(), allowed.end(), mode) == allowed.end()) {
      return error(std::string(annotation) + " asks for mode " + word + ", but " + request_.where.config_file +
                   " does not say allow-modes: [" + word + "]");
    }
    mode_ = mode;
  }

  /// `name` from the directories, then stock, leaving out files that are in use already.
  FileText find(const std::string& name, const std::vector<std::string>& in_use) {
    for (const auto* list : {&request_.where.directories, &request_.where.stock}) {
      for (const auto& directory : *list) {
        if (contains(in_use, directory + "/" + name + ".yaml")) continue;
        auto file = read(directory, name + ".yaml");
        if (file.state != FileText::State::absent) return file;
      }
    }
    return {};
  }

  FileText read(const std::string& directory, const std::string& file_name) {
    auto file = read_profile_file(directory, file_name, FileTrust::provided);
    if (asked_ != nullptr) asked_->push_back(answer_of(directory, file_name, file));
    return file;
  }

  [[nodiscard]] std::string searched() const {
    std::string text;
    for (const auto* list : {&request_.where.directories, &request_.where.stock}) {
      for (const auto& directory : *list) text += (text.empty() ? "" : ", ") + directory;
    }
    return text;
  }

  std::optional<Found> named(const std::string& name, std::string_view what) {
    if (const auto fault = name_fault(name)) {
      error(std::string(what) + " '" + name + "' " + *fault);
      return std::nullopt;
    }
    auto file = find(name, {});
    if (file.state == FileText::State::found) return Found{name, layer_file(std::move(file))};
    if (file.state == FileText::State::absent) {
      error(std::string(what) + " '" + name + "' is in none of the profile directories (" + searched() + ")");
    }
    keep(std::move(file.findings));
    return std::nullopt;
  }

  std::optional<Found> by_annotation() { return named(*request_.annotation, "annotation io.warder.profile:"); }

  std::optional<Found> by_hostname() {
    const bool keyless = request_.joins_uts_namespace;
    const auto list = keyless ? candidates("", "") : candidates(request_.hostname, request_.domainname);
    for (const auto& directory : request_.where.directories) {
      for (const auto& candidate : list) {
        auto file = candidate.longest_template ? read_longest_template(directory, candidate.name)
                                               : read_profile_file(directory, candidate.name + ".yaml", FileTrust::provided);
        if (file.state == FileText::State::absent) continue;
        keep(std::move(file.findings));
        if (file.state == FileText::State::refused) return std::nullopt;
        return Found{profile_name(*file.file), layer_file(std::move(file))};
      }
    }
    return without_profile();
  }

  std::optional<Found> without_profile() {
    if (outcome_.config.when_no_profile == WhenNoProfile::refuse) {
      error("there is no profile for hostname '" + request_.hostname + "' in " + searched() + ", and " +
            request_.where.config_file + " says when-no-profile: refuse");
      return std::nullopt;
    }
    for (const auto& directory : request_.where.stock) {
      auto file = read_profile_file(directory, "default.yaml", FileTrust::provided);
      keep(std::move(file.findings));
      if (file.state == FileText::State::refused) return std::nullopt;
      if (file.state == FileText::State::found) return Found{"default", layer_file(std::move(file))};
    }
    return Found{"builtin", builtin()};
  }

  std::optional<Found> given_file(const std::string& path) {
    const std::size_t slash = path.find_last_of('/');
    const std::string directory = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    auto file = read_profile_file(directory, slash == std::string::npos ? path : path.substr(slash + 1), FileTrust::given);
    if (file.state == FileText::State::absent) error("file '" + path + "' does not exist");
    if (file.state == FileText::State::found) file.file = std::make_shared<const std::string>(path);
    keep(std::move(file.findings));
    if (file.state != FileText::State::found) return std::nullopt;
    return Found{profile_name(path), layer_file(std::move(file))};
  }

  static std::string profile_name(const std::string& path) {
    const std::size_t slash = path.find_last_of('/');
    const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    return name.ends_with(".yaml") ? name.substr(0, name.size() - 5) : name;
  }

  MergeOutcome merge(const Found& found) {
    const LayerSource source = [&](std::string_view name, const std::vector<std::string>& in_use) {
      return layer_file(find(std::string(name), in_use));
    };
    return merge_layers(found.name, found.file, source, variables_);
  }

  /// The ceilings, one below the other: the first directory's is asked first.
  std::shared_ptr<const Profile> ceiling() {
    std::shared_ptr<const Profile> top;
    for (const auto& directory : request_.where.mandatory) {
      auto file = read(directory, "mandatory.yaml");
      keep(std::move(file.findings));
      if (file.state != FileText::State::found) continue;
      auto merged = merge(Found{"mandatory", layer_file(std::move(file))});
      keep(std::move(merged.findings));
      merged.profile.ceiling = top;
      top = std::make_shared<const Profile>(std::move(merged.profile));
    }
    return top;
  }

  void finish(const std::optional<Found>& found) {
    if (!found) return;
    auto merged = merge(*found);
    keep(std::move(merged.findings));
    merged.profile.ceiling = ceiling();
    if (failed()) return;
    if (mode_) {
      merged.profile.mode = *mode_;
      merged.profile.mode_by_annotation = true;
    }
    outcome_.profile = std::move(merged.profile);
  }

  const LoadRequest& request_;
  Variables variables_;
  std::vector<FileAnswer>* asked_;
  std::optional<Mode> mode_;
  LoadOutcome outcome_;
};

}  // namespace

ConfigOutcome load_config(const ProfileDirectories& where) {
  const std::string& path = where.config_file;
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return {};
  auto file = read_profile_file(path.substr(0, slash), path.substr(slash + 1), FileTrust::provided);
  ConfigOutcome outcome;
  if (file.state == FileText::State::found) outcome = parse_config(file.text, file.file);
  outcome.findings.insert(outcome.findings.begin(), file.findings.begin(), file.findings.end());
  return outcome;
}

bool still_answers(const FileAnswer& answer) {
  const FileText file = read_profile_file(answer.directory, answer.name, FileTrust::provided);
  return file.state == answer.state && (file.state != FileText::State::found || sha256_text(file.text) == answer.hash);
}

Location locate_for_container(const LoadRequest& request) { return Loader(request).locate(); }

LoadOutcome load_located(const LoadRequest& request, Location&& location, std::vector<FileAnswer>* asked) {
  return Loader(request, asked).load(std::move(location));
}

LoadOutcome load_for_container(const LoadRequest& request) { return load_located(request, locate_for_container(request)); }

LoadOutcome load_by_name(std::string_view name_or_file, const LoadRequest& request) {
  return Loader(request).by_name(name_or_file);
}

Profile builtin_profile() {
  const auto file = std::make_shared<const std::string>("builtin");
  const LayerSource nothing = [](std::string_view, const std::vector<std::string>&) { return LayerFile{}; };
  return merge_layers("builtin", LayerFile{true, file, std::string(builtin_text), {}}, nothing, {}).profile;
}

std::string findings_text(const std::vector<Finding>& findings) {
  std::string text;
  for (const auto& finding : findings) {
    if (finding.lint) continue;
    if (!text.empty()) text += '\n';
    text += finding_text(finding);
  }
  return text;
}

}  // namespace warder::policy
