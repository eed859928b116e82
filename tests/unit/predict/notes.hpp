#pragma once
#include "runtime/predict/mix_proposal.hpp"
#include <doctest/doctest.h>
#include <map>
#include <set>

namespace forerun::predict {

/// A bench that writes down what one expert proposes. All contexts are as good as `quality`.
struct notes final : mix_bench {
  struct proposal {
    std::uint16_t context = 0;
    float ahead = 0;
  };

  explicit notes(mix_expert of) : expert(of) {}

  mix_expert expert;
  float quality = 1;
  bool takes = false;             ///< What is proposed is moved.
  std::set<std::uint64_t> before; ///< Blocks that were read before.
  std::map<std::uint64_t, proposal> made;
  std::vector<std::uint64_t> order;

  void forget() { made.clear(), order.clear(); }

  float chance(mix_expert by, std::uint16_t) const override {
    CHECK(by == expert);
    return quality;
  }
  bool known(std::uint64_t block) const override { return before.contains(block); }
  float walk_min() const override { return 0.2f; }
  bool propose(mix_expert by, std::uint16_t context, std::uint64_t block, float ahead) override {
    constexpr std::uint16_t sizes[] = {stream_contexts, replay_contexts, around_contexts, votes_contexts};
    CHECK(by == expert);
    CHECK(context < sizes[static_cast<std::size_t>(by)]);
    made[block] = {context, ahead};
    order.push_back(block);
    return takes;
  }
};

} // namespace forerun::predict
