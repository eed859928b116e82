#pragma once
#include "runtime/provenance/column_writer.hpp"
#include "runtime/provenance/format.hpp"
#include "runtime/provenance/record.hpp"
#include <absl/container/flat_hash_map.h>
#include <array>
#include <limits>
#include <optional>
#include <vector>

namespace forerun::provenance {

/// Collects records and turns them into one block. Nothing is allocated per record. One thread.
class block_builder {
public:
  /// At most `records_max` records make a block; 1 to `block_records_max` (clamped).
  explicit block_builder(std::uint32_t records_max);

  /// Adds as many of `entries` as the block has room for; returns how many, maybe none. Entries must be
  /// `storable`, names within `name_bytes_max`. `details` has one for each entry, or none at all.
  std::size_t add(const context& who, std::span<const access> entries, std::span<const detail> details = {});

  std::uint32_t records() const { return records_; }
  std::span<const context> contexts() const { return contexts_; }
  /// Of what was added last.
  std::uint32_t last_context() const { return last_context_; }
  bool full() const { return records_ == records_max_; }
  /// About how many bytes the block would have now.
  std::size_t bytes() const;

  /// Header (to be completed: sequence, position, durable, predecessor) and payload of what was added;
  /// needs at least one record. The image has room for the header at its front.
  block_header encode(std::vector<std::byte>& image) const;
  /// Forgets the records; the next one is compared with the latest of them to see if the clock stepped back.
  void clear();
  /// The latest time of the block before, when that was not built here.
  void continue_after(wall_time time);

  static bool storable(const access& entry) {
    return entry.where.first < element_limit && static_cast<unsigned>(entry.op) < 1u << operation_bits &&
           static_cast<unsigned>(entry.how) < 1u << outcome_bits;
  }

private:
  column_writer& of(column_id id) { return columns_[static_cast<std::size_t>(id) - 1]; }
  std::optional<std::uint32_t> find(const context& who);
  std::uint32_t make_context(const context& who);
  /// So many of `wanted` records fit, whatever they are.
  std::size_t room_for(std::size_t wanted, bool new_context);
  void add_columns(std::uint32_t context, std::span<const access> entries, std::span<const detail> details);
  void add_digest(const digest& of);
  void add_value(std::string_view value);

  std::uint32_t records_max_;
  std::uint32_t records_ = 0;
  std::vector<column_writer> columns_; ///< By id.
  std::size_t room_ = 0;               ///< At least so many records fit, of contexts that are there.
  std::vector<std::byte> digests_;
  std::vector<std::byte> values_;
  std::vector<std::byte> versions_;
  std::uint64_t last_version_ = 0;
  absl::flat_hash_map<context, std::uint32_t> context_of_; ///< At most `block_contexts_max`.
  std::array<std::uint32_t, 64> recent_{};                 ///< Indexes, by what tells contexts apart most.
  std::vector<context> contexts_;                          ///< By index.
  std::vector<std::uint64_t> last_end_;                    ///< By index: end of the context's last record.
  std::uint32_t last_context_ = 0;
  std::int64_t last_time_ = 0;
  std::int64_t time_min_ = 0;
  std::int64_t time_max_ = std::numeric_limits<std::int64_t>::min(); ///< Outlives `clear`.
  bool stepped_back_ = false;
  std::uint64_t element_min_ = 0;
  std::uint64_t element_max_ = 0;
  std::size_t names_bytes_ = 0;
};

} // namespace forerun::provenance
