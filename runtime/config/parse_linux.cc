// config.json's `linux`: namespaces, id maps, devices, sysctls, masks, personality. No system calls.
#include <sys/personality.h>

#include "runtime/config/sections.h"

namespace warder::runtime::section {
namespace {

constexpr Word<NamespaceType> namespace_words[] = {{"pid", NamespaceType::pid},     {"network", NamespaceType::network},
                                                   {"mount", NamespaceType::mount}, {"ipc", NamespaceType::ipc},
                                                   {"uts", NamespaceType::uts},     {"user", NamespaceType::user},
                                                   {"time", NamespaceType::time},   {"cgroup", NamespaceType::cgroup}};

constexpr Word<char> device_types[] = {{"c", 'c'}, {"u", 'c'}, {"b", 'b'}, {"p", 'p'}};

constexpr Word<bool> propagation_words[] = {{"private", true},    {"rprivate", true},    {"shared", true},
                                            {"rshared", true},    {"slave", true},       {"rslave", true},
                                            {"unbindable", true}, {"runbindable", true}, {"", true}};

constexpr Word<std::uint64_t> personality_domains[] = {{"LINUX", PER_LINUX}, {"LINUX32", PER_LINUX32}};

void namespaces(const Node& node, std::vector<Namespace>& out) {
  node.each([&](const Node& element) {
    if (!element.is_object()) return element.require("an object");
    Namespace entry;
    if (!read_word(element.child("type"), namespace_words, entry.type)) return element.child("type").require("a type");
    if (element.child("path").read(entry.path) && !entry.path.empty() && !entry.path.starts_with('/')) {
      element.child("path").refuse("an absolute path");
    }
    for (const Namespace& other : out) {
      if (other.type == entry.type) return element.child("type").refuse("each type once");
    }
    out.push_back(std::move(entry));
  });
}

void time_offsets(const Node& node, std::map<std::string, TimeOffset>& out) {
  node.each_member([&](const std::string& clock, const Node& value) {
    if (clock != "monotonic" && clock != "boottime") return value.refuse("offsets of \"monotonic\" and \"boottime\" only");
    TimeOffset offset;
    value.child("secs").read(offset.seconds);
    value.child("nanosecs").read(offset.nanoseconds, 0, 999'999'999);
    out.emplace(clock, offset);
  });
}

void device_number(const Node& node, const Device& device, std::int64_t& out) {
  if (device.type == 'p') return;
  if (!node.read(out, 0, 0xFFFFF)) node.require("a device number");
}

void devices(const Node& node, std::vector<Device>& out) {
  node.each([&](const Node& element) {
    if (!element.is_object()) return element.require("an object");
    Device device;
    if (!read_word(element.child("type"), device_types, device.type)) element.child("type").require("c, b, u or p");
    Node path = element.child("path");
    std::string text;
    if (path.read(text)) {
      auto normal = normal_path(text);
      if (normal && *normal != "/") {
        device.path = *std::move(normal);
      } else {
        path.refuse("an absolute path without \"..\"");
      }
    } else {
      path.require("an absolute path");
    }
    device_number(element.child("major"), device, device.major);
    device_number(element.child("minor"), device, device.minor);
    // Some engines give the whole st_mode; the type bits are ours to set.
    mode_t mode = 0;
    if (element.child("fileMode").read(mode)) device.file_mode = mode & 07777;
    element.child("uid").read(device.uid);
    element.child("gid").read(device.gid);
    out.push_back(std::move(device));
  });
}

bool good_sysctl_key(std::string_view key) {
  if (key.empty() || key.front() == '/' || key.front() == '.') return false;
  char last = '.';
  for (char letter : key) {
    bool separator = letter == '.' || letter == '/';
    bool before = last == '.' || last == '/';
    if (separator && before) return false;
    if (static_cast<unsigned char>(letter) <= ' ' || letter == '\x7f') return false;
    last = letter;
  }
  return last != '.' && last != '/';
}

void sysctls(const Node& node, std::map<std::string, std::string>& out) {
  node.each_member([&](const std::string& key, const Node& value) {
    std::string text;
    if (!value.read(text)) return value.require("a string");
    if (!good_sysctl_key(key)) return value.refuse("a key like net.ipv4.ip_forward");
    // One value is one write: a line break would be a second one to whoever replays it.
    if (text.find('\n') != std::string::npos) return value.refuse("a value without line breaks");
    out.emplace(key, std::move(text));
  });
}

void paths(const Node& node, std::vector<std::string>& out) {
  node.each([&](const Node& element) {
    std::string text;
    if (!element.read(text)) return element.require("an absolute path");
    auto normal = normal_path(text);
    if (!normal) return element.refuse("an absolute path without \"..\"");
    out.push_back(*std::move(normal));
  });
}

void personality_section(const Node& node, std::optional<Personality>& out) {
  if (!node.is_object()) return;
  Personality personality;
  if (!read_word(node.child("domain"), personality_domains, personality.domain)) {
    return node.child("domain").require("LINUX or LINUX32");
  }
  if (!node.child("flags").empty()) node.child("flags").refuse("no flags; the specification defines none");
  out = personality;
}

void cgroups_path(const Node& node, std::string& out) {
  if (!node.read(out)) return;
  std::string_view rest = out;
  while (!rest.empty()) {
    std::size_t end = std::min(rest.find('/'), rest.size());
    if (rest.substr(0, end) == "..") return node.refuse("a path without \"..\"");
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

}  // namespace

void id_mappings(const Node& node, std::vector<IdMapping>& out) {
  node.each([&](const Node& element) {
    if (!element.is_object()) return element.require("an object");
    IdMapping mapping;
    element.child("containerID").read(mapping.container_id);
    element.child("hostID").read(mapping.host_id);
    if (!element.child("size").read(mapping.size, 1)) element.child("size").require("a number of ids, 1 or more");
    auto too_far = [&](std::uint32_t first) { return std::uint64_t{first} + mapping.size > 0xFFFFFFFF; };
    if (too_far(mapping.container_id) || too_far(mapping.host_id)) element.refuse("ids below 2^32-1");
    out.push_back(mapping);
  });
}

void linux_section(const Node& node, Linux& out) {
  if (!node.is_object()) return;
  namespaces(node.child("namespaces"), out.namespaces);
  id_mappings(node.child("uidMappings"), out.uid_mappings);
  id_mappings(node.child("gidMappings"), out.gid_mappings);
  time_offsets(node.child("timeOffsets"), out.time_offsets);
  devices(node.child("devices"), out.devices);
  cgroups_path(node.child("cgroupsPath"), out.cgroups_path);
  Node resource_node = node.child("resources");
  if (resource_node.is_object()) resources(resource_node, out.resources);
  bool known = true;
  if (read_word(node.child("rootfsPropagation"), propagation_words, known)) {
    node.child("rootfsPropagation").read(out.rootfs_propagation);
  }
  Node seccomp_node = node.child("seccomp");
  if (seccomp_node.is_object()) seccomp(seccomp_node, out.seccomp.emplace());
  sysctls(node.child("sysctl"), out.sysctl);
  paths(node.child("maskedPaths"), out.masked_paths);
  paths(node.child("readonlyPaths"), out.readonly_paths);
  node.child("mountLabel").read(out.mount_label);
  personality_section(node.child("personality"), out.personality);
  net_devices(node.child("netDevices"), out.net_devices);
  memory_policy(node.child("memoryPolicy"), out.memory_policy);
  intel_rdt(node.child("intelRdt"), out.intel_rdt);
}

}  // namespace warder::runtime::section
