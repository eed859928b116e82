#include "tests/unit/provenance/samples.hpp"
#include <map>

using namespace forerun;
using namespace forerun::provenance;

namespace {

constexpr std::int64_t minute = 60'000'000'000, hour = 60 * minute;
constexpr log_limits several_segments{.block_records = 50, .segment_bytes = 20'000};

std::int64_t floor_divided(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

/// Records over some days, with steps of the clock.
std::vector<entry> fill_days(provenance::log& to, std::uint64_t seed) {
  std::mt19937_64 random{seed};
  std::vector<entry> out;
  std::int64_t time = 5 * hour - 1;
  for (int i = 0; i < 300; ++i) {
    auto some = accesses(1 + random() % 40, seed * 1000 + static_cast<std::uint64_t>(i));
    for (auto& it : some) {
      time += static_cast<std::int64_t>(random() % (2 * minute)) - (random() % 100 == 0 ? 3 * hour : 0);
      it.at = {time};
    }
    const auto by = who(static_cast<int>(random() % 6));
    const auto first = to.append(by, some);
    for (std::size_t k = 0; k < some.size(); ++k)
      out.push_back({by, as_record(some[k], first.value() + k)});
    if (random() % 3 == 0)
      REQUIRE(to.commit(durability::written).has_value());
    while (auto job = random() % 2 == 0 ? to.next_index_job() : std::nullopt)
      to.indexed(job->segment, job->work());
  }
  return out;
}

using key = std::tuple<std::int64_t, std::string, std::uint32_t, operation>;

std::map<key, totals> added_up(const std::vector<entry>& all, const sum_question& about) {
  std::map<key, totals> out;
  const auto unit = about.unit == time_unit::minute ? minute : hour;
  for (const auto& [who, what] : all) {
    const auto at = floor_divided(what.at.ns, minute);
    if (!about.wanted.wants(who) || at < floor_divided(about.wanted.from.ns, minute) ||
        at > floor_divided(about.wanted.to.ns, minute))
      continue;
    totals one{1, what.where.count, what.bytes, static_cast<std::uint64_t>(what.latency.count()) / 1000, {}};
    ++one.outcomes[static_cast<std::size_t>(what.how)];
    out[{about.unit == time_unit::all ? 0 : floor_divided(what.at.ns, unit),
         about.by_program ? who.by.program : std::string{}, about.by_space ? who.space : 0,
         about.by_operation ? what.op : operation::read}]
        .add(one);
  }
  return out;
}

std::map<key, totals> as_map(const std::vector<rollup_row>& rows) {
  std::map<key, totals> out;
  for (const auto& it : rows)
    out[{it.unit, it.who.by.program, it.who.space, it.op}] = it.sum;
  return out;
}

} // namespace

TEST_CASE("sums by minute, hour and in all are those of the records, from indexes and without") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    memory_disk disk;
    auto log = opened(disk, several_segments);
    const auto all = fill_days(*log, seed);
    std::mt19937_64 random{seed};
    for (int i = 0; i < 40; ++i) {
      sum_question about;
      about.unit = static_cast<time_unit>(random() % 3);
      about.by_program = random() % 2 == 0;
      about.by_space = random() % 2 == 0;
      about.by_operation = random() % 2 == 0;
      if (random() % 2 == 0)
        about.wanted.program = "gcc";
      if (random() % 2 == 0) {
        const auto step = random() % 2 == 0 ? hour : minute;
        about.wanted.from = {static_cast<std::int64_t>(random() % 100) * step};
        about.wanted.to = {about.wanted.from.ns + static_cast<std::int64_t>(1 + random() % 50) * step - 1};
      }
      const auto got = log->view(sums::known).sum(about);
      REQUIRE(got.has_value());
      REQUIRE(got.value().complete);
      REQUIRE(as_map(got.value().rows) == added_up(all, about));
    }
  }
}

TEST_CASE("a question over everything reads no records where indexes are") {
  memory_disk disk;
  auto log = opened(disk, several_segments);
  const auto all = fill_days(*log, 9);
  while (auto job = log->next_index_job())
    log->indexed(job->segment, job->work());
  const sum_question about;
  CHECK(log->view(sums::known).sum(about).value().segments_read == 0);
  REQUIRE(log->commit(durability::synced).has_value());
  for (auto it = disk.files.begin(); it != disk.files.end();)
    it = it->first.ends_with(".idx") ? disk.files.erase(it) : std::next(it);
  log.reset();
  const auto got = opened(disk, several_segments)->view(sums::known).sum(about).value();
  CHECK(got.segments_read > 0);
  CHECK(as_map(got.rows) == added_up(all, about));
}

TEST_CASE("too many rows are said, and sums of runs or elements are not asked for here") {
  memory_disk disk;
  auto log = opened(disk, several_segments);
  fill_days(*log, 2);
  sum_question about;
  about.rows_max = 3;
  const auto got = log->view(sums::known).sum(about).value();
  CHECK_FALSE(got.complete);
  CHECK(got.rows.size() == 3);
  about.wanted.run = run_id{1};
  CHECK(log->view(sums::known).sum(about).error() == errc::invalid_argument);
}

TEST_CASE("packed sums are read back, and hostile ones refused or read, never more than the limit") {
  memory_disk disk;
  auto log = opened(disk, several_segments);
  fill_days(*log, 3);
  sum_question about;
  about.by_space = about.by_operation = true;
  const auto rows = log->view(sums::known).sum(about).value().rows;
  const auto good = pack(rows);
  CHECK(unpack_rollup(good).value() == rows);
  std::mt19937_64 random{5};
  for (int i = 0; i < 5000; ++i) {
    auto bad = good;
    for (auto changes = random() % 3 + 1; changes > 0; --changes)
      bad[random() % bad.size()] = static_cast<std::byte>(random());
    bad.resize(bad.size() - random() % 2);
    if (const auto got = unpack_rollup(bad))
      CHECK(got.value().size() <= rollup::rows_max);
  }
}
