// sd-bus, loaded at run time. Host process of a command.
#include "runtime/cgroups/systemd_bus.h"

#include <dlfcn.h>
#include <systemd/sd-bus.h>

#include <chrono>
#include <cstdlib>
#include <utility>

namespace warder::runtime {

namespace {

constexpr const char* service = "org.freedesktop.systemd1";
constexpr const char* manager_path = "/org/freedesktop/systemd1";
constexpr const char* manager = "org.freedesktop.systemd1.Manager";
constexpr std::chrono::seconds patience{25};

/// The functions of libsystemd that are used here.
struct Library {
  decltype(&::sd_bus_open_system) open_system = nullptr;
  decltype(&::sd_bus_open_user) open_user = nullptr;
  decltype(&::sd_bus_flush_close_unref) close = nullptr;
  decltype(&::sd_bus_message_new_method_call) new_call = nullptr;
  decltype(&::sd_bus_message_unref) unref = nullptr;
  decltype(&::sd_bus_message_open_container) open_container = nullptr;
  decltype(&::sd_bus_message_close_container) close_container = nullptr;
  decltype(&::sd_bus_message_append_basic) append_basic = nullptr;
  decltype(&::sd_bus_message_append_array) append_array = nullptr;
  decltype(&::sd_bus_message_read_basic) read_basic = nullptr;
  decltype(&::sd_bus_call) call = nullptr;
  decltype(&::sd_bus_error_free) error_free = nullptr;
  decltype(&::sd_bus_match_signal) match_signal = nullptr;
  decltype(&::sd_bus_slot_unref) slot_unref = nullptr;
  decltype(&::sd_bus_process) process = nullptr;
  decltype(&::sd_bus_wait) wait = nullptr;
  decltype(&::sd_bus_get_property_string) get_string = nullptr;
};

/// Loaded once and kept: the process ends soon.
Result<Library> load_library() {
  void* handle = ::dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr)
    return Error(Fault::environment, std::string("the systemd cgroup manager needs libsystemd: ") + ::dlerror());
  Library library;
  bool complete = true;
  auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(::dlsym(handle, name));
    complete = complete && function != nullptr;
  };
  find(library.open_system, "sd_bus_open_system");
  find(library.open_user, "sd_bus_open_user");
  find(library.close, "sd_bus_flush_close_unref");
  find(library.new_call, "sd_bus_message_new_method_call");
  find(library.unref, "sd_bus_message_unref");
  find(library.open_container, "sd_bus_message_open_container");
  find(library.close_container, "sd_bus_message_close_container");
  find(library.append_basic, "sd_bus_message_append_basic");
  find(library.append_array, "sd_bus_message_append_array");
  find(library.read_basic, "sd_bus_message_read_basic");
  find(library.call, "sd_bus_call");
  find(library.error_free, "sd_bus_error_free");
  find(library.match_signal, "sd_bus_match_signal");
  find(library.slot_unref, "sd_bus_slot_unref");
  find(library.process, "sd_bus_process");
  find(library.wait, "sd_bus_wait");
  find(library.get_string, "sd_bus_get_property_string");
  if (!complete) return Error(Fault::environment, "the systemd cgroup manager: libsystemd.so.0 is too old");
  return library;
}

Error bus_error(const char* what, int code) { return Error::syscall(std::string("systemd: ") + what, -code); }

/// A message, freed at the end; append functions remember the first failure.
class Call {
 public:
  Call(const Library& library, sd_bus* bus, const char* path, const char* interface, const char* member) : library_(library) {
    keep(library.new_call(bus, &message_, service, path, interface, member));
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() { library_.unref(message_); }

  void open(char type, const char* contents) { keep(failed_ < 0 ? failed_ : library_.open_container(message_, type, contents)); }
  void close() { keep(failed_ < 0 ? failed_ : library_.close_container(message_)); }
  void text(const std::string& text) { keep(failed_ < 0 ? failed_ : library_.append_basic(message_, 's', text.c_str())); }
  template <class Value>
  void basic(char type, const Value& value) {
    keep(failed_ < 0 ? failed_ : library_.append_basic(message_, type, &value));
  }
  template <class Value>
  void array(char type, const std::vector<Value>& values) {
    keep(failed_ < 0 ? failed_ : library_.append_array(message_, type, values.data(), values.size() * sizeof(Value)));
  }
  void variant(const UnitValue& value);
  void properties(const std::vector<UnitProperty>& properties);

  [[nodiscard]] sd_bus_message* message() const { return message_; }
  [[nodiscard]] int failed() const { return failed_; }

 private:
  void keep(int code) {
    if (failed_ >= 0 && code < 0) failed_ = code;
  }

  const Library& library_;
  sd_bus_message* message_ = nullptr;
  int failed_ = 0;
};

/// One alternative of UnitValue as a D-Bus variant.
struct AppendVariant {
  Call& call;

