#pragma once
#include "runtime/base/result.hpp"
#include "runtime/base/time.hpp"
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

/// Eviction: which resident block goes when room is needed. The tier that holds the bytes tells a policy what
/// it admitted, what was read and what is gone, and asks it for victims. Values only; one thread at a time.
namespace forerun::cache {

/// A block of an image or of anything else that is cached: 24 bits for the owner, 40 for the block, which is
/// 4 EiB of 4 KiB blocks. Higher bits of either are cut off.
struct cache_key {
  std::uint64_t value = 0;
  bool operator==(const cache_key&) const = default;

  static constexpr unsigned block_bits = 40;
  static constexpr cache_key of(std::uint32_t owner, std::uint64_t block) {
    return {std::uint64_t{owner} << block_bits | (block & ((std::uint64_t{1} << block_bits) - 1))};
  }
  constexpr std::uint32_t owner() const { return static_cast<std::uint32_t>(value >> block_bits); }
  constexpr std::uint64_t block() const { return value & ((std::uint64_t{1} << block_bits) - 1); }
};

/// Why a block came in: somebody reads it now, or somebody may read it later.
enum class admit_kind : std::uint8_t { demand, prefetch };

enum class policy_kind : std::uint8_t { s3_fifo, lru, lfu, arc };

/// "s3-fifo", "lru", "lfu" or "arc", as in the configuration. Errors: `invalid_argument`.
result<policy_kind> policy_named(std::string_view name);
std::string_view to_string(policy_kind kind);

/// One eviction policy over the keys that it was told of. It never refuses a key: the caller owns the room
/// and asks for a victim before it admits into a full tier. Memory grows with use, not with the capacity: at
/// most about 48 bytes for each resident key (ARC, which remembers whole keys: 60).
///
/// A prefetched block that has not been read is *unread*. It can be protected until an instant; from then on
/// it is overdue and among the first to go. Protected blocks hold at most half of the capacity: past that the
/// oldest loses its protection, so that prefetch cannot push out everything that is in use.
class policy {
public:
  virtual ~policy() = default;
  policy() = default;
  policy(const policy&) = delete;
  policy& operator=(const policy&) = delete;

  /// The block is now resident. Of a block that already is: demand counts as `touched`, prefetch is no news.
  virtual void admit(cache_key key, admit_kind kind) = 0;
  /// The block was read. Its protection ends. Unknown keys (evicted meanwhile) are ignored, here and below.
  virtual void touched(cache_key key) = 0;
  /// The block is resident and was predicted again: keep it longer.
  virtual void protect(cache_key key) = 0;
  /// An unread block is no victim until it is read or `until` has passed (in steps of 67 ms, rounded up).
  /// Does nothing to a block that has been read.
  virtual void protect_until(cache_key key, instant until) = 0;
  /// The block is gone for another reason than eviction (overwritten, dropped). It is not remembered.
  virtual void removed(cache_key key) = 0;
  /// Chooses the block to evict and forgets it. Empty only when nothing is resident: when every block is
  /// protected, the one whose protection ends first goes.
  virtual std::optional<cache_key> victim(instant now) = 0;

  virtual bool contains(cache_key key) const = 0;
  /// Resident keys.
  virtual std::size_t size() const = 0;
  /// Of those, protected ones.
  virtual std::size_t protected_size() const = 0;
  /// Memory held, in bytes.
  virtual std::size_t memory_bytes() const = 0;
};

/// `capacity` is the number of blocks that fit the tier, at least 1 and below 2^32 - 1 (clamped).
std::unique_ptr<policy> make_policy(policy_kind kind, std::size_t capacity);

} // namespace forerun::cache
