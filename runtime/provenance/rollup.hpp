#pragma once
#include "runtime/base/result.hpp"
#include "runtime/provenance/record.hpp"
#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// How often, how much and how long, by minute and hour, so that a question over months reads kilobytes.
namespace forerun::provenance {

inline constexpr std::int64_t minute_ns = 60'000'000'000;
inline constexpr std::int64_t minutes_an_hour = 60;

enum class time_unit : std::uint8_t { minute, hour, all };

/// What a number of records have in sum.
struct totals {
  std::uint64_t records = 0;
  std::uint64_t elements = 0;
  std::uint64_t bytes = 0;
  std::uint64_t latency_us = 0;
  std::array<std::uint64_t, 5> outcomes{}; ///< By `outcome`.

  void add(const totals& other);
  bool operator==(const totals&) const = default;
};

/// The sums of one agent's accesses of one kind, space and operation in a minute or hour.
struct rollup_row {
  std::int64_t unit = 0; ///< Minutes or hours since 1970.
  context who;           ///< Without a run.
  operation op = operation::read;
  totals sum;
  bool operator==(const rollup_row&) const = default;
};

/// Sums of the block that is being filled. Memory: a row for each minute and operation of each of its
/// contexts. One thread.
class block_sums {
public:
  /// What `Entry` has: at, op, how, where, bytes, latency. `index` stands for a context of the block.
  template <class Entry> void add(std::uint32_t index, std::span<const Entry> entries) {
    if (index >= open_.size())
      open_.resize(index + 1);
    auto& it = open_[index];
    for (const auto& one : entries) {
      if (one.at.ns < it.begin || one.at.ns > it.last)
        open_minute(index, one.at);
      auto& sum = it.of(static_cast<std::uint8_t>(one.op));
      ++sum.records;
      sum.elements += one.where.count;
      sum.bytes += one.bytes;
      sum.latency_us += micros(one.latency);
      ++sum.outcomes[std::min<std::size_t>(static_cast<std::size_t>(one.how), sum.outcomes.size() - 1)];
    }
  }

  struct row {
    std::uint32_t index;
    std::int64_t minute;
    std::uint8_t op;
    totals sum;
  };
  /// All that was added; it is then empty.
  std::vector<row> take();

private:
  /// One context's sums in the minute that is counted now.
  struct open_sums {
    std::int64_t begin = 1; ///< Of the minute, ns since 1970; nothing lies in this one.
    std::int64_t last = 0;
    std::vector<std::pair<std::uint8_t, totals>> by_operation;
    std::size_t latest = 0;

    totals& of(std::uint8_t op) {
      if (latest >= by_operation.size() || by_operation[latest].first != op)
        find(op);
      return by_operation[latest].second;
    }
    void find(std::uint8_t op);
  };
  static std::uint64_t micros(nanos time) {
    return (static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0)) + 500) / 1000;
  }
  void open_minute(std::uint32_t index, wall_time at);
  void close(std::uint32_t index);

  std::vector<open_sums> open_; ///< By the block's index of the context.
  std::vector<row> closed_;
};

/// Adds blocks up by minute and by hour. Memory: at most `rows_max` rows of each; one that would have more
/// is given up, and whoever asks has to read the records instead. One thread.
class rollup {
public:
  static constexpr std::size_t rows_max = 8192;

  /// `contexts` are the block's, by index.
  void add(std::span<const block_sums::row> rows, std::span<const context> contexts);

  /// None: there were too many.
  std::optional<std::vector<rollup_row>> minutes() const { return rows(0); }
  std::optional<std::vector<rollup_row>> hours() const { return rows(1); }

private:
  struct key {
    std::int64_t unit;
    std::uint32_t who;
    std::uint8_t op;
    bool operator==(const key&) const = default;
    template <class H> friend H AbslHashValue(H state, const key& it) {
      return H::combine(std::move(state), it.unit, it.who, it.op);
    }
  };
  struct table {
    absl::flat_hash_map<key, totals> sums;
    bool given_up = false;
    void add(key where, const totals& what);
  };
  /// None: there are too many.
  std::optional<std::uint32_t> number(context who);
  std::optional<std::vector<rollup_row>> rows(std::size_t table) const;

  absl::flat_hash_map<context, std::uint32_t> number_of_;
  std::vector<context> contexts_; ///< Without runs; at most `rows_max`.
  std::array<table, 2> tables_;   ///< Minutes, hours.
};

/// As bytes: sorted by time, names once. Reading: at most `rollup::rows_max` rows. Errors: `corrupt`.
std::vector<std::byte> pack(const std::vector<rollup_row>& rows);
result<std::vector<rollup_row>> unpack_rollup(std::span<const std::byte> bytes);

} // namespace forerun::provenance
