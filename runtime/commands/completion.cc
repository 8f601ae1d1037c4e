// `warder completion`: what a shell needs to complete a command line; made from the verbs themselves. No system calls.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "runtime/commands/command_line.h"
#include "runtime/commands/verb.h"

namespace warder::runtime {
namespace {

/// The option words of a verb, the global ones included; refused ones have no group and are left out.
std::string options_of(const VerbEntry& entry) {
  std::unique_ptr<Verb> verb = entry.make();
  GlobalOptions scratch;
  CLI::App app;
  define_global_options(app, scratch);
  Options options(app);
  verb->define(options);
  std::string words;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    for (const std::string& name : option->get_lnames()) words += (words.empty() ? "--" : " --") + name;
    for (const std::string& name : option->get_snames()) words += (words.empty() ? "-" : " -") + name;
  }
  return words;
}

std::string verb_names() {
  std::string names;
  for (const VerbEntry& entry : verbs()) names += fmt::format("{}{}", names.empty() ? "" : " ", entry.name);
  return names + " profile help";
}

std::string bash_script() {
  std::string cases;
  for (const VerbEntry& entry : verbs()) cases += fmt::format("    {}) options='{}' ;;\n", entry.name, options_of(entry));
  return fmt::format(R"SH(# bash completion for warder; load it with: source <(warder completion bash)
_warder() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} verb= options= index
  for ((index = 1; index < COMP_CWORD; index++)); do
    case " {0} " in *" ${{COMP_WORDS[index]}} "*) verb=${{COMP_WORDS[index]}}; break ;; esac
  done
  case $verb in
{1}  esac
  if [[ -z $verb ]]; then
    COMPREPLY=($(compgen -W '{0} --root --debug --log --help --version' -- "$word"))
  elif [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  else
    COMPREPLY=($(compgen -W "$(warder list -q 2>/dev/null)" -- "$word") $(compgen -f -- "$word"))
  fi
}}
complete -F _warder warder
)SH",
                     verb_names(), cases);
}

std::string zsh_script() {
  return "#compdef warder\n# zsh completion for warder; load it with: source <(warder completion zsh)\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         bash_script();
}

std::string fish_script() {
  std::string text = "# fish completion for warder; load it with: warder completion fish | source\ncomplete -c warder -f\n";
  for (const VerbEntry& entry : verbs()) {
    text += fmt::format("complete -c warder -n __fish_use_subcommand -a {} -d \"{}\"\n", entry.name, entry.summary);
    std::unique_ptr<Verb> verb = entry.make();
    CLI::App app;
    GlobalOptions scratch;
    define_global_options(app, scratch);
    Options options(app);
    verb->define(options);
    for (const CLI::Option* option : app.get_options()) {
      if (option->get_group().empty()) continue;
      for (const std::string& name : option->get_lnames()) {
        text += fmt::format("complete -c warder -n '__fish_seen_subcommand_from {}' -l {}\n", entry.name, name);
      }
    }
  }
  return text + "complete -c warder -n 'not __fish_use_subcommand' -a '(warder list -q 2>/dev/null)'\n";
}

class Completion : public Verb {
 public:
  void define(Options& app) override {
    app.add_option("SHELL", shell_, "bash, zsh or fish").required().among({"bash", "zsh", "fish"});
  }

  Result<int> run(const Context& /*context*/) override {
    WARDER_TRY(print(shell_ == "bash" ? bash_script() : shell_ == "zsh" ? zsh_script() : fish_script()));
    return 0;
  }

 private:
  std::string shell_;
};

}  // namespace

std::unique_ptr<Verb> make_completion() { return std::make_unique<Completion>(); }

}  // namespace warder::runtime
