#include "runtime/base/utf8.hpp"
#include "runtime/provenance/export_graph.hpp"
#include "runtime/provenance/export_text.hpp"
#include <fmt/format.h>

namespace forerun::provenance {
namespace {

/// Text of others inside a quoted label: neither GraphViz's escapes and entities nor what XML cannot hold.
std::string label(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto length = utf8_sequence(text);
    const auto sign = text.substr(0, length);
    if (length == 0 || static_cast<unsigned char>(text.front()) < 0x20 || text.front() == 0x7f ||
        sign == "\xef\xbf\xbe" || sign == "\xef\xbf\xbf")
      out += utf8_replacement;
    else if (sign == "\"" || sign == "\\")
      (out += '\\') += sign;
    else if (sign == "&")
      out += "&amp;";
    else
      out += sign;
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

std::string lines_of(const entity& it) {
  if (it.where.count == 0)
    return fmt::format("{}s of {}\\nas they began", name_of(it.kind), it.space);
  auto name = fmt::format("{} {} of {}", name_of(it.kind), range_of(it.where), it.space);
  if (!it.name.empty())
    name += fmt::format("\\n({})", label(it.name));
  if (!it.made)
    return name + "\\nas it began";
  auto text =
      fmt::format("{}\\n{} {}\\n{}", name, it.made->op == operation::remove ? "removed at" : "version",
                  it.made->position, date_time(it.made->at));
  if (!it.made->value.empty())
    text += "\\n= " + label(it.made->value);
  return text;
}

std::string lines_of(const activity& it) {
  const auto run = it.run == run_id{} ? std::string{"no run"} : fmt::format("run {}", it.run.value);
  return run + "\\n" + label(it.program);
}

std::string lines_of(const party& it) {
  return fmt::format("{}\\n{}", to_string(it.role), label(it.name));
}

constexpr std::string_view looks[] = {R"(shape=ellipse, fillcolor="#fffc87", color="#808080")",
                                      R"(shape=box, fillcolor="#9fb1fc", color="#0000ff")",
                                      R"(shape=house, fillcolor="#fed37f", color="#808080")"};

} // namespace

std::string to_dot(const graph& what) {
  std::string out = "digraph provenance {\n  rankdir=BT;\n  node [style=filled, fontname=\"sans-serif\"];\n"
                    "  edge [fontname=\"sans-serif\", fontsize=10];\n";
  if (!what.complete)
    out += "  label=\"not complete: more was left out\";\n";
  for (std::size_t i = 0; i < what.nodes.size(); ++i)
    fmt::format_to(std::back_inserter(out), "  n{} [label=\"{}\", {}];\n", i,
                   std::visit([](const auto& it) { return lines_of(it); }, what.nodes[i]),
                   looks[what.nodes[i].index()]);
  for (const auto& it : what.edges) {
    const auto positioned = it.what != relation::associated;
    fmt::format_to(std::back_inserter(out), "  n{} -> n{} [label=\"{}{}\"{}];\n", it.from, it.to,
                   to_string(it.what), positioned ? fmt::format("\\nat {}", it.position) : "",
                   it.what == relation::derived ? ", style=dashed" : "");
  }
  return out += "}\n";
}

} // namespace forerun::provenance
