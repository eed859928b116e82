#pragma once
#include "tests/unit/nbd/memory_device.hpp"
#include <optional>

namespace forerun::nbd {

/// A device in memory that does what a test tells it. One thread.
class scripted_device final : public memory_device {
public:
  using memory_device::memory_device;

  started start(io_slot slot, const request& what, std::span<const std::byte> payload, gather& out,
                ticket later) override {
    if (next_verdict)
      return *std::exchange(next_verdict, std::nullopt);
    if (hold) {
      held.push_back(later);
      return {.what = verdict::pending, .error = {}, .how = {}};
    }
    if (give_less) {
      out.add({bytes_.data(), what.length / 2});
      return {};
    }
    return memory_device::start(slot, what, payload, out, later);
  }

  std::optional<started> next_verdict; ///< For the next request only.
  bool hold = false;                   ///< Leave every request open.
  bool give_less = false;
  std::vector<ticket> held;
};

} // namespace forerun::nbd
