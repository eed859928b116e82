#pragma once
#include "runtime/base/result.hpp"
#include <bit>
#include <concepts>
#include <cstring>
#include <span>
#include <vector>

/// Reading and writing of bytes that come from outside or go to disk. Nothing here reads past its end.
namespace forerun {

template <std::endian order, std::unsigned_integral T> constexpr T to_order(T value) {
  if constexpr (order == std::endian::native || sizeof(T) == 1)
    return value;
  else if constexpr (sizeof(T) == 2)
    return __builtin_bswap16(value);
  else if constexpr (sizeof(T) == 4)
    return __builtin_bswap32(value);
  else
    return __builtin_bswap64(value);
}

/// Reads a number at `at`; the caller has made sure that it is there.
template <std::unsigned_integral T, std::endian order = std::endian::little>
T get_number(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return to_order<order>(value);
}

template <std::unsigned_integral T, std::endian order = std::endian::little>
void put_number(std::byte* at, T value) {
  value = to_order<order>(value);
  std::memcpy(at, &value, sizeof value);
}

/// Takes values off the front of untrusted bytes. After the first failure everything fails, so that a parser
/// may check `ok()` once at its end; values read after a failure are zero.
template <std::endian order = std::endian::little> class byte_reader {
public:
  explicit byte_reader(std::span<const std::byte> data) : data_(data) {}

  template <std::unsigned_integral T> T take() {
    if (data_.size() < sizeof(T)) {
      fail();
      return 0;
    }
    const T value = get_number<T, order>(data_.data());
    data_ = data_.subspan(sizeof(T));
    return value;
  }
  /// Empty when so many are not there.
  std::span<const std::byte> take_bytes(std::size_t count) {
    if (data_.size() < count) {
      fail();
      return {};
    }
    const auto bytes = data_.first(count);
    data_ = data_.subspan(count);
    return bytes;
  }
  /// LEB128, at most 10 bytes.
  std::uint64_t take_varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = take<std::uint8_t>();
      if (!ok_)
        return 0;
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0)
        return value;
    }
    fail();
    return 0;
  }
  std::int64_t take_zigzag() {
    const auto value = take_varint();
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
  }
  std::size_t left() const { return data_.size(); }
  bool ok() const { return ok_; }

private:
  void fail() {
    ok_ = false;
    data_ = {};
  }
  std::span<const std::byte> data_;
  bool ok_ = true;
};

/// Appends values to a growing buffer.
template <std::endian order = std::endian::little> class byte_writer {
public:
  explicit byte_writer(std::vector<std::byte>& out) : out_(out) {}

  template <std::unsigned_integral T> void put(T value) {
    const auto at = out_.size();
    out_.resize(at + sizeof(T));
    put_number<T, order>(out_.data() + at, value);
  }
  void put_bytes(std::span<const std::byte> data) { out_.insert(out_.end(), data.begin(), data.end()); }
  void put_varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7)
      out_.push_back(static_cast<std::byte>(value | 0x80));
    out_.push_back(static_cast<std::byte>(value));
  }
  void put_zigzag(std::int64_t value) {
    put_varint((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }

private:
  std::vector<std::byte>& out_;
};

} // namespace forerun
