#pragma once
#include "runtime/base/bytes.hpp"
#include "runtime/provenance/columns.hpp"
#include <bit>
#include <cstddef>
#include <memory>
#include <vector>

namespace forerun::provenance {

/// What stands before the bytes of a column.
inline void put_column_head(byte_writer<>& out, column_id id, column_codec codec, std::size_t bytes) {
  out.put(static_cast<std::uint8_t>(id));
  out.put(static_cast<std::uint8_t>(codec));
  out.put_varint(bytes);
}

/// Collects the numbers of one column: as runs of equal ones for as long as that is shorter than a varint for
/// each, then plain. Nothing is allocated per record. One thread.
class column_writer {
public:
  /// Room for `records_max` numbers between two calls of `clear`.
  explicit column_writer(std::size_t records_max)
      : data_(std::make_unique_for_overwrite<std::byte[]>(records_max * varint_max + pair_max)) {
    clear();
  }

  /// Adds `value_of(0)` to `value_of(count - 1)`; it may ask for one twice.
  template <class ValueOf> void put(std::size_t count, ValueOf value_of) {
    std::size_t i = 0;
    while (!plain_ && i < count) {
      const auto first = i;
      while (i < count && value_of(i) == value_)
        ++i;
      length_ += i - first;
      if (i < count)
        begin_run(value_of(i++));
    }
    auto* end = end_;
    for (; i < count; ++i)
      end = put_varint(end, value_of(i));
    end_ = end;
  }
  void clear();

  /// About how many bytes `write` would append now.
  std::size_t size() const { return used() + (plain_ ? 0 : pair_bytes()); }
  /// The whole column, in the shorter of the two codecs.
  void write(byte_writer<>& out, column_id id) const;

private:
  static constexpr std::size_t varint_max = 10;
  static constexpr std::size_t pair_max = 2 * varint_max;

  static constexpr std::size_t varint_bytes(std::uint64_t value) {
    return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
  }
  static std::byte* put_varint(std::byte* at, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7)
      *at++ = static_cast<std::byte>(value | 0x80);
    *at++ = static_cast<std::byte>(value);
    return at;
  }
  static std::byte* put_repeated(std::byte* at, std::uint64_t value, std::uint64_t times);
  std::size_t used() const { return static_cast<std::size_t>(end_ - data_.get()); }
  std::size_t pair_bytes() const { return varint_bytes(value_) + varint_bytes(length_); }
  /// Closes the run and begins the next one, or goes over to plain.
  void begin_run(std::uint64_t value);
  /// The closed runs as plain numbers, to `at`; returns their end.
  std::byte* expand(std::byte* at, std::vector<std::byte> runs) const;

  std::unique_ptr<std::byte[]> data_; ///< Closed runs, or plain numbers.
  std::byte* end_ = nullptr;
  bool plain_ = false;
  std::uint64_t value_ = 0; ///< Of the open run.
  std::uint64_t length_ = 0;
  std::size_t plain_bytes_ = 0; ///< What the closed runs would take as plain numbers.
};

} // namespace forerun::provenance
