// The workload's DNS questions, from the private network where they arrive to the container's resolver and back. One thread of
// PID 1; note_asker() from any.
//
// A question that the profile does not allow is answered at once: there is no such name. Any other goes, written anew, to the
// very resolver that was asked, from a socket of its own in the container's network namespace. What the answer tells is known
// (KnownNames::tell) before the workload sees it. Datagrams are asked for by datagram, streams by stream. Nothing is remembered
// but what is under way, and that is bounded; nothing here waits for anybody.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>

#include <array>
#include <cstdint>
#include <list>
#include <string>
#include <vector>

#include "linux/fd.h"
#include "linux/result.h"
#include "supervisor/audit.h"
#include "supervisor/names/dns_message.h"
#include "supervisor/names/known_names.h"
#include "supervisor/names/private_sockets.h"

namespace warder::supervisor::names {

/// Who sent from a port of the private network; what it was called when it began to.
struct Asker {
  std::uint16_t port = 0;
  bool stream = false;
  pid_t process = 0, guest_pid = 0;
  uid_t uid = 0;
  std::string command, program;
};

class DnsExchange {
 public:
  static constexpr std::size_t max_pending = 128;
  static constexpr std::size_t max_connections = 32;
  static constexpr std::int64_t patience = 8000;  ///< milliseconds for the resolver, and for a client's whole question by stream
  static constexpr std::size_t max_askers = 64;

  DnsExchange(KnownNames& names, PrivateSockets& sockets, AuditLog& audit) : names_(names), sockets_(sockets), audit_(audit) {}
  DnsExchange(const DnsExchange&) = delete;
  DnsExchange& operator=(const DnsExchange&) = delete;

  /// Starts the thread. Main thread, once, after PrivateSockets::start().
  Result<void> start();
  void note_asker(Asker asker);

 private:
  /// Where an answer goes: to a datagram's sender or over a connection.
  struct Client {
    HostAddress server;  ///< that was asked
    std::uint16_t port = 0;
    std::uint64_t connection = 0;  ///< 0: by datagram
    sockaddr_storage from{};
    socklen_t from_size = 0;
  };
  struct Pending {
    Fd resolver;
    Question question;
    std::uint16_t id = 0;
    Client client;
    std::int64_t deadline = 0;
    std::vector<std::byte> bytes;  ///< by stream: still to be sent, or received so far
    bool sending = false;
    [[nodiscard]] bool stream() const { return client.connection != 0; }
  };
  struct Connection {
    std::uint64_t number = 0;
    Fd fd;
    Client client;
    std::int64_t deadline = 0;
    std::vector<std::byte> received, to_send;
    bool waiting = false;  ///< for the resolver
  };

  static void* run(void* self);
  void serve();
  [[nodiscard]] std::vector<pollfd> entries();
  void on_event(const pollfd& entry);
  [[nodiscard]] int timeout() const;
  void give_up(std::int64_t now);

  void receive_datagram(BorrowedFd socket);
  void accept(BorrowedFd listener);
  bool progress(Connection& connection);
  bool read_stream(Connection& connection);

  void take_question(std::span<const std::byte> message, const Client& client);
  void refuse(const Question& question, const Client& client, const policy::Endpoint& endpoint, const policy::Verdict& verdict);
  bool ask_resolver(Question question, const Client& client);
  bool read_answer(Pending& pending);
  bool read_datagram_answer(Pending& pending);
  bool read_stream_answer(Pending& pending);
  void take_answer(Pending& pending, std::vector<std::byte> message);
  void answer(const Client& client, const Question& question, std::vector<std::byte> message);
  [[nodiscard]] Asker asker_at(const Client& client);

  KnownNames& names_;
  PrivateSockets& sockets_;
  AuditLog& audit_;
  std::list<Pending> pending_;
  std::list<Connection> connections_;
  std::uint64_t last_connection_ = 0;
  std::vector<std::byte> buffer_;
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;  ///< of askers_
  std::array<Asker, max_askers> askers_;
  std::size_t next_asker_ = 0;
};

}  // namespace warder::supervisor::names
