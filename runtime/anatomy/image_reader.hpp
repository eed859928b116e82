#pragma once
#include "runtime/base/result.hpp"
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace forerun::anatomy {

/// An image's bytes, for whoever looks into it. Called by one thread at a time; may wait.
class image_reader {
public:
  virtual ~image_reader() = default;
  virtual std::uint64_t bytes() const = 0;
  /// Fills all of `into` from byte `offset`. Errors: `out_of_range` past the end; else those of the source.
  virtual result<void> read(std::uint64_t offset, std::span<std::byte> into) = 0;
  /// These bytes will be read shortly: whoever fetches from afar may begin to. They may lie past the end.
  virtual void soon(std::uint64_t /*offset*/, std::uint64_t /*length*/) {}
};

/// How much looking into an image may cost, be it damaged or hostile. What reaches one ends with
/// `overloaded`.
struct limits {
  std::uint64_t bytes_read_max = std::uint64_t{1} << 28;
  std::uint64_t reads_max = 100'000;
  std::uint32_t inodes_max = 4'000'000;  ///< That the file system has room for.
  std::uint32_t files_max = 1'000'000;   ///< In use.
  std::uint32_t entries_max = 2'000'000; ///< Names in directories.
  std::uint32_t pieces_max = 4'000'000;  ///< Runs of blocks, and steps to find them.
  std::uint32_t depth_max = 64;          ///< Of folders in folders; what lies deeper has no name.
  /// Asked now and then; no ends the work with `cancelled`. Empty means yes.
  std::function<bool()> still_wanted;
};

/// The same bytes, counted, and never more of them than the limits allow. Remembers what ended the reading,
/// since a library in between has no word for it.
class counted_reader final : public image_reader {
public:
  counted_reader(image_reader& below, const limits& bounds) : below_(below), bounds_(bounds) {}
  std::uint64_t bytes() const override { return below_.bytes(); }
  const limits& bounds() const { return bounds_; }
  /// Errors also: `overloaded`, `cancelled`.
  result<void> read(std::uint64_t offset, std::span<std::byte> into) override;
  void soon(std::uint64_t offset, std::uint64_t length) override {
    if (ended_)
      below_.soon(offset, length);
  }
  /// The error that the work as a whole should end with; nothing while reading may go on. A read past the end
  /// is the image's fault and no such error.
  result<void> usable() const { return ended_; }
  std::uint64_t reads() const { return reads_; }
  std::uint64_t bytes_read() const { return bytes_read_; }

private:
  image_reader& below_;
  const limits& bounds_;
  result<void> ended_ = success();
  std::uint64_t reads_ = 0, bytes_read_ = 0;
};

} // namespace forerun::anatomy
