#include "apps/cli/commands.hpp"
#include <fmt/format.h>

namespace forerun::cli {
namespace {

/// One line of the script's `case`: what may follow the command that `path` names.
void describe(const CLI::App& command, const std::string& path, std::string& cases) {
  std::string words;
  for (const auto* sub : command.get_subcommands({}))
    words += sub->get_name() + " ";
  std::string options;
  bool volume = false;
  for (const auto* option : command.get_options()) {
    for (const auto& name : option->get_lnames())
      options += "--" + name + " ";
    volume = volume || option->get_type_name() == "VOLUME";
  }
  cases += fmt::format("    \"{}\") words=\"{}\" options=\"{}\" volume={} ;;\n", path, words, options,
                       volume ? 1 : 0);
  for (const auto* sub : command.get_subcommands({}))
    describe(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), cases);
}

/// The names of all commands, as patterns of the script.
void name(const CLI::App& command, const std::string& path, std::string& patterns) {
  for (const auto* sub : command.get_subcommands({})) {
    const auto full = path.empty() ? sub->get_name() : path + " " + sub->get_name();
    patterns += fmt::format("{}\"{}\"", patterns.empty() ? "" : "|", full);
    name(*sub, full, patterns);
  }
}

constexpr auto before_patterns = R"(# bash completion for forerun, made by `forerun completion bash`
_forerun() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
  local path= next word words= options= volume=0 given=0 socket=()
  for ((word = 1; word < COMP_CWORD; ++word)); do
    if [[ ${COMP_WORDS[word]} == --socket ]]; then
      socket=(--socket "${COMP_WORDS[word+1]}")
      ((++word))
      continue
    fi
    next=${path:+$path }${COMP_WORDS[word]}
    case "$next" in
    )";
constexpr auto before_cases = R"() path=$next ;;
    *) [[ ${COMP_WORDS[word]} != -* ]] && given=1 ;;
    esac
  done
  if [[ $previous == --socket ]]; then
    COMPREPLY=($(compgen -f -- "$current"))
    return
  fi
  case "$path" in
)";
constexpr auto after_cases = R"(  esac
  if [[ $current == -* ]]; then
    words="$options --json --socket"
  elif [[ $volume == 1 && $given == 0 ]]; then
    words=$(forerun "${socket[@]}" volume list --names 2>/dev/null)
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _forerun forerun
)";

std::string script(const CLI::App& app) {
  std::string patterns;
  name(app, "", patterns);
  std::string cases;
  describe(app, "", cases);
  return before_patterns + patterns + before_cases + cases + after_cases;
}

} // namespace

void add_completion_command(CLI::App& app, context& where) {
  auto* completion = app.add_subcommand("completion", "Print a script that completes commands in a shell");
  completion->require_subcommand(1);
  completion->add_subcommand("bash", "For bash: source <(forerun completion bash)")->callback([&app, &where] {
    where.out << script(app);
  });
}

} // namespace forerun::cli
