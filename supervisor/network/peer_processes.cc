#include "supervisor/network/peer_processes.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "supervisor/process/locked.h"

namespace warder::supervisor::network {
namespace {

constexpr std::uint64_t name_bit = 1ULL << 63U;  // sets names apart from inodes of sockets, which have 32 bits

std::uint64_t inode_of(BorrowedFd socket) {
  struct stat facts {};
  return ::fstat(socket.get(), &facts) == 0 ? facts.st_ino : 0;
}

std::uint64_t key_of(std::string_view bytes) { return std::hash<std::string_view>{}(bytes) | name_bit; }

}  // namespace

ProcessName::ProcessName(const NamespacePids& process) {
  std::copy_n(process.pid.begin(), std::min(process.levels, pids_.size()), pids_.begin());
}

pid_t ProcessName::seen_from(std::size_t levels) const { return levels == 0 || levels > pids_.size() ? 0 : pids_[levels - 1]; }

Fd PeerProcesses::socket_diag() {
  Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  // A port that no process gets of itself: the kernel would take PID 1's number, which the workload's first process has, too.
  sockaddr_nl own{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0xfffffff0U, .nl_groups = 0};
  if (socket) (void)::bind(socket.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own);
  return socket;
}

std::uint64_t PeerProcesses::name_of(const struct stat& file) {
  const std::array<std::uint64_t, 2> identity{file.st_dev, file.st_ino};
  return key_of({reinterpret_cast<const char*>(identity.data()), sizeof identity});
}

std::uint64_t PeerProcesses::name_of(std::string_view abstract) { return key_of(abstract); }

void PeerProcesses::bound(BorrowedFd socket, std::uint64_t name) {
  Locked locked(mutex_);
  put({.key = inode_of(socket), .name = name, .process = {}, .listener = {}});
}

void PeerProcesses::listens(BorrowedFd socket, const ProcessName& process) {
  Locked locked(mutex_);
  if (const std::uint64_t name = get(inode_of(socket)).name; name != 0)
    put({.key = name, .name = 0, .process = process, .listener = {}});
}

void PeerProcesses::connects(BorrowedFd socket, std::uint64_t name, const ProcessName& process) {
  Locked locked(mutex_);
  put({.key = inode_of(socket), .name = 0, .process = process, .listener = get(name).process});
}

ProcessName PeerProcesses::peer_of(BorrowedFd socket) {
  const std::uint64_t inode = inode_of(socket);
  Locked locked(mutex_);
  const Entry own = get(inode);
  if (own.process.known()) return own.listener;
  return own.name != 0 ? get(own.name).process : get(peer_inode(inode)).process;
}

PeerProcesses::Entry& PeerProcesses::Table::at(std::uint64_t key) {
  return (key & name_bit) != 0 ? names[key % name_entries] : sockets[key % socket_entries];
}

void PeerProcesses::put(const Entry& entry) {
  if (entry.key == 0) return;
  if (!table_) table_ = std::make_unique<Table>();
  table_->at(entry.key) = entry;
}

PeerProcesses::Entry PeerProcesses::get(std::uint64_t key) const {
  if (!table_ || key == 0) return {};
  const Entry& entry = table_->at(key);
  return entry.key == key ? entry : Entry();
}

std::uint64_t PeerProcesses::peer_inode(std::uint64_t inode) {
  struct {
    nlmsghdr header;
    unix_diag_req request;
  } question{};
  question.header.nlmsg_len = sizeof question;
  question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.header.nlmsg_flags = NLM_F_REQUEST;
  question.request.sdiag_family = AF_UNIX;
  question.request.udiag_states = ~0U;
  question.request.udiag_ino = static_cast<std::uint32_t>(inode);
  question.request.udiag_show = UDIAG_SHOW_PEER;
  question.request.udiag_cookie[0] = question.request.udiag_cookie[1] = ~0U;
  if (!diag_ || inode == 0 || ::send(diag_.get(), &question, sizeof question, 0) < 0) return 0;
  // The kernel has answered by the time that send() returns.
  alignas(nlmsghdr) std::array<char, 1024> text;
  iovec piece{text.data(), text.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  const ssize_t size = ::recvmsg(diag_.get(), &message, MSG_DONTWAIT);
  const auto* header = reinterpret_cast<const nlmsghdr*>(text.data());
  if (size <= 0 || !NLMSG_OK(header, static_cast<std::size_t>(size)) || header->nlmsg_type != SOCK_DIAG_BY_FAMILY) return 0;
  auto left = static_cast<unsigned>(NLMSG_PAYLOAD(header, sizeof(unix_diag_msg)));
  const char* const attributes = static_cast<const char*>(NLMSG_DATA(header)) + NLMSG_ALIGN(sizeof(unix_diag_msg));
  for (const auto* each = reinterpret_cast<const rtattr*>(attributes); RTA_OK(each, left); each = RTA_NEXT(each, left)) {
    std::uint32_t peer = 0;
    if (each->rta_type != UNIX_DIAG_PEER || RTA_PAYLOAD(each) < static_cast<int>(sizeof peer)) continue;
    std::memcpy(&peer, RTA_DATA(each), sizeof peer);
    return peer;
  }
  return 0;
}

}  // namespace warder::supervisor::network
