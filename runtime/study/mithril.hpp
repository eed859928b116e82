#pragma once
#include "runtime/study/prefetcher.hpp"
#include <absl/container/flat_hash_map.h>
#include <array>

namespace forerun::study {

/// Mithril (Yang, Karimi, Sæmundsson, Wildani, Vigfusson: MITHRIL, mining sporadic associations for cache
/// prefetching, SoCC 2017): blocks that are missed few times are recorded with the numbers of those misses;
/// when enough of them were missed `support_min` times or more, all that were recorded equally often are
/// compared, and two whose times always lie within `range` of each other, and once next to each other, are
/// associated. A request for the first fetches the second. Blocks missed more than `support_max` times are no
/// sporadic ones, and forgotten by the recording.
class mithril final : public prefetcher {
public:
  static constexpr std::uint32_t support_min = 2;
  static constexpr std::uint32_t support_max = 8;
  static constexpr std::uint32_t range = 20;            ///< Misses.
  static constexpr std::size_t associated_max = 2;      ///< For each block, the newest ones.
  static constexpr std::size_t mined_rows = 1024;       ///< Blocks with enough support start the mining.
  static constexpr std::size_t recorded_max = 1u << 20; ///< Blocks; past it the recording starts anew.
  static constexpr std::size_t tables_max = 1u << 20;   ///< Blocks with associations; likewise.

  void observe(const access& seen, const residency& here, const predict::link_figures& link,
               wishes& out) override;

private:
  struct row {
    std::array<std::uint32_t, support_max> at{};
    std::uint32_t count = 0; ///< Above `support_max`: frequent.
  };
  struct partners {
    std::array<std::uint64_t, associated_max> blocks{};
    std::uint8_t count = 0, next = 0;
  };
  void record(std::uint64_t block);
  void mine_all();
  void associate(std::uint64_t from, std::uint64_t to);

  absl::flat_hash_map<std::uint64_t, row> rows_;
  std::vector<std::uint64_t> supported_; ///< To be mined.
  absl::flat_hash_map<std::uint64_t, partners> partners_;
  std::uint32_t misses_ = 0;
};

} // namespace forerun::study
