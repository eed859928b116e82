#pragma once
#include "runtime/base/time.hpp"
#include <algorithm>

namespace forerun::nbd {

/// How long a thread that ran out of work looks for more before it sleeps. To be woken costs more than a hit,
/// many times more where the other core has halted; a client that asks the moment it has its answer is met
/// awake. The window follows the gaps between requests as a guest's halt polling does (Linux,
/// Documentation/virt/guest-halt-polling.rst): short gaps widen it, long ones close it, so that a quiet
/// client costs nothing.
class poll_window {
public:
  static constexpr nanos longest = std::chrono::microseconds{200};

  nanos length() const { return length_; }
  /// There was no work for this long, waiting and sleeping together.
  void idled(nanos gap) {
    if (gap > longest)
      length_ = length_ / 2 < shortest ? nanos{0} : length_ / 2;
    else if (gap > length_)
      length_ = std::clamp(2 * length_, shortest, longest);
  }

private:
  static constexpr nanos shortest = std::chrono::microseconds{50};

  nanos length_{0};
};

} // namespace forerun::nbd
