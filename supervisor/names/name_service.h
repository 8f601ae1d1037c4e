// Everything about names that a container has where its profile names hosts. PID 1.
#pragma once

#include "supervisor/names/dns_exchange.h"
#include "supervisor/names/known_names.h"
#include "supervisor/names/private_sockets.h"

namespace warder::supervisor::names {

class NameService {
 public:
  NameService(const policy::Compiled& policy, AuditLog& audit, PrivateSockets& private_sockets)
      : known(policy), sockets(private_sockets), exchange(known, private_sockets, audit) {}

  KnownNames known;
  PrivateSockets& sockets;
  DnsExchange exchange;
};

}  // namespace warder::supervisor::names
