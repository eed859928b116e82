#pragma once
#include <compare>
#include <concepts>
#include <cstdint>
#include <functional>

/// Names of things, as one-field types: a volume is never taken for a run.
namespace forerun {

struct volume_id {
  std::uint32_t value = 0;
  auto operator<=>(const volume_id&) const = default;
};

struct image_id {
  std::uint32_t value = 0;
  auto operator<=>(const image_id&) const = default;
};

/// One execution of a program. For a volume: from NBD attach to detach, unless the API says otherwise.
/// Zero means "no run".
struct run_id {
  std::uint64_t value = 0;
  auto operator<=>(const run_id&) const = default;
};

/// What can be predicted and moved. Blocks come first; other front doors add kinds, never a second id.
enum class element_kind : std::uint8_t {
  block = 0,       ///< Of a volume; 4 KiB.
  key = 1,         ///< Of a key-value store.
  page = 2,        ///< Of a machine's memory.
  file = 3,        ///< By its path.
  connection = 4,  ///< Between two network addresses.
  segment = 5,     ///< An immutable piece of a data set.
  resource = 6,    ///< What an event is about: a page of a web site, a function, a model.
  program = 7,     ///< By its name.
  image_block = 8, ///< Of an image; 4 KiB. Its volumes share it.
};

/// A kind (upper 8 bits) and an id within its space (lower 56 bits), e.g. a block number of a volume.
struct element_id {
  std::uint64_t value = 0;
  auto operator<=>(const element_id&) const = default;

  static constexpr element_id of_block(std::uint64_t block) { return {block}; }
  constexpr element_kind kind() const { return static_cast<element_kind>(value >> 56); }
  constexpr std::uint64_t id() const { return value & ((std::uint64_t{1} << 56) - 1); }
};

} // namespace forerun

template <class T>
requires requires(T id) {
  requires std::unsigned_integral<decltype(id.value)> && sizeof(T) == sizeof(id.value);
}
struct std::hash<T> {
  std::size_t operator()(T id) const noexcept { return std::hash<decltype(id.value)>{}(id.value); }
};
