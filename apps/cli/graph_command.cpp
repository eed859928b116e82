#include "apps/cli/commands.hpp"
#include "apps/cli/drawing.hpp"
#include "apps/cli/element_words.hpp"
#include "apps/cli/interrupts.hpp"
#include "apps/cli/named_element.hpp"
#include "apps/cli/record_options.hpp"
#include "apps/cli/table.hpp"
#include "apps/cli/when.hpp"
#include "runtime/provenance/export_graph.hpp"
#include "runtime/provenance/export_text.hpp"
#include <fmt/format.h>
#include <fstream>
#include <optional>
#include <sstream>

namespace forerun::cli {
namespace {

using control::graph_search;

struct graph_options {
  std::string of;
  std::string from;
  std::string format;
  std::string output;
  provenance::graph_limits limits;
};

std::string shown(const provenance::entity& it) {
  const auto elements = it.where.count == 0 ? std::string{"*"} : provenance::range_of(it.where);
  return fmt::format("{}/{}/{}@{}{}", provenance::name_of(it.kind), it.space, elements,
                     it.made ? std::to_string(it.made->position) : "start",
                     it.name.empty() ? "" : fmt::format(" ({})", it.name));
}
std::string shown(const provenance::activity& it) {
  return it.run == run_id{} ? fmt::format("no run ({})", it.program)
                            : fmt::format("run {} ({})", it.run.value, it.program);
}
std::string shown(const provenance::party& it) {
  return fmt::format("{} {}", to_string(it.role), it.name);
}

std::string as_table(const provenance::graph& what) {
  const auto name = [&](std::uint32_t node) {
    return std::visit([](const auto& it) { return shown(it); }, what.nodes[node]);
  };
  std::ostringstream text;
  if (what.edges.empty()) {
    text << printable(name(0)) << ": the log leads no further from here\n";
    return text.str();
  }
  table out({"WHAT", "RELATION", "TO WHAT", ">RECORD", "TIME", "ELEMENTS"});
  for (const auto& it : what.edges) {
    const bool positioned = it.what != provenance::relation::associated;
    out.row({name(it.from), std::string{to_string(it.what)}, name(it.to),
             positioned ? std::to_string(it.position) : "", positioned ? when(it.at) : "",
             positioned ? provenance::range_of(it.where) : ""});
  }
  out.print(text);
  return text.str();
}

control::answer<std::string> written(const provenance::graph& what, const std::string& format) {
  if (format == "dot")
    return provenance::to_dot(what);
  if (format == "svg")
    return draw_svg(provenance::to_dot(what));
  if (format == "prov-json")
    return provenance::to_prov_json(what) + '\n';
  if (format == "jsonl")
    return provenance::to_json_lines(what);
  if (format == "csv")
    return provenance::to_csv(what);
  return as_table(what);
}

void say_cut(context& where, const provenance::graph& what) {
  if (where.json)
    where.err << fmt::format("{{\"complete\":false,\"nodes\":{},\"records\":{}}}\n", what.nodes.size(),
                             what.records);
  else
    where.err << fmt::format(
        "forerun: more was left out after {} nodes and {} records: a limit was reached, "
        "or a place of the log does not hold\n  --nodes, --records and --depth raise the "
        "limits\n",
        what.nodes.size(), what.records);
}

void show(context& where, const provenance::graph& what, const graph_options& given) {
  if (what.nodes.empty()) {
    if (what.complete)
      complain(where, {errc::not_found, "the one is not derived from the other", ""});
    else
      complain(where, {errc::not_found, "no derivation was found before a limit was reached",
                       "--nodes, --records and --depth raise the limits"});
    return;
  }
  const auto format = !given.format.empty() ? given.format : where.json ? "prov-json" : "table";
  const auto text = written(what, format);
  if (const auto* why = std::get_if<1>(&text)) {
    complain(where, *why);
    return;
  }
  if (given.output.empty()) {
    where.out << std::get<0>(text) << std::flush;
  } else {
    std::ofstream file{given.output, std::ios::binary | std::ios::trunc};
    file << std::get<0>(text) << std::flush;
    if (!file) {
      complain(where, {errc::io_failed, "cannot write " + given.output, "name another file with --output"});
      return;
    }
  }
  if (!what.complete)
    say_cut(where, what);
}

/// What the words mean; false if the node does not know the name, which is told.
bool meant(context& where, control::client& node, const std::string& words, control::asked_version& to) {
  const auto element = *parse_element(words);
  to = element.version;
  if (element.name.empty())
    return true;
  control::record_question named;
  if (!find_named(where, node, element.name, named))
    return false;
  to.of = {*named.wanted.kind, *named.wanted.space, named.wanted.element_first};
  return true;
}

std::optional<provenance::graph> found(context& where, graph_search what, const graph_options& given) {
  const interrupts stop;
  std::optional<provenance::graph> all;
  with_node(where, [&](control::client& node) {
    if (stop.fd() >= 0)
      node.give_up_on(stop.fd());
    control::graph_question question{.what = what, .of = {}, .from = {}, .limits = given.limits};
    if (!meant(where, node, given.of, question.of) ||
        (what == graph_search::path && !meant(where, node, given.from, question.from)))
      return;
    present(where, node.graph(question), [&](auto& got) { all = std::move(got); });
  });
  return all;
}

void ask(context& where, graph_search what, const graph_options& given) {
  // Drawing takes its time: then Ctrl-C ends this program and GraphViz, as usual.
  if (const auto all = found(where, what, given))
    show(where, *all, given);
}

std::string element_problem(const std::string& text) {
  return parse_element(text) ? std::string{}
                             : "is no element; write VOLUME/BLOCK, KIND/SPACE/NUMBER or name:NAME, each with "
                               "@POSITION or @start behind it if it is not the newest version";
}

void add(CLI::App& graph, context& where, graph_search what, const std::string& name,
         const std::string& says) {
  auto* command = graph.add_subcommand(name, says);
  auto given = std::make_shared<graph_options>();
  const auto element = [&](const char* called, std::string& to, const std::string& means) {
    command->add_option(called, to, means)->required()->type_name("ELEMENT")->check(element_problem);
  };
  if (what == graph_search::path) {
    element("from", given->from, "The earlier version, e.g. debian/77@1041");
    element("to", given->of, "The later version");
  } else {
    element("element", given->of,
            "VOLUME/BLOCK, KIND/SPACE/NUMBER or name:NAME; @POSITION: its version then");
  }
  command->add_option("--format", given->format, "table, dot, svg, prov-json, jsonl or csv (default: table)")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "dot", "svg", "prov-json", "jsonl", "csv"}));
  command->add_option("--output", given->output, "Write to this file")->type_name("FILE");
  auto& limits = given->limits;
  command->add_option("--nodes", limits.nodes_max, "Nodes of the graph, at most 4096 (default: 1000)")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, control::graph_nodes_most));
  command->add_option("--records", limits.records_max, "Records to look at (default: 100000)")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{1}, control::graph_records_most));
  command->add_option("--depth", limits.depth_max, "Derivations in a row (default: 16)")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, control::graph_depth_most));
  command->callback([&where, what, given] { ask(where, what, *given); });
}

} // namespace

void add_graph_commands(CLI::App& app, context& where) {
  auto* graph = app.add_subcommand("graph", "Where a version of an element comes from, and what came of it");
  graph->require_subcommand(1);
  add(*graph, where, graph_search::ancestors, "ancestors",
      "The run that wrote it, what that had read before, who wrote that ...");
  add(*graph, where, graph_search::descendants, "descendants",
      "The runs that read it, what they wrote afterwards, who read that ...");
  add(*graph, where, graph_search::path, "path", "How one version may derive from another");
}

} // namespace forerun::cli
