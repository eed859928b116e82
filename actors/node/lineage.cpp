#include "actors/node/look.hpp"
#include "runtime/provenance/element_names.hpp"
#include <fmt/format.h>

namespace forerun::actors {

namespace {

/// The log, until the time is up: then it says `timed_out`.
class patient_source final : public provenance::record_source {
public:
  patient_source(const provenance::log_view& log, const clock& time, instant until)
      : log_(log), time_(time), until_(until) {}

  result<provenance::scan_result> scan(const provenance::filter& wanted,
                                       const provenance::visitor& visit) const override {
    auto so_far = goes_on();
    if (!so_far)
      return so_far.error();
    const auto got = log_.scan(wanted, [&](const provenance::context& who, const provenance::record& what) {
      so_far = goes_on();
      return so_far && visit(who, what);
    });
    if (!so_far)
      return so_far.error();
    return got;
  }
  result<std::vector<provenance::entry>> last(const provenance::filter& wanted,
                                              std::size_t max) const override {
    const auto so_far = goes_on();
    if (!so_far)
      return so_far.error();
    return log_.last(wanted, max);
  }

private:
  result<void> goes_on() const {
    if (time_.now() > until_)
      return errc::timed_out;
    return success();
  }

  const provenance::log_view& log_;
  const clock& time_;
  instant until_;
};

/// An element of the log that a question means.
attempt<provenance::element> element_of(const node_state& node, const control::asked_version& what) {
  if (what.volume.empty())
    return what.of;
  const auto* found = node.find(what.volume);
  if (found == nullptr)
    return no_such_volume(what.volume);
  const auto blocks = blocks_of(found->entry.bytes);
  if (what.of.number >= blocks)
    return control::failure{errc::out_of_range, fmt::format("volume {} has {} blocks", what.volume, blocks),
                            "blocks are 4 KiB and count from 0"};
  return provenance::element{element_kind::block, found->entry.id.value, what.of.number};
}

constexpr std::size_t names_max = 64; ///< Looked up for one answer: each may cost as much as a `history`.
constexpr auto names_time_max = std::chrono::seconds{1};

/// A question about lineage while it is answered.
struct lineage_search {
  std::shared_ptr<clock> time;
  instant until; ///< From the question on, so that nobody waits for an answer that comes later.

  explicit lineage_search(const node_state& node)
      : time(node.on.time), until(time->now() + control::lineage_time_max) {}

  patient_source source(const provenance::log_view& log) const { return {log, *time, until}; }

  void add_names(const provenance::log_view& log, auto& to) const {
    const patient_source patient{log, *time, std::min(until, time->now() + names_time_max)};
    provenance::name_finder names{patient, names_max};
    provenance::add_names(to, names);
  }
};

result<provenance::graph> drawn(const provenance::record_source& log, const control::graph_question& what,
                                const provenance::element& of, const provenance::element& from) {
  const auto version = version_at(log, of, what.of.before);
  if (!version)
    return version.error();
  switch (what.what) {
  case control::graph_search::ancestors:
    return ancestors(log, version.value(), what.limits);
  case control::graph_search::descendants:
    return descendants(log, version.value(), what.limits);
  case control::graph_search::path:
    break;
  }
  const auto earlier = version_at(log, from, what.from.before);
  if (!earlier)
    return earlier.error();
  return path(log, earlier.value(), version.value(), what.limits);
}

} // namespace

void node_state::graph(const control::graph_question& what, const control::reply<provenance::graph>& to) {
  const auto of = element_of(*this, what.of);
  const auto from = what.what == control::graph_search::path ? element_of(*this, what.from) : of;
  for (const auto* end : {&of, &from})
    if (const auto* why = std::get_if<control::failure>(end)) {
      to.fail(*why);
      return;
    }
  look<provenance::graph>(to, [what, of = std::get<0>(of), from = std::get<0>(from),
                               search = lineage_search{*this}](const provenance::log_view& log) {
    auto found = drawn(search.source(log), what, of, from);
    if (found)
      search.add_names(log, found.value());
    return found;
  });
}

void node_state::origins(const control::record_question& what, std::uint32_t max,
                         const control::reply<provenance::read_origins>& to) {
  const auto wanted = resolved(what);
  if (!wanted) {
    to.fail(no_such_volume(what.volume));
    return;
  }
  look<provenance::read_origins>(
      to, [wanted = *wanted, max, search = lineage_search{*this}](const provenance::log_view& log) {
        auto found = origins_of(search.source(log), wanted, max, control::origin_records_max);
        if (!found)
          return found;
        search.add_names(log, found.value());
        if (const auto done = control::fit(found.value()); !done)
          return result<provenance::read_origins>{done.error()};
        return found;
      });
}

} // namespace forerun::actors
