// The sections of a profile file that are lists of rules: `paths`, `network`, `syscalls`, `tests`. Pure; for parse.cc alone.
#pragma once

#include "policy/parse.h"
#include "policy/yaml_reader.h"

namespace warder::policy {

void read_paths(YamlReader& reader, const YAML::Node& key, const YAML::Node& value, const Variables& variables, Profile& profile);
void read_network(YamlReader& reader, const YAML::Node& value, const Variables& variables, Profile& profile);
void read_syscalls(YamlReader& reader, const YAML::Node& value, Document& document);
void read_tests(YamlReader& reader, const YAML::Node& value, const Variables& variables, Profile& profile);

}  // namespace warder::policy
