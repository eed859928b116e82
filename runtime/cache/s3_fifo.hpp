#pragma once
#include "runtime/cache/ghost.hpp"
#include "runtime/cache/listed_policy.hpp"

namespace forerun::cache {

/// S3-FIFO (Yang, Zhang, Qiu, Yue, Vinayak: FIFO queues are all you need for cache eviction, SOSP '23): a
/// small queue (10 % of the capacity) that new blocks pass through, a main queue for those that were used
/// more than once on the way, and a memory of the keys that left the small queue, which come back to the main
/// one. A scan flows through the small queue and leaves the main one alone.
///
/// For prefetch: an unread block enters the small queue, its first use does not raise its frequency (blocks
/// that are used once drain by themselves), and it is not remembered when it leaves unread.
class s3_fifo final : public listed_policy {
public:
  explicit s3_fifo(std::size_t capacity) : listed_policy(capacity, 2) {}
  std::size_t memory_bytes() const override { return listed_policy::memory_bytes() + ghost_.memory_bytes(); }

private:
  static constexpr std::uint8_t small_list = 1;
  static constexpr std::uint8_t main_list = 2;
  static constexpr std::uint8_t freq_max = 3;
  static constexpr std::size_t small_divisor = 10;

  void enter(slot one) override;
  void first_use(slot) override {}
  void used(slot one) override;
  void favour(slot one) override;
  void enter_overdue(slot one) override;
  slot choose() override;
  slot choose_small();
  slot choose_main();

  ghost ghost_;
};

} // namespace forerun::cache
