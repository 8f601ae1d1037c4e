// Which process connected or listened, where PID 1 did it for the process: the pid of SO_PEERCRED. Shared by all workers.
//
// The kernel notes the pid of whoever calls connect(2) and listen(2) on a UNIX socket. Where PID 1 makes these calls the pid is
// its own, so it remembers whom it made them for. From an accepted socket it comes to the one that connected by sock_diag(7), for
// which it has a socket from before it confined itself; where the kernel has none (CONFIG_UNIX_DIAG) that pid stays unknown.
#pragma once

#include <pthread.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "linux/fd.h"
#include "supervisor/caller.h"

namespace warder::supervisor::network {

/// The pid of a process in each PID namespace that it is in, from PID 1's inwards; of four at most.
class ProcessName {
 public:
  ProcessName() = default;
  explicit ProcessName(const NamespacePids& process);
  /// As a process sees it that is `levels` namespaces deep; 0 where it does not.
  [[nodiscard]] pid_t seen_from(std::size_t levels) const;
  [[nodiscard]] bool known() const { return pids_[0] != 0; }

 private:
  std::array<pid_t, 4> pids_{};
};

class PeerProcesses {
 public:
  /// `diag`: of socket_diag(), or invalid.
  explicit PeerProcesses(Fd diag) : diag_(std::move(diag)) {}
  PeerProcesses(const PeerProcesses&) = delete;
  PeerProcesses& operator=(const PeerProcesses&) = delete;

  /// A socket for the questions, in the network namespace of the calling thread. Invalid where the kernel has none.
  static Fd socket_diag();

  /// What a UNIX socket is bound to, as a number: the file, or the abstract name (sun_path from its NUL on).
  [[nodiscard]] static std::uint64_t name_of(const struct stat& file);
  [[nodiscard]] static std::uint64_t name_of(std::string_view abstract);

  /// The socket has this name now.
  void bound(BorrowedFd socket, std::uint64_t name);
  /// `process` listens with this socket.
  void listens(BorrowedFd socket, const ProcessName& process);
  /// `process` is about to connect this socket to that name. Before the call, because the other end may ask at once.
  void connects(BorrowedFd socket, std::uint64_t name, const ProcessName& process);

  /// Whom the kernel means by PID 1 in SO_PEERCRED: of an accepted socket the process that connected, of one that was connected
  /// the one that listened, of a listening one that one, too. Unknown where the peer's socket is closed, or thousands came since.
  [[nodiscard]] ProcessName peer_of(BorrowedFd socket);

 private:
  /// Of sockets by their inodes, of names by their numbers.
  struct Entry {
    std::uint64_t key = 0;
    std::uint64_t name = 0;  ///< of a socket that is bound
    ProcessName process;     ///< that connected the socket, or listens at the name
    ProcessName listener;    ///< of a socket that was connected
  };
  static constexpr std::size_t socket_entries = 4096;
  static constexpr std::size_t name_entries = 512;
  struct Table {
    std::array<Entry, socket_entries> sockets;
    std::array<Entry, name_entries> names;
    Entry& at(std::uint64_t key);
  };

  void put(const Entry& entry);
  [[nodiscard]] Entry get(std::uint64_t key) const;
  /// The inode of the socket at the other end, or 0.
  std::uint64_t peer_inode(std::uint64_t inode);

  mutable pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  std::unique_ptr<Table> table_;  ///< made when it is first needed; a newer entry displaces an older one
  Fd diag_;
};

}  // namespace warder::supervisor::network
