#pragma once
#include "runtime/study/prefetcher.hpp"
#include <absl/container/flat_hash_map.h>
#include <array>

namespace forerun::study {

/// Mithril (Yang, Karimi, Sæmundsson, Wildani, Vigfusson: MITHRIL, mining sporadic associations for cache
/// prefetching, SoCC 2017). Time is the number of requests. What is missed is recorded with the times of its
/// misses; at `support_min` of them it moves to the mining table, and past `support_max` it is too frequent
/// and forgotten. When enough wait there, those whose times lie within `range` of each other are
/// associated: the nearest one that begins behind, and all that once came directly behind. One count more or
/// less, and one pair of times further apart than that, is let pass. A request fetches what is associated.
///
/// The numbers and what the paper leaves open are as in the authors' implementation (libCacheSim, Mithril.c),
/// but for how many rows are mined at once: its 2560 never come together where a trace has fewer elements.
/// Its objects are requests, known by their first block and as long as they were the last time. Its tables
/// have a tenth of the cache; here they have bounds that traces do not reach, which can only help it. Not
/// done is its second chance for what would be evicted unused: that belongs to the cache.
class mithril final : public prefetcher {
public:
  static constexpr std::uint32_t support_min = 2;
  static constexpr std::uint32_t support_max = 8;
  static constexpr std::uint32_t range = 20;            ///< Requests.
  static constexpr std::uint32_t slack = 1;             ///< The authors' "confidence".
  static constexpr std::size_t associated_max = 2;      ///< For each request, the newest ones.
  static constexpr std::size_t recorded_max = 1u << 20; ///< Requests; past it the recording starts anew.
  static constexpr std::size_t tables_max = 1u << 20;   ///< Requests with associations; likewise lengths.

  /// `mined_rows`: so many requests with enough support start the mining; at least 1.
  explicit mithril(std::size_t mined_rows = 256) : mined_rows_(mined_rows) {}

  void observe(const access& seen, const residency& here, const predict::link_figures& link,
               wishes& out) override;

private:
  struct row {
    std::uint64_t block = 0;
    std::array<std::uint32_t, support_max> at{};
    std::uint32_t count = 0;
  };
  struct partners {
    std::array<std::uint64_t, associated_max> blocks{};
    std::uint8_t count = 0, next = 0;
  };
  void record(std::uint64_t block);
  void mine_all();
  void associate(std::uint64_t from, std::uint64_t to);
  static bool together(const row& one, const row& other, bool nearest);

  std::size_t mined_rows_;
  std::uint32_t now_ = 0;
  absl::flat_hash_map<std::uint64_t, std::uint32_t> recorded_; ///< Missed once, and when.
  std::vector<row> mining_;
  absl::flat_hash_map<std::uint64_t, std::size_t> mining_at_; ///< Where in it.
  absl::flat_hash_map<std::uint64_t, partners> partners_;
  absl::flat_hash_map<std::uint64_t, std::uint32_t> lengths_;
};

} // namespace forerun::study
