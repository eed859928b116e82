#pragma once
#include "runtime/nbd/device.hpp"
#include "runtime/origin/pattern.hpp"
#include <algorithm>
#include <array>
#include <map>
#include <mutex>

namespace forerun::replay {

/// A pattern image under written blocks, in memory; answers at once and keeps a list of what was asked.
class sparse_device final : public nbd::device {
public:
  struct asked {
    nbd::command kind{};
    std::uint64_t offset = 0;
    std::uint32_t length = 0;
    instant at{};
    bool operator==(const asked& other) const {
      return kind == other.kind && offset == other.offset && length == other.length;
    }
  };

  sparse_device(nbd::export_info about, std::uint64_t seed) : about_(std::move(about)), seed_(seed) {}

  const nbd::export_info& info() const override { return about_; }
  void attached(nbd::io_slot) override {}
  void detached(nbd::io_slot) override {}
  nbd::started start(nbd::io_slot, const nbd::request& what, std::span<const std::byte> payload,
                     nbd::gather& out, nbd::ticket) override {
    const std::lock_guard hold(lock_);
    asked_.push_back({what.kind, what.offset, what.length, what.arrived});
    if (what.kind == nbd::command::read && what.offset == fail_at)
      return {.what = nbd::verdict::failed, .error = errc::io_failed, .how = {}};
    if (what.kind == nbd::command::read)
      copy_out(what.offset, out.scratch(what.length));
    else if (what.kind == nbd::command::write)
      copy_in(what.offset, payload);
    else if (what.length != 0)
      copy_in(what.offset,
              std::vector<std::byte>(what.length,
                                     what.kind == nbd::command::trim ? std::byte{0xdd} : std::byte{0}));
    return {.what = nbd::verdict::done, .error = {}, .how = {.how = outcome::hit}};
  }
  void answered(nbd::io_slot, const nbd::request&, const nbd::answer&, instant) override {}
  std::vector<nbd::status_range> block_status(std::uint64_t, std::uint64_t length, std::size_t) override {
    return {{length, false, false}};
  }
  bool turn_ended(nbd::io_slot, instant) override { return false; }

  std::vector<asked> all() const {
    const std::lock_guard hold(lock_);
    return asked_;
  }
  /// Makes the image differ from the pattern there.
  void spoil(std::uint64_t offset) {
    const std::lock_guard hold(lock_);
    block(offset / block_bytes)[offset % block_bytes] ^= std::byte{1};
  }

  std::uint64_t fail_at = UINT64_MAX; ///< Reads at this offset fail. Set before the first request.

private:
  using content = std::array<std::byte, block_bytes>;

  content& block(std::uint64_t number) {
    const auto [at, fresh] = blocks_.try_emplace(number);
    if (fresh)
      origin::pattern_block(seed_, number, at->second);
    return at->second;
  }
  void copy_out(std::uint64_t offset, std::span<std::byte> into) {
    while (!into.empty()) {
      const auto from = static_cast<std::size_t>(offset % block_bytes);
      const auto count = std::min<std::size_t>(block_bytes - from, into.size());
      std::copy_n(block(offset / block_bytes).begin() + static_cast<std::ptrdiff_t>(from), count,
                  into.begin());
      offset += count;
      into = into.subspan(count);
    }
  }
  void copy_in(std::uint64_t offset, std::span<const std::byte> data) {
    while (!data.empty()) {
      const auto from = static_cast<std::size_t>(offset % block_bytes);
      const auto count = std::min<std::size_t>(block_bytes - from, data.size());
      std::copy_n(data.begin(), count,
                  block(offset / block_bytes).begin() + static_cast<std::ptrdiff_t>(from));
      offset += count;
      data = data.subspan(count);
    }
  }

  nbd::export_info about_;
  std::uint64_t seed_;
  mutable std::mutex lock_;
  std::map<std::uint64_t, content> blocks_;
  std::vector<asked> asked_;
};

} // namespace forerun::replay
