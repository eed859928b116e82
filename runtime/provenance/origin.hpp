#pragma once
#include "runtime/provenance/query.hpp"
#include <absl/container/flat_hash_map.h>
#include <memory>

/// Who made what a reader met. A WRITE or DELETE makes a new version of each element that it covers; READ and
/// EXECUTE use the version that is there. Requests that failed neither make nor use one. A record that covers
/// no element by its count is taken to cover its first, as everywhere in the log. Any thread.
namespace forerun::provenance {

/// Number `number` of those of one kind in one space.
struct element {
  element_kind kind = element_kind::block;
  std::uint32_t space = 0;
  std::uint64_t number = 0;

  bool operator==(const element&) const = default;
  template <class H> friend H AbslHashValue(H state, const element& it) {
    return H::combine(std::move(state), static_cast<std::uint8_t>(it.kind), it.space, it.number);
  }
};

constexpr std::uint32_t bit_of(operation op) {
  return std::uint32_t{1} << static_cast<unsigned>(op);
}
inline constexpr auto making_operations = bit_of(operation::write) | bit_of(operation::remove);
inline constexpr auto using_operations = bit_of(operation::read) | bit_of(operation::execute);

inline bool makes(const record& what) {
  return (making_operations & bit_of(what.op)) != 0 && what.how != outcome::failed;
}
inline bool uses(const record& what) {
  return (using_operations & bit_of(what.op)) != 0 && what.how != outcome::failed;
}

/// The elements that a record covers.
inline extent touched(const record& what) {
  return {what.where.first, std::max(what.where.count, 1u)};
}

/// Empty if they have nothing in common.
extent overlap(extent a, extent b);

/// Elements in a row and what made them; null: nothing that is in the log, they are as they began.
struct piece {
  extent where{};
  std::shared_ptr<const entry> made;
};

/// Finds the makers of versions, newest first, and keeps what it found: `answers_max` of them. One thread.
class origin_finder {
public:
  /// `records_max`: records and questions without an answer, of all that it is asked for.
  origin_finder(const record_source& from, std::uint64_t records_max)
      : from_(from), records_left_(records_max) {}

  /// The versions of the elements `where` that a reader at position `before` met, in order of elements. If
  /// the records run out, those that are missing are left out, and `spent`. Errors: as the source's;
  /// `corrupt`: it gave a record that was not asked for.
  result<std::vector<piece>> pieces(element_kind kind, std::uint32_t space, extent where,
                                    std::uint64_t before);

  /// Counts records that the caller has looked at; false if they are more than there may be.
  bool take(std::uint64_t records);
  std::uint64_t records_left() const { return records_left_; }
  bool spent() const { return spent_; }

  static constexpr std::size_t answers_max = 16384;

private:
  struct place {
    element_kind kind;
    std::uint32_t space;
    extent where;
    bool operator==(const place&) const = default;
    template <class H> friend H AbslHashValue(H state, const place& it) {
      return H::combine(std::move(state), static_cast<std::uint8_t>(it.kind), it.space, it.where.first,
                        it.where.count);
    }
  };
  /// Holds for readers behind `after`, if any, and up to `before`.
  struct answer {
    std::optional<std::uint64_t> after;
    std::uint64_t before = 0;
    std::vector<piece> found;
  };
  /// Null: as it began, or the records are spent.
  result<std::shared_ptr<const entry>> last_maker(const place& of, std::uint64_t before);

  const record_source& from_;
  std::uint64_t records_left_;
  bool spent_ = false;
  absl::flat_hash_map<place, answer> known_;
};

/// The record that made the version of `of` that a reader at position `before` meets: the last successful
/// WRITE or DELETE that covers it and stands before. None: it is as it began. Errors: as the source's;
/// `overloaded`: there are 65536 failed ones in between.
result<std::optional<entry>> writer_of(const record_source& from, const element& of,
                                       std::uint64_t before = std::numeric_limits<std::uint64_t>::max());

/// A read (or execution) and the versions that it met.
struct read_origin {
  entry read;
  std::vector<piece> parts; ///< In order of elements; only those that were asked for.
  std::string name; ///< Under which its elements came into being; empty: not known, or nobody looked for it.
};

struct read_origins {
  std::vector<read_origin> reads;  ///< Oldest first.
  bool complete = true;            ///< False: there may be older ones.
  std::uint64_t from_position = 0; ///< To go on with older ones: the next `position_to`.
};

/// Who wrote the versions that these reads met: of the newest `reads_max` that `wanted` matches, e.g. those
/// of a run, or a run's reads of one element. Its operations do not count. Errors: as the source's;
/// `overloaded`: the newest read alone has too many parts for `records_max`.
result<read_origins> origins_of(const record_source& from, filter wanted, std::size_t reads_max = 1000,
                                std::uint64_t records_max = 100'000);

} // namespace forerun::provenance