  template <class Value>
  void basic(const char* type, Value value) const {
    call.open('v', type);
    call.basic(type[0], value);
    call.close();
  }
  template <class Value>
  void array(const char* type, const std::vector<Value>& values) const {
    call.open('v', type);
    call.array(type[1], values);
    call.close();
  }
  void operator()(bool flag) const { basic("b", int{flag}); }
  void operator()(std::int32_t number) const { basic("i", number); }
  void operator()(std::uint32_t number) const { basic("u", number); }
  void operator()(std::int64_t number) const { basic("x", number); }
  void operator()(std::uint64_t number) const { basic("t", number); }
  void operator()(double number) const { basic("d", number); }
  void operator()(const std::vector<std::uint8_t>& list) const { array("ay", list); }
  void operator()(const std::vector<std::uint32_t>& list) const { array("au", list); }
  void operator()(const std::string& text) const {
    call.open('v', "s");
    call.text(text);
    call.close();
  }
  void operator()(const std::vector<std::string>& list) const {
    call.open('v', "as");
    call.open('a', "s");
    for (const std::string& one : list) call.text(one);
    call.close();
    call.close();
  }
};

void Call::variant(const UnitValue& value) { std::visit(AppendVariant{*this}, value); }

void Call::properties(const std::vector<UnitProperty>& properties) {
  open('a', "(sv)");
  for (const UnitProperty& property : properties) {
    open('r', "sv");
    text(property.name);
    variant(property.value);
    close();
  }
  close();
}

/// What a JobRemoved signal said of the job that is waited for. Signals of other jobs pass by.
struct JobWatch {
  const Library& library;
  std::vector<std::pair<std::string, std::string>> removed;  ///< object path, result
};

int on_job_removed(sd_bus_message* message, void* userdata, sd_bus_error*) {
  auto& watch = *static_cast<JobWatch*>(userdata);
  std::uint32_t id = 0;
  const char *path = nullptr, *unit = nullptr, *result = nullptr;
  if (watch.library.read_basic(message, 'u', &id) > 0 && watch.library.read_basic(message, 'o', &path) > 0 &&
      watch.library.read_basic(message, 's', &unit) > 0 && watch.library.read_basic(message, 's', &result) > 0) {
    watch.removed.emplace_back(path, result);
  }
  return 0;
}

/// The object path of a unit: what is no letter or digit is written as _XX.
std::string unit_path(const std::string& unit) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string path = "/org/freedesktop/systemd1/unit/";
  for (std::size_t at = 0; at < unit.size(); ++at) {
    char letter = unit[at];
    bool digit = letter >= '0' && letter <= '9';
    bool plain = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (digit && at > 0);
    if (plain) {
      path += letter;
      continue;
    }
    auto byte = static_cast<unsigned char>(letter);
    path += {'_', digits[byte >> 4U], digits[byte & 15U]};
  }
  return path;
}

bool is_unknown_unit(const std::string& name) {
  return name == "org.freedesktop.systemd1.NoSuchUnit" || name == "org.freedesktop.DBus.Error.UnknownObject";
}

}  // namespace

struct SystemdBus::Connection {
  Library library;
  sd_bus* bus = nullptr;
  std::string error_name;  ///< D-Bus name of the last call's error

  explicit Connection(const Library& loaded) : library(loaded) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { library.close(bus); }

  /// Sends and waits; `reply`, if given, is the caller's to unref.
  Result<void> send(const char* what, const Call& call, sd_bus_message** reply = nullptr) {
    error_name.clear();
    if (call.failed() < 0) return bus_error(what, call.failed());
    sd_bus_error error = SD_BUS_ERROR_NULL;
    constexpr auto limit = std::chrono::duration_cast<std::chrono::microseconds>(patience).count();
    int code = library.call(bus, call.message(), limit, &error, reply);
    if (code >= 0) return {};
    Error failure = bus_error(what, code);
    if (error.name != nullptr) {
      error_name = error.name;
      std::string words = error.message != nullptr ? error.message : error.name;
      failure = Error(Fault::environment, std::string("systemd: ") + what + ": " + words, -code);
    }
    library.error_free(&error);
    return failure;
  }

  /// A call that starts a job; returns when the job has ended.
  Result<void> run_job(const char* what, const Call& call);
};

