#include "apps/cli/replay_trace.hpp"
#include "apps/cli/import_file.hpp"
#include "apps/cli/table.hpp"
#include "runtime/base/hash.hpp"
#include "runtime/replay/packed_file.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace forerun::cli {
namespace {

using steady = std::chrono::steady_clock;

constexpr std::size_t piece_bytes = 256u << 10;
constexpr std::size_t problems_max = 8;
constexpr std::uint32_t volumes_max = 1u << 20;
constexpr std::chrono::seconds progress_every{2};

} // namespace

void replay_loader::fail(errc code, std::string what, std::string remedy) {
  failed_ = {code, std::move(what), std::move(remedy)};
}

std::optional<replay_trace> replay_loader::load(const std::vector<std::string>& files,
                                                bool counts_footprint) {
  counts_ = counts_footprint;
  gaps_left_ = INT64_MAX / 4;
  replay_trace into;
  auto room = spool_file::open();
  if (!room) {
    fail(room.error(), "no temporary file can be made",
         "set TMPDIR to a folder with room: 24 bytes for each request, 4 for each block touched");
    return std::nullopt;
  }
  into.requests.emplace(std::move(room).value());
  for (const auto& file : files)
    if (!read(file, into))
      return std::nullopt;
  if (!into.requests->flush() || full_) {
    fail(errc::io_failed, "the temporary file cannot be written", "set TMPDIR to a folder with room");
    return std::nullopt;
  }
  if (into.requests->size() == 0) {
    fail(errc::invalid_argument, "no request to data in " + files.front(),
         into.broken.empty() ? "" : into.broken.front());
    return std::nullopt;
  }
  return into;
}

bool replay_loader::read(const std::string& path, replay_trace& into) {
  auto file = replay::packed_file::open(path);
  if (!file) {
    fail(file.error(), fmt::format("cannot read {}: {}", path, to_string(file.error())),
         "look at its name and its rights");
    return false;
  }
  auto how = how_.how;
  how.ordinal = how.ordinal || says_ordinal(recording_name(path));
  trace::reader reader(how);
  last_ns_ = -1;
  const auto sink = [&](const trace::row& row) { add(row, into); };
  std::vector<char> piece(piece_bytes);
  const auto started = steady::now();
  auto told = started;
  bool ended = false;
  while (!ended && !full_) {
    const auto got = file.value().read(piece);
    if (!got) {
      fail(got.error(),
           fmt::format("cannot read {}: {}", path,
                       got.error() == errc::corrupt ? "damaged, or cut short" : to_string(got.error())),
           "unpack it from a sound copy");
      return false;
    }
    ended = got.value() == 0;
    if (!(ended ? reader.end(sink) : reader.feed({piece.data(), got.value()}, sink))) {
      fail(errc::invalid_argument, fmt::format("{} is no recording: {}", path, reader.refusal()),
           "docs/formats/traces.md lists the formats; --format or --columns says which one it is");
      return false;
    }
    if (progress_ != nullptr && steady::now() - told > progress_every) {
      told = steady::now();
      *progress_ << fmt::format("{}: {} rows read, {:.0f} rows/s\n", printable(path), reader.rows(),
                                static_cast<double>(reader.rows()) /
                                    std::chrono::duration<double>(told - started).count());
    }
  }
  into.rows += reader.rows();
  into.rows_broken += reader.rows_broken();
  into.rows_other += reader.rows_idle();
  for (const auto& each : reader.problems())
    if (into.broken.size() < problems_max)
      into.broken.push_back(fmt::format("{}, line {}: {}", path, each.line, each.why));
  return true;
}

std::uint64_t replay_loader::volume_base(std::string_view name) {
  if (volumes_.empty() || name != last_volume_) {
    last_volume_ = name;
    // Past the bound all share one number: their blocks may then be mistaken for each other's.
    const auto number = static_cast<std::uint32_t>(std::min<std::size_t>(volumes_.size(), volumes_max));
    last_base_ = std::uint64_t{number} << study::volume_shift;
    if (const auto known = volumes_.find(last_volume_); known != volumes_.end())
      last_base_ = std::uint64_t{known->second} << study::volume_shift;
    else if (number < volumes_max)
      volumes_.emplace(last_volume_, number);
  }
  return last_base_;
}

void replay_loader::add(const trace::row& row, replay_trace& into) {
  const bool reads = row.op == operation::read || row.op == operation::execute;
  if (!reads && (how_.reads_only || row.op != operation::write)) {
    ++into.rows_other;
    return;
  }
  study::request what;
  if (row.kind == element_kind::block) {
    const auto where = blocks_touched(row.offset, row.bytes);
    if (where.count == 0) {
      ++into.rows_other;
      return;
    }
    what.first = volume_base(row.volume) + where.first;
    what.count = where.count;
  } else {
    into.keys = true;
    // No volume has an empty name.
    what.first = volume_base({}) + keys_.try_emplace(element_of(row.name), keys_.size()).first->second;
  }
  into.timed = into.timed && row.timed;
  if (last_ns_ >= 0) {
    into.rows_back += row.at_ns < last_ns_;
    what.gap_ns = std::clamp<std::int64_t>(row.at_ns - last_ns_, 0, gaps_left_);
    gaps_left_ -= what.gap_ns;
  }
  last_ns_ = std::max(last_ns_, row.at_ns);
  into.touches += what.count;
  if (counts_)
    for (std::uint32_t i = 0; i < what.count; ++i)
      footprint_.insert(what.first + i);
  full_ = full_ || !into.requests->append(what);
}

std::vector<std::uint64_t> replay_loader::regions(std::size_t count) const {
  std::vector<std::uint64_t> all(footprint_.begin(), footprint_.end());
  std::sort(all.begin(), all.end());
  std::vector<std::uint64_t> firsts;
  for (std::size_t i = 0; i < count; ++i)
    firsts.push_back(all[all.size() * i / count]);
  return firsts;
}

result<void> replay_loader::look_ahead(replay_trace& of) const {
  auto room = spool_file::open();
  if (!room)
    return room.error();
  of.next_uses.emplace(std::move(room).value());
  absl::flat_hash_map<std::uint64_t, std::uint64_t> soonest; // The request that touches the element next.
  soonest.reserve(footprint_.size());
  std::vector<study::request> rows;
  std::vector<std::uint32_t> uses;
  auto touch = of.touches;
  for (auto end = of.requests->size(); end > 0;) {
    const auto count = std::min<std::uint64_t>(end, spool<study::request>::piece);
    rows.resize(count);
    if (auto got = of.requests->read(end - count, rows); !got)
      return got;
    uses.clear();
    // From the last touch to the first, turned round below.
    for (auto at = count; at > 0; --at) {
      const auto number = end - count + at - 1;
      const auto& row = rows[at - 1];
      for (auto i = row.count; i > 0; --i) {
        auto [known, fresh] = soonest.try_emplace(row.first + i - 1, number);
        // What comes more than 2^32 requests later may as well never come.
        const auto later = fresh ? 0 : known->second - number;
        uses.push_back(later > UINT32_MAX ? 0 : static_cast<std::uint32_t>(later));
        known->second = number;
      }
    }
    std::reverse(uses.begin(), uses.end());
    touch -= uses.size();
    if (auto put = of.next_uses->write(touch, uses); !put)
      return put;
    end -= count;
  }
  return success();
}

} // namespace forerun::cli
