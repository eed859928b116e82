#include "actors/node/look.hpp"
#include "actors/node/record_stream.hpp"
#include <algorithm>

namespace forerun::actors {

namespace {

control::history_row row_of(const provenance::entry& from) {
  control::history_row row;
  row.at = from.what.at;
  row.vm = from.who.by.vm;
  row.program = from.who.by.program;
  row.user = from.who.by.user;
  row.run = from.who.run.value;
  row.op = from.what.op;
  row.first_block = from.what.where.first;
  row.block_count = from.what.where.count;
  row.bytes = from.what.bytes;
  row.how = from.what.how;
  row.latency = from.what.latency;
  if (from.what.written != digest{})
    row.digest = hex(from.what.written);
  row.position = from.what.position;
  return row;
}

} // namespace

void node_state::history(const std::string& volume, std::uint64_t block, std::uint32_t rows_max,
                         const control::reply<std::vector<control::history_row>>& to) {
  const auto* found = find(volume);
  if (found == nullptr) {
    to.fail(no_such_volume(volume));
    return;
  }
  using rows = std::vector<control::history_row>;
  const auto max = std::min<std::size_t>(rows_max, control::history_rows_max);
  look<rows>(to, [entry = found->entry, block, max](const provenance::log_view& log) -> result<rows> {
    auto all = log.last(provenance::of_element(element_kind::block, entry.id.value, block), max);
    if (!all)
      return all.error();
    if (entry.image.value != 0) {
      // The same block of the image: what was done for it, whoever asked.
      auto below = log.last(provenance::of_element(element_kind::image_block, entry.image.value, block), max);
      if (!below)
        return below.error();
      auto& both = all.value();
      both.insert(both.end(), std::make_move_iterator(below.value().begin()),
                  std::make_move_iterator(below.value().end()));
      std::sort(both.begin(), both.end(),
                [](const auto& a, const auto& b) { return a.what.position < b.what.position; });
    }
    rows newest;
    for (auto each = all.value().rbegin(); each != all.value().rend() && newest.size() < max; ++each)
      newest.push_back(row_of(*each));
    return newest;
  });
}

std::optional<provenance::filter> node_state::resolved(const control::record_question& what) const {
  auto wanted = what.wanted;
  if (what.volume.empty())
    return wanted;
  const auto* found = find(what.volume);
  if (found == nullptr)
    return std::nullopt;
  wanted.kind = element_kind::block;
  wanted.space = found->entry.id.value;
  return wanted;
}

void node_state::records(const control::record_question& what,
                         const control::reply<std::shared_ptr<control::record_stream>>& to) {
  const auto wanted = resolved(what);
  if (!wanted) {
    to.fail(no_such_volume(what.volume));
    return;
  }
  const auto how = what.all || !what.follow ? provenance::pace::all : provenance::pace::live;
  if (const auto log = on.others->find<provenance_actor>({role::provenance, 0}))
    open_record_stream(self->system(), log, {.who = {}, .wanted = *wanted, .how = how, .follow = what.follow},
                       to);
  else
    to.fail(provenance_off());
}

void node_state::last_records(const control::record_question& what, std::uint32_t max,
                              const control::reply<control::record_batch>& to) {
  const auto filter = resolved(what);
  if (!filter) {
    to.fail(no_such_volume(what.volume));
    return;
  }
  look<control::record_batch>(
      to, [wanted = *filter, max](const provenance::log_view& log) -> result<control::record_batch> {
        auto newest = log.last(wanted, std::min<std::size_t>(max, control::record_rows_max));
        if (!newest)
          return newest.error();
        std::reverse(newest.value().begin(), newest.value().end());
        return control::record_batch{.rows = std::move(newest.value()),
                                     .next_position = std::min(log.records(), wanted.position_to),
                                     .ended = true};
      });
}

} // namespace forerun::actors
