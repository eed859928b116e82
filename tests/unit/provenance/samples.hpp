#pragma once
#include "runtime/provenance/log.hpp"
#include "tests/support/memory_disk.hpp"
#include <array>
#include <doctest/doctest.h>
#include <random>

/// Records that tests write and expect back.
namespace forerun::provenance {

inline context who(int number = 0) {
  return {.by = {.vm = "alpha", .program = number % 2 ? "db" : "gcc", .user = "ann", .node = 7},
          .run = {static_cast<std::uint64_t>(1000 + number)},
          .space = static_cast<std::uint32_t>(number / 2)};
}

/// Plausible accesses with every field in use; the same seed gives the same ones.
inline std::vector<access> accesses(std::size_t count, std::uint64_t seed = 1) {
  std::mt19937_64 random{seed};
  std::vector<access> out(count);
  std::int64_t time = 1'700'000'000'000'000'000;
  std::uint64_t next = 0;
  for (auto& it : out) {
    time += static_cast<std::int64_t>(random() % 2'000'000) - 100'000;
    it.at = {time};
    it.latency = std::chrono::microseconds{random() % 20'000};
    it.bytes =
        static_cast<std::uint32_t>(random() % 16 == 0 ? random() % 100'000 : (random() % 8 + 1) * 4096);
    next = random() % 4 == 0 ? random() % 300'000 : next;
    it.where = blocks_touched(next * block_bytes + (random() % 8 == 0 ? 512 : 0), it.bytes);
    next = it.where.end();
    it.op = random() % 3 == 0 ? operation::write : operation::read;
    it.how = it.op == operation::read ? static_cast<outcome>(random() % 5) : outcome::none;
    if (it.op == operation::write)
      for (auto& byte : it.written)
        byte = static_cast<std::uint8_t>(random());
  }
  return out;
}

inline record as_record(const access& it, std::uint64_t position) {
  return {.position = position,
          .at = it.at,
          .latency = it.latency,
          .where = it.where,
          .bytes = it.bytes,
          .op = it.op,
          .how = it.how,
          .written = it.written};
}

inline std::vector<entry> read_all(const log& from, const filter& wanted = {}) {
  std::vector<entry> out;
  const auto done = from.view().scan(wanted, [&](const context& by, const record& what) {
    out.push_back({by, what});
    return true;
  });
  return done ? out : std::vector<entry>{};
}

inline constexpr log_limits small_limits{.block_records = 50, .segment_bytes = 4000};

/// Somebody who signs; another number, another key.
inline const seed_signer& somebody(std::uint8_t number = 1) {
  static const auto make = [](std::uint8_t it) { return seed_signer::make({it}).value(); };
  static const std::array all{make(0), make(1), make(2)};
  return all.at(number);
}

inline std::unique_ptr<log> opened(disk& where, log_limits limits = small_limits,
                                   const signer* by = nullptr) {
  static manual_clock clock;
  auto made = log::open(where, clock, limits, by);
  REQUIRE(made.has_value());
  return std::move(made.value());
}

/// Appends so many records of several contexts, in batches of 30; returns them.
inline std::vector<entry> fill(log& to, std::size_t count, std::uint64_t seed = 1) {
  std::vector<entry> out;
  const auto all = accesses(count, seed);
  for (std::size_t i = 0; i < count; i += 30) {
    const auto some = std::span{all}.subspan(i, std::min<std::size_t>(30, count - i));
    const auto by = who(static_cast<int>(i / 30 % 5));
    const auto first = to.append(by, some);
    REQUIRE(first.has_value());
    for (std::size_t k = 0; k < some.size(); ++k)
      out.push_back({by, as_record(some[k], first.value() + k)});
  }
  return out;
}

} // namespace forerun::provenance
