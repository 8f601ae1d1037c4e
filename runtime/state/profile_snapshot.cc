#include "runtime/state/profile_snapshot.h"

#include <nlohmann/json.hpp>

namespace warder::runtime {

using nlohmann::json;

std::string snapshot_to_json(const policy::Snapshot& snapshot) {
  json chain = json::array();
  for (const auto& files : snapshot.chain) {
    json list = json::array();
    for (const auto& one : files) list.push_back({{"name", one.name}, {"file", one.file}, {"text", one.text}});
    chain.push_back(std::move(list));
  }
  json whole{{"version", 1}, {"hostname", snapshot.hostname}, {"chain", std::move(chain)}};
  if (snapshot.mode) whole["mode"] = static_cast<int>(*snapshot.mode);
  // A file name or a comment may hold bytes that are no UTF-8; they stand for nothing that a rule says.
  return whole.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<policy::Snapshot> snapshot_from_json(std::string_view text) {
  policy::Snapshot snapshot;
  try {
    const json whole = json::parse(text);
    if (whole.at("version") != 1) return Error::user("profile.json: written by another version of warder");
    snapshot.hostname = whole.at("hostname");
    for (const auto& list : whole.at("chain")) {
      auto& files = snapshot.chain.emplace_back();
      for (const auto& one : list) files.push_back({one.at("name"), one.at("file"), one.at("text")});
    }
    if (const auto mode = whole.find("mode"); mode != whole.end()) {
      const int number = mode->get<int>();
      if (number < 0 || number > static_cast<int>(policy::Mode::learn)) return Error::user("profile.json: a mode that is none");
      snapshot.mode = static_cast<policy::Mode>(number);
    }
  } catch (const json::exception& fault) {
    return Error::user(std::string("profile.json: ") + fault.what());
  }
  return snapshot;
}

}  // namespace warder::runtime
