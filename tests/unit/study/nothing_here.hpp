#pragma once
#include "runtime/base/residency.hpp"

namespace forerun::study {

/// An image of which nothing is local.
class nothing_here final : public residency {
public:
  bool absent(std::uint64_t) const override { return true; }
  std::uint64_t blocks() const override { return std::uint64_t{1} << 48; }
};

} // namespace forerun::study
