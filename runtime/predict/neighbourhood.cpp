#include "runtime/predict/neighbourhood.hpp"
#include "runtime/predict/neighbourhood_features.hpp"
#include <algorithm>
#include <cmath>
#include <utility>

namespace forerun::predict {
namespace {

constexpr std::uint32_t extent_blocks_max = 64; ///< 256 KiB.
constexpr float price_start = 0.05f;
constexpr double bandwidth_least = 25e6; ///< Bytes per second.
constexpr nanos delay_unknown = std::chrono::milliseconds{10};
constexpr float waste_scale = 0.05f; ///< The price changes by e for so much waste.

float logistic(float sum) {
  return 1 / (1 + std::exp(-sum));
}

struct wanted {
  extent where;
  float probability = 0; ///< Sum over the blocks.
  float value = 0;       ///< Of the best block.
};

} // namespace

bool neighbourhood::allowed(std::uint64_t more) const {
  const auto unread = asked_ - used_ + more;
  if (static_cast<float>(unread) >
      limits_.unread_max * static_cast<float>(read_) + limits_.unread_slack_blocks)
    return false;
  return own_asked_ - own_used_ + more <= limits_.trial_blocks ||
         static_cast<float>(own_used_) >= limits_.precision_min * static_cast<float>(own_asked_);
}

float neighbourhood::waste() const {
  // What is unread now is too much, since it is not over; what was stated is too little, since blocks that
  // are unread after a while are the unlikely ones.
  return 0.5f * static_cast<float>(asked_ - used_) + 0.5f * doubt_;
}

float neighbourhood::price(const link_figures& link) const {
  const auto share = waste() / static_cast<float>(read_ + 512);
  const auto off = std::clamp((share - limits_.waste_aim) / waste_scale, -1.0f, 3.0f);
  // What a block costs on the link while a round trip could be saved. The bandwidth that was seen is no more
  // than what was asked for, which is little before anything is filled in.
  const auto delay = link.delay > nanos{0} ? link.delay : delay_unknown;
  const auto path = std::max(link.bandwidth, bandwidth_least) * std::chrono::duration<double>(delay).count();
  const auto floor = static_cast<float>(block_bytes / path);
  return std::max(price_start * std::exp(off), floor);
}

void neighbourhood::observe(extent read, bool act, const residency& here, const link_figures& link,
                            instant now, std::vector<prediction>& out) {
  if (read.count == 0)
    return;
  const auto before = std::exchange(before_, read);
  const auto effect = map_.add_read(read);
  read_ += effect.fresh;
  used_ += effect.asked;
  own_used_ += effect.own;
  doubt_ = std::max(0.0f, doubt_ - effect.doubt);
  if (!act || effect.fresh == 0 || !allowed(1))
    return;

  const neighbourhood_view view(map_, read, before, reach_blocks);
  const auto least = price(link);
  std::vector<wanted> wanted_extents;
  for (const auto block : view.unread()) {
    // What was asked for and is absent left unread, or nobody would move it: once is enough.
    if (block >= here.blocks() || !here.absent(block) || map_.was_asked(block))
      continue;
    float read_later = limits_.model->bias_read_later, saves = limits_.model->bias_saves;
    for (const auto at : view.features(block)) {
      read_later += limits_.model->weights[at].read_later * neighbourhood_weight_unit;
      saves += limits_.model->weights[at].saves * neighbourhood_weight_unit;
    }
    const auto probability = logistic(read_later);
    const auto value = logistic(saves) / (1.02f - probability);
    if (value < least)
      continue;
    auto* last = wanted_extents.empty() ? nullptr : &wanted_extents.back();
    if (last && last->where.end() == block && last->where.count < extent_blocks_max) {
      ++last->where.count;
      last->probability += probability;
      last->value = std::max(last->value, value);
    } else {
      wanted_extents.push_back({{block, 1}, probability, value});
    }
  }
  std::stable_sort(wanted_extents.begin(), wanted_extents.end(),
                   [](const wanted& a, const wanted& b) { return a.value > b.value; });
  for (const auto& one : wanted_extents) {
    if (!allowed(one.where.count))
      break;
    const auto probability = one.probability / static_cast<float>(one.where.count);
    own_asked_ += count(one.where, probability, true);
    out.push_back({one.where, probability, now, expert::neighbourhood, 0});
  }
}

std::uint32_t neighbourhood::count(extent where, float probability, bool own) {
  const auto added = map_.add_asked(where, 1 - probability, own);
  asked_ += added;
  doubt_ += static_cast<float>(added) * (1 - probability);
  return added;
}

void neighbourhood::forget() {
  map_.clear();
  read_ = asked_ = used_ = own_asked_ = own_used_ = 0;
  doubt_ = 0;
  before_ = {};
}

neighbourhood_figures neighbourhood::figures() const {
  return {read_, asked_, used_, own_asked_, own_used_, !allowed(1), map_.memory_bytes()};
}

} // namespace forerun::predict
