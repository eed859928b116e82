#include "runtime/base/bytes.hpp"
#include "runtime/base/hash.hpp"
#include "runtime/provenance/index_keeper.hpp"
#include "tests/unit/provenance/samples.hpp"
#include <algorithm>

using namespace forerun;
using namespace forerun::provenance;

namespace {

constexpr log_limits several_segments{.block_records = 50, .segment_bytes = 20'000};

void make_indexes(provenance::log& of) {
  while (auto job = of.next_index_job())
    of.indexed(job->segment, job->work());
}

/// Contexts of several kinds, runs and programs; some accesses touch very many elements.
std::vector<entry> fill_mixed(provenance::log& to, std::size_t batches, std::uint64_t seed) {
  std::mt19937_64 random{seed};
  std::vector<entry> out;
  for (std::size_t i = 0; i < batches; ++i) {
    auto by = who(static_cast<int>(random() % 6));
    by.kind = random() % 4 == 0 ? element_kind::key : element_kind::block;
    by.run = {i / 20};
    auto some = accesses(1 + random() % 40, seed * 1000 + i);
    for (auto& it : some) {
      it.at.ns += static_cast<std::int64_t>(i) * 7'000'000'000;
      if (random() % 50 == 0)
        it.where.count = static_cast<std::uint32_t>(random() % 2000);
    }
    const auto first = to.append(by, some);
    REQUIRE(first.has_value());
    for (std::size_t k = 0; k < some.size(); ++k)
      out.push_back({by, as_record(some[k], first.value() + k)});
    if (random() % 3 == 0)
      REQUIRE(to.commit(durability::written).has_value());
  }
  return out;
}

std::vector<entry> matches(const std::vector<entry>& all, const filter& wanted) {
  std::vector<entry> out;
  std::copy_if(all.begin(), all.end(), std::back_inserter(out),
               [&](const entry& it) { return wanted.wants(it.who) && wanted.wants(it.what); });
  return out;
}

filter any_filter(std::mt19937_64& random, const std::vector<entry>& all) {
  const auto& near = all[random() % all.size()];
  filter it;
  if (random() % 2 == 0)
    it = of_element(near.who.kind, near.who.space, near.what.where.first + random() % 3);
  if (random() % 8 == 0)
    it.element_last = it.element_first + random() % 2000;
  if (random() % 4 == 0)
    it.run = near.who.run;
  if (random() % 4 == 0)
    it.program = near.who.by.program;
  if (random() % 4 == 0) {
    it.from = {near.what.at.ns - 1'000'000'000};
    it.to = {near.what.at.ns + 20'000'000'000};
  }
  if (random() % 4 == 0)
    it.position_from = near.what.position - std::min<std::uint64_t>(near.what.position, random() % 100);
  if (random() % 4 == 0)
    it.position_to = near.what.position + 1 + random() % 500;
  return it;
}

void check_questions(const provenance::log& of, const std::vector<entry>& all, std::uint64_t seed) {
  std::mt19937_64 random{seed};
  const auto view = of.view();
  for (int i = 0; i < 60; ++i) {
    const auto wanted = any_filter(random, all);
    auto expected = matches(all, wanted);
    REQUIRE(read_all(of, wanted) == expected);
    const auto max = std::min<std::size_t>(1 + random() % 30, expected.size());
    expected.erase(expected.begin(), expected.end() - static_cast<std::ptrdiff_t>(max));
    REQUIRE(view.last(wanted, max).value() == expected);
  }
}

std::size_t indexes_on(const memory_disk& disk) {
  return static_cast<std::size_t>(std::count_if(disk.files.begin(), disk.files.end(),
                                                [](const auto& it) { return it.first.ends_with(".idx"); }));
}

} // namespace

TEST_CASE("with indexes every question has the answer that reading everything gives") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    memory_disk disk;
    auto log = opened(disk, several_segments);
    const auto all = fill_mixed(*log, 400, seed);
    check_questions(*log, all, seed); // Nothing merged yet.
    make_indexes(*log);
    check_questions(*log, all, seed + 100);
    REQUIRE(indexes_on(disk) > 3);
    REQUIRE(log->commit(durability::synced).has_value());
    log.reset();
    check_questions(*opened(disk, several_segments), all, seed + 200); // Read from their files.
  }
}

TEST_CASE("an index that is missing, damaged or of another segment is made again, and nothing is left out") {
  memory_disk disk;
  auto log = opened(disk, several_segments);
  const auto all = fill_mixed(*log, 400, 3);
  REQUIRE(log->commit(durability::synced).has_value());
  make_indexes(*log);
  log.reset();
  std::mt19937_64 random{4};
  for (int round = 0; round < 12; ++round) {
    const auto other = disk.files[index_name(1)];
    for (auto it = disk.files.begin(); it != disk.files.end();) {
      const bool index = it->first.ends_with(".idx");
      if (index && random() % 4 == 0) {
        it = disk.files.erase(it);
        continue;
      }
      if (index && random() % 2 == 0 && !it->second.empty())
        it->second[random() % it->second.size()] ^= std::byte{0x10};
      if (index && random() % 4 == 0)
        it->second = other;
      ++it;
    }
    log = opened(disk, several_segments);
    check_questions(*log, all, random());
    make_indexes(*log);
    check_questions(*log, all, random());
    log.reset();
  }
}

TEST_CASE("a disk that cannot keep indexes costs time, not answers") {
  memory_disk disk;
  auto log = opened(disk, several_segments);
  const auto all = fill_mixed(*log, 300, 5);
  while (auto job = log->next_index_job())
    log->indexed(job->segment, errc::no_space);
  check_questions(*log, all, 9);
}

TEST_CASE("a question for what was never touched reads no block, nor does one for an unknown run") {
  memory_disk disk;
  auto log = opened(disk, several_segments);
  fill_mixed(*log, 600, 7);
  REQUIRE(log->commit(durability::synced).has_value());
  make_indexes(*log);
  const auto view = log->view();
  // Whatever is read now is seen to be damaged.
  for (auto& [name, bytes] : disk.files)
    if (name.ends_with(".log"))
      for (std::size_t at = segment_header::bytes; at < bytes.size(); ++at)
        bytes[at] ^= std::byte{1};
  const visitor nothing = [](const context&, const record&) { return true; };
  REQUIRE(view.scan({}, nothing).value().damaged > 5);
  CHECK(view.scan(of_element(element_kind::page, 77, 5), nothing).value().damaged == 0);
  CHECK(view.scan({.run = run_id{100'000}}, nothing).value().damaged == 0);
}

TEST_CASE("postings come back from their pages, whatever the distances between them") {
  std::mt19937_64 random{11};
  for (int round = 0; round < 200; ++round) {
    const unsigned block_bits = random() % 20;
    const auto wide = random() % 28;
    const auto block_mask = (std::uint64_t{1} << block_bits) - 1;
    std::vector<std::uint64_t> keys(1 + random() % 30'000);
    for (auto& it : keys) {
      const auto first = random() % 16;
      it = posting(static_cast<std::uint32_t>(random() >> (36 + random() % (wide + 1))),
                   static_cast<std::uint32_t>(random() & block_mask), block_bits,
                   random() % 2 == 0 ? whole_group : part_of(first, first + random() % (16 - first)));
    }
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end(),
                           [](auto a, auto b) { return a >> part_bits == b >> part_bits; }),
               keys.end());
    posting_table table;
    posting_writer writer{block_bits, [&](std::span<const std::byte> page) {
                            table.memory.insert(table.memory.end(), page.begin(), page.end());
                            return result<void>{success()};
                          }};
    for (const auto it : keys)
      REQUIRE(writer.put(it).has_value());
    REQUIRE(writer.finish().has_value());
    table.fences = writer.fences;
    table.block_bits = block_bits;
    std::vector<std::uint64_t> got, page;
    for (std::size_t i = 0; i < table.fences.size(); ++i) {
      REQUIRE(table.page(i, page).has_value());
      got.insert(got.end(), page.begin(), page.end());
    }
    REQUIRE(got == keys);
    for (int i = 0; i < 20; ++i) {
      const auto shift = block_bits + part_bits;
      const auto hash = static_cast<std::uint32_t>((keys[random() % keys.size()] >> shift) + random() % 2);
      const auto first = random() % 16;
      const auto part = part_of(first, first + random() % (16 - first));
      std::vector<std::uint32_t> found, expected;
      REQUIRE(table.find(hash, part, found).has_value());
      for (const auto it : keys)
        if (it >> shift == hash && overlap(static_cast<group_part>(it), part))
          expected.push_back(static_cast<std::uint32_t>(it >> part_bits & block_mask));
      REQUIRE(found == expected);
    }
  }
}

TEST_CASE("hostile pages are refused or unpacked, never read past") {
  std::mt19937_64 random{12};
  std::vector<std::byte> page(posting_page_bytes);
  std::vector<std::uint64_t> out;
  for (int i = 0; i < 20'000; ++i) {
    for (auto& it : page)
      it = random() % 3 == 0 ? std::byte{0xff} : static_cast<std::byte>(random());
    page[6] = static_cast<std::byte>(random() % 50);
    put_number(page.data(), static_cast<std::uint32_t>(checksum(std::span{page}.subspan(4))));
    if (unpack_page(page, out))
      CHECK(std::is_sorted(out.begin(), out.end()));
  }
}
