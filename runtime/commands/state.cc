// `warder state`: the OCI state object, and what is ours, on standard output.
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include "runtime/commands/container.h"
#include "runtime/commands/state_report.h"
#include "runtime/commands/verb.h"

namespace warder::runtime {
namespace {

/// Empty for root, who is not looked up: the name service reads more files than everything else here.
std::string owner_name(uid_t owner) {
  if (owner == 0) return {};
  const passwd* known = ::getpwuid(owner);
  return known != nullptr ? known->pw_name : std::to_string(owner);
}

}  // namespace

nlohmann::ordered_json state_report(const Container& container) {
  Status status = container.status();
  const ContainerState& state = container.state;
  nlohmann::ordered_json report{
      {"ociVersion", state.oci_version}, {"id", state.id},         {"pid", status == Status::stopped ? 0 : state.init.pid},
      {"status", status_word(status)},   {"bundle", state.bundle}, {"rootfs", state.rootfs},
      {"created", state.created}};
  nlohmann::ordered_json& annotations = report["annotations"];
  annotations = state.annotations;
  annotations["io.warder.profile.name"] = state.profile.name;
  annotations["io.warder.profile.file"] = state.profile.file;
  annotations["io.warder.profile.hash"] = state.profile.hash;
  std::string layers;
  for (const ProfileState::Layer& layer : state.profile.layers) {
    layers += fmt::format("{}{}={}", layers.empty() ? "" : " ", layer.name, layer.hash);
  }
  annotations["io.warder.profile.layers"] = layers;
  report["owner"] = owner_name(state.owner);
  return report;
}

namespace {

class State : public Verb {
 public:
  void define(Options& app) override { app.add_option("ID", id_, "the container").required(); }

  Result<int> run(const Context& context) override {
    Container container = WARDER_TRY(Container::open(context.root, id_));
    WARDER_TRY(print(state_report(container).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"));
    return 0;
  }

 private:
  std::string id_;
};

}  // namespace

std::unique_ptr<Verb> make_state() { return std::make_unique<State>(); }

}  // namespace warder::runtime
