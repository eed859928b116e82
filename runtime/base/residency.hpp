#pragma once
#include <cstdint>

namespace forerun {

/// Tells which blocks of an image need no fetch. Any thread; a snapshot that may be old at once.
class residency {
public:
  /// Neither local nor on its way.
  virtual bool absent(std::uint64_t block) const = 0;
  virtual std::uint64_t blocks() const = 0;

protected:
  ~residency() = default;
};

} // namespace forerun
