#pragma once
#include "runtime/base/bytes.hpp"
#include "runtime/provenance/columns.hpp"
#include <array>
#include <vector>

namespace forerun::provenance {

/// The columns of one block, each decoded when it is asked for. The payload must outlive it.
class column_reader {
public:
  explicit column_reader(std::uint32_t records) : records_(records) {}

  /// Takes all columns off the payload, behind its contexts; false when they do not follow the format.
  bool take(byte_reader<>& payload);

  /// One number for each record, 0 where there is no such column; false when it does not hold so many. `out`
  /// may be shorter: for the first records.
  bool numbers(column_id id, std::span<std::uint64_t> out) const;
  /// Of columns 8 to 10, as codec plain has it.
  std::span<const std::byte> bytes(column_id id) const { return of(id).bytes; }

private:
  struct column {
    column_codec codec{};
    std::span<const std::byte> bytes;
  };
  const column& of(column_id id) const { return columns_[static_cast<std::size_t>(id) - 1]; }
  bool unpack(column& it);

  std::uint32_t records_;
  std::array<column, columns_known> columns_{};
  std::vector<std::byte> unpacked_; ///< Of the one that may be compressed.
};

} // namespace forerun::provenance
