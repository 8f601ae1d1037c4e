#include "policy/request.h"

#include <array>

#include "policy/address_text.h"
#include "policy/groups.h"
#include "policy/spelling.h"

namespace warder::policy {
namespace {

/// Why `path` is not canonical, or nothing.
std::optional<std::string> path_fault(std::string_view path) {
  const std::string named = "path '" + std::string(path) + "' ";
  if (!path.starts_with('/')) return named + "is not absolute; accepted: a canonical path in the container";
  if (path.size() > 1 && path.ends_with('/')) return named + "ends in '/'; accepted: a canonical path in the container";
  for (std::size_t i = 0; i < path.size() && path != "/";) {
    const std::size_t end = std::min(path.find('/', i + 1), path.size());
    const auto component = path.substr(i + 1, end - i - 1);
    if (component.empty() || component == "." || component == "..") {
      return named + "has an empty, '.' or '..' component; accepted: a canonical path in the container";
    }
    i = end;
  }
  return std::nullopt;
}

std::vector<std::string_view> operation_words() {
  std::vector<std::string_view> words = {"stat", "move", "connect", "bind", "listen", "send", "socket", "syscall"};
  for (int bit = 0; bit < right_count; ++bit) words.push_back(right_name(static_cast<Right>(1U << bit)));
  return words;
}

Result<Request> address_request(Request request, NetOperation operation) {
  request.kind = Request::Kind::address;
  request.operation = operation;
  auto endpoint = parse_endpoint(request.object, request.host);
  if (!endpoint) return std::move(endpoint).error();
  request.endpoint = *endpoint;
  if (endpoint->transport == Transport::unix_path) {
    if (const auto fault = path_fault(endpoint->name)) return Error::user(*fault);
  }
  return request;
}

}  // namespace

Result<Request> parse_request(std::string_view operation, std::string_view object) {
  Request request;
  request.text = std::string(operation) + " " + std::string(object);
  request.object = object;
  if (operation == "connect") return address_request(std::move(request), NetOperation::connect);
  if (operation == "bind") return address_request(std::move(request), NetOperation::bind);
  if (operation == "listen") return address_request(std::move(request), NetOperation::listen);
  if (operation == "send") return address_request(std::move(request), NetOperation::send);
  if (operation == "socket") {
    request.kind = Request::Kind::family;
    request.number = WARDER_TRY(parse_family(object));
    return request;
  }
  if (operation == "syscall") {
    request.kind = Request::Kind::syscall;
    const auto number = syscall_number(object);
    if (!number) return Error::user("unknown system call '" + request.object + "'; accepted: the names of x86-64");
    request.number = *number;
    return request;
  }
  const std::size_t space = object.find(" /");
  const bool moves_file = (operation == "rename" || operation == "link") && space != std::string_view::npos;
  if (operation == "move" || moves_file) {
    request.kind = moves_file ? Request::Kind::file_move : Request::Kind::move;
    if (space == std::string_view::npos) return Error::user("a move needs two paths; accepted: move FROM TO");
    if (moves_file) request.wanted = *parse_right(operation);
    request.object = object.substr(0, space);
    request.target = object.substr(space + 1);
    if (const auto fault = path_fault(request.target)) return Error::user(*fault);
  } else if (const auto right = parse_right(operation)) {
    request.wanted = *right;
  } else if (operation != "stat") {
    return Error::user(unknown_word("operation", operation, operation_words()));
  }
  if (const auto fault = path_fault(request.object)) return Error::user(*fault);
  return request;
}

Verdict decide(const Profile& profile, const Request& request) {
  switch (request.kind) {
    case Request::Kind::path:
      return decide_path(profile, request.object, request.wanted);
    case Request::Kind::move: {
      // What renameat2 asks of a directory: the right on both names, then what happens to everything below.
      for (const auto& name : {request.object, request.target}) {
        const Verdict verdict = decide_path(profile, name, Right::rename);
        if (!verdict.allowed || verdict.would_refuse) return verdict;
      }
      return decide_move(profile, request.object, request.target);
    }
    case Request::Kind::file_move:
      return decide_file_move(profile, request.object, request.target,
                              request.wanted.any(Right::link) ? Right::link : Right::rename);
    case Request::Kind::address: {
      Endpoint endpoint = request.endpoint;
      if (!endpoint.name.empty()) endpoint.name = std::string_view(request.object).substr(request.object.find(' ') + 1);
      const std::string_view host = request.host;
      if (!host.empty()) endpoint.hosts = std::span(&host, 1);
      return decide_address(profile, request.operation, endpoint);
    }
    case Request::Kind::family:
      return decide_family(profile, request.number);
    case Request::Kind::syscall:
      return decide_syscall(profile, request.number);
  }
  return {};
}

}  // namespace warder::policy
