#include "apps/cli/named_element.hpp"

namespace forerun::cli {

bool find_named(context& where, control::client& node, const std::string& name,
                control::record_question& what) {
  control::record_question births;
  births.volume = what.volume;
  births.wanted.kind = what.wanted.kind;
  births.wanted.space = what.wanted.space;
  births.wanted.operations = 1u << static_cast<unsigned>(operation::allocate);
  auto opened = node.records(births);
  std::optional<provenance::entry> found;
  for (bool ended = false; !ended;) {
    auto got = opened.index() == 0 ? std::get<0>(opened).next(control::record_rows_max)
                                   : control::answer<control::record_batch>{std::get<1>(opened)};
    if (const auto* why = std::get_if<1>(&got)) {
      if (why->code != errc::cancelled)
        complain(where, *why);
      return false;
    }
    for (auto& row : std::get<0>(got).rows)
      if (row.what.value == name)
        found = std::move(row);
    ended = std::get<0>(got).ended;
  }
  if (!found) {
    complain(where, {errc::not_found, "the log knows no element named " + name,
                     "give its number with --element; only imported elements have names"});
    return false;
  }
  what.wanted.kind = found->who.kind;
  what.wanted.space = found->who.space;
  what.wanted.element_first = what.wanted.element_last = found->what.where.first;
  what.volume.clear();
  return true;
}

} // namespace forerun::cli
