// The config.json that `warder spec` writes when nothing more is asked for. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

namespace warder::runtime {

using json = nlohmann::ordered_json;

enum class SpecKind : std::uint8_t { rootful, rootless };

/// A document that runs as it is, beside a directory `rootfs` with a shell; `rootless`: by its owner without privileges, who is
/// root inside.
[[nodiscard]] json spec_document(SpecKind kind);

}  // namespace warder::runtime
