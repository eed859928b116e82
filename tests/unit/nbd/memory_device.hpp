#pragma once
#include "runtime/nbd/device.hpp"
#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

namespace forerun::nbd {

/// A device whose bytes are in memory. Everything is answered at once.
class memory_device : public device {
public:
  explicit memory_device(export_info about) : about_(std::move(about)), bytes_(about_.bytes) {}

  const export_info& info() const override { return about_; }
  void attached(io_slot) override { ++attached_count; }
  void detached(io_slot) override { ++detached_count; }

  started start(io_slot, const request& what, std::span<const std::byte> payload, gather& out,
                ticket) override {
    ++started_count;
    const std::span<std::byte> range{bytes_.data() + what.offset, what.length};
    switch (what.kind) {
    case command::read:
      out.add(range);
      break;
    case command::write:
      std::ranges::copy(payload, range.begin());
      break;
    case command::trim:
    case command::write_zeroes:
      std::ranges::fill(range, std::byte{});
      break;
    case command::flush:
    case command::cache:
      break;
    }
    return {.what = verdict::done, .how = {.how = outcome::hit}};
  }
  void answered(io_slot, const request&, const answer& how, instant) override {
    ++answered_count;
    if (how.how == outcome::failed)
      ++failed_count;
  }
  /// Blocks of zeroes are holes.
  std::vector<status_range> block_status(std::uint64_t offset, std::uint64_t length,
                                         std::size_t ranges_max) override {
    std::vector<status_range> out;
    const auto end = offset + length;
    while (offset < end) {
      const auto next = std::min(end, (offset / block_bytes + 1) * block_bytes);
      const std::span<std::byte> block{bytes_.data() + offset, next - offset};
      const bool zero = std::ranges::all_of(block, [](std::byte each) { return each == std::byte{}; });
      if (!out.empty() && out.back().zero == zero)
        out.back().length += next - offset;
      else if (out.size() < ranges_max)
        out.push_back({next - offset, zero, zero});
      else
        break;
      offset = next;
    }
    return out;
  }
  bool turn_ended(io_slot, instant) override {
    ++turns_count;
    return false;
  }

  std::vector<std::byte>& bytes() { return bytes_; }

  std::atomic<std::uint64_t> attached_count{0}, detached_count{0}, started_count{0}, answered_count{0},
      failed_count{0}, turns_count{0};

protected:
  export_info about_;
  std::vector<std::byte> bytes_;
};

/// Exports in a map.
class exports_map final : public exports {
public:
  void add(std::shared_ptr<device> what) {
    const std::lock_guard lock{lock_};
    devices_[what->info().name] = std::move(what);
  }
  std::shared_ptr<device> find(const std::string& name) override {
    const std::lock_guard lock{lock_};
    const auto found = devices_.find(name);
    return found == devices_.end() ? nullptr : found->second;
  }
  std::vector<export_info> list() override {
    const std::lock_guard lock{lock_};
    std::vector<export_info> out;
    for (const auto& [name, what] : devices_)
      out.push_back(what->info());
    return out;
  }

private:
  std::mutex lock_;
  std::map<std::string, std::shared_ptr<device>> devices_;
};

} // namespace forerun::nbd