Result<void> SystemdBus::Connection::run_job(const char* what, const Call& call) {
  JobWatch watch{library, {}};
  sd_bus_slot* slot = nullptr;
  int code = library.match_signal(bus, &slot, service, manager_path, manager, "JobRemoved", on_job_removed, &watch);
  if (code < 0) return bus_error("watch for the end of jobs", code);
  std::unique_ptr<sd_bus_slot, decltype(library.slot_unref)> watching(slot, library.slot_unref);
  sd_bus_message* reply = nullptr;
  WARDER_TRY(send(what, call, &reply));
  std::unique_ptr<sd_bus_message, decltype(library.unref)> kept(reply, library.unref);
  const char* path = nullptr;
  code = library.read_basic(reply, 'o', &path);
  if (code < 0) return bus_error(what, code);
  const std::string job = path;
  auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    for (const auto& [removed, result] : watch.removed) {
      if (removed != job) continue;
      if (result == "done") return {};
      return Error(Fault::environment, std::string("systemd: ") + what + ": the job ended with '" + result + "'");
    }
    watch.removed.clear();
    code = library.process(bus, nullptr);
    if (code < 0) return bus_error(what, code);
    if (code > 0) continue;
    auto left = std::chrono::duration_cast<std::chrono::microseconds>(end - std::chrono::steady_clock::now()).count();
    if (left <= 0) return Error::syscall(std::string("systemd: ") + what, ETIMEDOUT);
    code = library.wait(bus, static_cast<std::uint64_t>(left));
    if (code < 0 && code != -EINTR) return bus_error(what, code);
  }
}

SystemdBus::SystemdBus(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
SystemdBus::SystemdBus(SystemdBus&&) noexcept = default;
SystemdBus& SystemdBus::operator=(SystemdBus&&) noexcept = default;
SystemdBus::~SystemdBus() = default;

Result<SystemdBus> SystemdBus::connect(SystemdInstance instance) {
  auto connection = std::make_unique<Connection>(WARDER_TRY(load_library()));
  bool user = instance == SystemdInstance::user;
  int code = user ? connection->library.open_user(&connection->bus) : connection->library.open_system(&connection->bus);
  if (code < 0) {
    return bus_error(user ? "connect to the user's manager (a session with XDG_RUNTIME_DIR, or loginctl enable-linger; without "
                            "one: --cgroup-manager=cgroupfs)"
                          : "connect to the system bus (without systemd: --cgroup-manager=cgroupfs)",
                     code);
  }
  return SystemdBus(std::move(connection));
}

Result<void> SystemdBus::start_transient(const std::string& unit, const std::vector<UnitProperty>& properties) {
  Call call(connection_->library, connection_->bus, manager_path, manager, "StartTransientUnit");
  call.text(unit);
  call.text("fail");
  call.properties(properties);
  call.open('a', "(sa(sv))");
  call.close();
  return connection_->run_job(("make " + unit).c_str(), call);
}

Result<std::string> SystemdBus::control_group(const std::string& unit) {
  sd_bus_error error = SD_BUS_ERROR_NULL;
  char* text = nullptr;
  std::string interface = std::string(service) + (unit.ends_with(".slice") ? ".Slice" : ".Scope");
  int code = connection_->library.get_string(connection_->bus, service, unit_path(unit).c_str(), interface.c_str(),
                                             "ControlGroup", &error, &text);
  connection_->library.error_free(&error);
  if (code < 0) return bus_error(("cgroup of " + unit).c_str(), code);
  std::unique_ptr<char, decltype(&::free)> kept(text, &::free);
  if (*text != '/') return Error(Fault::environment, "systemd: " + unit + " has no cgroup");
  return std::string(text);
}

Result<void> SystemdBus::set_properties(const std::string& unit, const std::vector<UnitProperty>& properties) {
  if (properties.empty()) return {};
  Call call(connection_->library, connection_->bus, manager_path, manager, "SetUnitProperties");
  call.text(unit);
  call.basic('b', int{1});
  call.properties(properties);
  return connection_->send(("change " + unit).c_str(), call);
}

Result<void> SystemdBus::attach(const std::string& unit, pid_t pid) {
  Call call(connection_->library, connection_->bus, manager_path, manager, "AttachProcessesToUnit");
  call.text(unit);
  call.text("");
  call.array('u', std::vector<std::uint32_t>{static_cast<std::uint32_t>(pid)});
  return connection_->send(("move a process into " + unit).c_str(), call);
}

Result<void> SystemdBus::stop(const std::string& unit) {
  Call call(connection_->library, connection_->bus, manager_path, manager, "StopUnit");
  call.text(unit);
  call.text("replace");
  Result<void> stopped = connection_->run_job(("stop " + unit).c_str(), call);
  if (!stopped && is_unknown_unit(connection_->error_name)) return {};
  return stopped;
}

}  // namespace warder::runtime
