// Socket addresses as a workload might write them: understood within their size, and what is rewritten still means the same.
#include "supervisor/network/address.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace warder;
  using namespace warder::supervisor;
  fuzz::Input input(data, size);
  constexpr int domains[] = {1, 2, 10, 16, 17, 40};
  const network::SocketKind kind{.domain = domains[input.number<std::uint8_t>() % 6],
                                 .type = 1 + input.number<std::uint8_t>() % 5};
  const auto purpose = static_cast<network::Purpose>(input.number<std::uint8_t>() % 3);
  network::SocketAddress address;
  address.size = input.number<std::uint8_t>() % (sizeof address.storage + 1);
  for (std::size_t i = 0; i < address.size; ++i) {
    reinterpret_cast<std::uint8_t*>(&address.storage)[i] = input.number<std::uint8_t>();
  }
  auto meaning = network::understand(address, kind, purpose);
  fuzz::require(address.size <= sizeof address.storage);
  if (!meaning) return 0;
  volatile std::size_t sink = network::address_text(meaning->endpoint).size();
  sink = sink + meaning->text.size();
  // Understood once, the rewritten address is understood again, and the same way.
  const policy::Endpoint first = meaning->endpoint;
  const std::string name(first.name);
  const std::string text(meaning->text);
  auto again = network::understand(address, kind, purpose);
  fuzz::require(again.ok() && again->kind == meaning->kind && again->endpoint.transport == first.transport &&
                again->endpoint.address == first.address && again->endpoint.port == first.port && again->endpoint.name == name &&
                again->text == text);
  return 0;
}
