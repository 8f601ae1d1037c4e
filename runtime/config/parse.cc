// config.json as a whole: version, root, mounts, hooks, annotations. No system calls.
#include "runtime/config/parse.h"

#include <fmt/format.h>

#include "runtime/config/sections.h"

namespace warder::runtime {
namespace section {

std::optional<std::string> normal_path(std::string_view path) {
  if (path.empty() || path.front() != '/') return std::nullopt;
  std::string out;
  std::size_t begin = 0;
  while (begin < path.size()) {
    std::size_t end = std::min(path.find('/', begin), path.size());
    std::string_view component = path.substr(begin, end - begin);
    begin = end + 1;
    if (component.empty() || component == ".") continue;
    if (component == "..") return std::nullopt;
    out.append("/").append(component);
  }
  return out.empty() ? "/" : out;
}

namespace {

void one_mount(const Node& node, Mount& mount) {
  std::string destination;
  if (node.child("destination").read(destination)) {
    // A relative destination is deprecated and means one below "/".
    auto normal = normal_path(destination.starts_with('/') ? destination : "/" + destination);
    if (destination.empty() || !normal) {
      node.child("destination").refuse("an absolute path without \"..\"");
    } else {
      mount.destination = *std::move(normal);
    }
  } else {
    node.child("destination").require("an absolute path");
  }
  node.child("type").read(mount.type);
  node.child("source").read(mount.source);
  node.child("options").read(mount.options);
  id_mappings(node.child("uidMappings"), mount.uid_mappings);
  id_mappings(node.child("gidMappings"), mount.gid_mappings);
  if (mount.uid_mappings.empty() != mount.gid_mappings.empty()) {
    node.refuse("uidMappings and gidMappings together, or neither");
  }
  if (mount.uid_mappings.empty()) return;
  bool binds = mount.type == "bind";
  for (const std::string& option : mount.options) binds = binds || option == "bind" || option == "rbind";
  if (!binds) node.refuse("uidMappings and gidMappings only on a bind mount");
}

void hook_list(const Node& node, std::vector<Hook>& out) {
  node.each([&](const Node& element) {
    if (!element.is_object()) return element.require("an object");
    Hook hook;
    if (!element.child("path").read(hook.path)) {
      element.child("path").require("an absolute path");
    } else if (!hook.path.starts_with('/')) {
      element.child("path").refuse("an absolute path");
    }
    element.child("args").read(hook.args);
    if (hook.args.empty()) hook.args.push_back(hook.path);
    element.child("env").read(hook.env);
    std::uint32_t seconds = 0;
    if (element.child("timeout").read(seconds, 1)) hook.timeout_seconds = seconds;
    out.push_back(std::move(hook));
  });
}

void annotations(const Node& node, Annotations& out) {
  node.each_member([&](const std::string& key, const Node& value) {
    std::string text;
    if (key.empty()) return node.refuse("annotations with a name");
    if (!value.read(text)) return value.require("a string");
    // Both replace the engine's filter by something that warder has not seen: a hardened runtime does not take that from a label.
    if (key == "run.oci.seccomp.plugins" || key == "run.oci.seccomp_bpf_data") {
      return value.refuse("no such annotation; write the filter in linux.seccomp");
    }
    out.emplace(key, std::move(text));
  });
}

void oci_version(const Node& node, std::string& out) {
  if (!node.read(out)) return node.require("a version from 1.0.0 on, below 2");
  if (!out.starts_with("1.") || out.size() < 3 || out[2] < '0' || out[2] > '9') {
    node.refuse("a version from 1.0.0 on, below 2");
  }
}

void root_section(const Node& node, const std::string& bundle, Root& out) {
  if (!node.is_object()) return node.require("an object with the path of the root file system");
  std::string path;
  if (!node.child("path").read(path)) return node.child("path").require("the path of the root file system");
  if (path.empty()) return node.child("path").refuse("a path, absolute or relative to the bundle");
  out.path = path.starts_with('/') ? path : bundle + "/" + path;
  node.child("readonly").read(out.read_only);
}

void other_platforms(const Node& root) {
  for (std::string_view word : {"windows", "solaris", "vm", "zos", "freebsd"}) {
    Node node = root.child(word);
    if (!node.empty()) node.refuse(fmt::format("no \"{}\" section; this runtime makes Linux containers", word));
  }
}

}  // namespace

void mounts(const Node& node, std::vector<Mount>& out) {
  node.each([&](const Node& element) {
    if (!element.is_object()) return element.require("an object");
    Mount mount;
    one_mount(element, mount);
    out.push_back(std::move(mount));
  });
}

void hooks(const Node& node, Hooks& out) {
  if (!node.is_object()) return;
  hook_list(node.child("prestart"), out.prestart);
  hook_list(node.child("createRuntime"), out.create_runtime);
  hook_list(node.child("createContainer"), out.create_container);
  hook_list(node.child("startContainer"), out.start_container);
  hook_list(node.child("poststart"), out.poststart);
  hook_list(node.child("poststop"), out.poststop);
}

}  // namespace section

Result<Spec> parse_config(std::string_view text, const std::string& bundle, Warnings& warnings) {
  nlohmann::json document = WARDER_TRY_WITH(parse_json(text), "config.json");
  Complaints complaints;
  Node root(document, complaints);
  root.require("an object");
  Spec spec;
  if (root.is_object()) {
    section::oci_version(root.child("ociVersion"), spec.oci_version);
    section::root_section(root.child("root"), bundle, spec.root);
    section::mounts(root.child("mounts"), spec.mounts);
    root.child("hostname").read(spec.hostname);
    root.child("domainname").read(spec.domainname);
    section::hooks(root.child("hooks"), spec.hooks);
    section::annotations(root.child("annotations"), spec.annotations);
    Node process = root.child("process");
    process.require("an object: what the container runs");
    section::process(process, spec.process, warnings);
    section::linux_section(root.child("linux"), spec.linux_);
    section::other_platforms(root);
    section::across(root, spec);
  }
  if (!complaints.empty()) return complaints.error("config.json");
  return spec;
}

Result<Process> parse_process(std::string_view text, Warnings& warnings) {
  nlohmann::json document = WARDER_TRY_WITH(parse_json(text), "process file");
  Complaints complaints;
  Node root(document, complaints);
  root.require("an object");
  Process process;
  section::process(root, process, warnings);
  if (!complaints.empty()) return complaints.error("process file");
  return process;
}

Result<std::vector<Mount>> parse_mounts(std::string_view text) {
  nlohmann::json document = WARDER_TRY_WITH(parse_json(text), "mounts");
  Complaints complaints;
  Node root(document, complaints);
  std::vector<Mount> mounts;
  if (document.is_array()) {  // as crun takes it
    section::mounts(root, mounts);
  } else if (root.is_object()) {
    Node list = root.child("mounts");
    if (list.empty()) list.refuse("an array of mounts");
    section::mounts(list, mounts);
  }
  if (!complaints.empty()) return complaints.error("mounts");
  return mounts;
}

Result<Resources> parse_resources(std::string_view text) {
  nlohmann::json document = WARDER_TRY_WITH(parse_json(text), "resources");
  Complaints complaints;
  Node root(document, complaints);
  root.require("an object");
  Resources resources;
  if (root.is_object()) section::resources(root, resources);
  if (!complaints.empty()) return complaints.error("resources");
  return resources;
}

}  // namespace warder::runtime
