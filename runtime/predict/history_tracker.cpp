#include "runtime/predict/history_tracker.hpp"
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace forerun::predict {
namespace {

/// How many runs the common prior of all groups is worth. Small, since one run must be enough to act on.
constexpr float prior_runs = 0.25f;
/// A first touch that a hypothesis did not foresee divides its weight by at most the root of 1/floor.
constexpr float surprise_floor = 0.02f;
constexpr float unseen_likelihood_min = 0.2f;
constexpr float fixed_share = 0.01f;

constexpr float unseen_weight = 0.15f;
constexpr float labelled_weight = 0.9f;
/// A label that no group carries says by itself that the program is new.
constexpr float unseen_weight_new_label = 0.5f;
/// Of the weight of "never seen" so much goes to what the image says of itself: nearly all when there is no
/// run to compare with, since who looks at a bootable image mostly boots it.
constexpr float foreseen_share = 0.9f;
constexpr float foreseen_share_among_runs = 0.5f;
constexpr auto foreseen_number = std::numeric_limits<std::uint32_t>::max(); ///< Among the numbers of groups.

constexpr float weight_moved_min = 0.1f;
constexpr std::size_t blocks_between_rankings = 2048;
/// A block that should have been read so many blocks ago probably will not be (order is kept within 4800).
constexpr std::uint32_t passed_blocks = 4096;
constexpr std::uint32_t prediction_blocks_max = 256;
constexpr float same_probability = 0.02f;
constexpr auto think_unit = std::chrono::microseconds{1000 / think_units_per_ms};
/// Own time is compared with the recorded one only after this much of both (100 ms).
constexpr std::uint32_t pace_think_min = 100 * think_units_per_ms;

float prior_divisor(std::size_t groups) {
  return groups <= 1 ? 2.0f : static_cast<float>(groups) + 0.5f;
}

} // namespace

history_tracker::history_tracker(run_id run, std::string_view label, const history_library& library)
    : run_(run), label_(label.substr(0, label_bytes_max)) {
  start(library);
}

void history_tracker::start(const history_library& library) {
  version_ = library.version();
  const auto& groups = library.groups();
  std::size_t same = 0;
  std::size_t unlabelled = 0;
  std::size_t others = 0;
  for (const auto& it : groups)
    if (it.runs > 0)
      ++(!label_.empty() && it.label == label_ ? same : it.label.empty() ? unlabelled : others);
  const auto unsure = static_cast<float>(unlabelled + others);
  float same_share = 0;
  weight_[0] = 1;
  if (same > 0) {
    same_share = labelled_weight / static_cast<float>(same);
    weight_[0] = unsure > 0 ? (1 - labelled_weight) / 2 : 1 - labelled_weight;
  } else if (unsure > 0) {
    weight_[0] = label_.empty() || unlabelled > 0 ? unseen_weight : unseen_weight_new_label;
  }
  const auto rest = 1 - weight_[0] - same_share * static_cast<float>(same);
  for (std::size_t slot = 0; slot < groups.size(); ++slot) {
    number_[slot] = groups[slot].number;
    if (groups[slot].runs > 0)
      weight_[slot + 1] = !label_.empty() && groups[slot].label == label_ ? same_share : rest / unsure;
  }
  consider_foresight(library);
}

/// It may come while the run goes on already: then it starts from what "never seen" is worth by now.
void history_tracker::consider_foresight(const history_library& library) {
  if (foresight_ == library.foreseen().get())
    return;
  foresight_ = library.foreseen().get();
  const auto both = weight_[0] + weight_[foreseen];
  const auto share = library.groups_used() == 0 ? foreseen_share : foreseen_share_among_runs;
  weight_[foreseen] = foresight_->empty() ? 0 : both * share;
  weight_[0] = both - weight_[foreseen];
}

bool history_tracker::possible(const history_library& library, std::size_t hypothesis) const {
  if (hypothesis == foreseen)
    return !library.foreseen()->empty();
  return hypothesis == 0 || library.groups()[hypothesis - 1].runs > 0;
}

void history_tracker::follow(const history_library& library) {
  if (version_ == library.version())
    return;
  version_ = library.version();
  for (std::size_t slot = 0; slot < number_.size(); ++slot) {
    const auto& now = library.groups()[slot];
    if (number_[slot] == now.number)
      continue;
    number_[slot] = now.number;
    weight_[slot + 1] = now.runs > 0 ? fixed_share : 0;
  }
  normalise();
  consider_foresight(library);
}

void history_tracker::normalise() {
  float sum = 0;
  for (const auto it : weight_)
    sum += it;
  for (auto& it : weight_)
    it /= sum;
}

std::size_t history_tracker::observe(const history_library& library, const access& seen, std::size_t room) {
  follow(library);
  const auto think = std::clamp<std::int64_t>(seen.think.count(), 0, nanos{std::chrono::hours{1}}.count());
  think_ns_ += static_cast<std::uint64_t>(think);
  if (seen.op != operation::read || seen.where.end() > block_number_max)
    return 0;
  std::vector<std::uint64_t> fresh;
  for (auto block = seen.where.first; block < seen.where.end(); ++block) {
    if (seen_.contains(block))
      continue;
    if (fresh.size() >= room) {
      ++left_out_;
      continue;
    }
    seen_.insert(block);
    fresh.push_back(block);
    record(block);
  }
  if (fresh.empty())
    return 0;
  weigh(library, fresh);
  move_cursor(library, fresh.front());
  return fresh.size();
}

void history_tracker::record(std::uint64_t block) {
  const auto think = think_units();
  if (!touches_.empty() && touches_.back().where.end() == block && touches_.back().think == think)
    ++touches_.back().where.count;
  else
    touches_.push_back({{block, 1}, think});
}

std::uint32_t history_tracker::think_units() const {
  const auto units = nanos{static_cast<nanos::rep>(think_ns_)} / think_unit;
  return static_cast<std::uint32_t>(std::min<std::int64_t>(units, think_max));
}

void history_tracker::weigh(const history_library& library, std::span<const std::uint64_t> blocks) {
  const auto& groups = library.groups();
  const auto divisor = prior_divisor(library.groups_used());
  weights likelihood{};
  for (const auto block : blocks) {
    float prior = 0;
    library.each(block, [&](const history_library::entry& it) {
      prior += static_cast<float>(it.runs) / static_cast<float>(groups[it.group].runs);
    });
    prior /= divisor;
    likelihood[0] += std::max(prior, unseen_likelihood_min);
    if (const auto* said = library.foreseen()->find(block))
      likelihood[foreseen] += said->probability;
    library.each(block, [&](const history_library::entry& it) {
      likelihood[it.group + 1u] += (static_cast<float>(it.runs) + prior_runs * prior) /
                                   (static_cast<float>(groups[it.group].runs) + prior_runs);
    });
  }
  const auto count = static_cast<float>(blocks.size());
  float sum = 0;
  for (std::size_t at = 0; at < hypotheses; ++at) {
    const auto mean = likelihood[at] / count;
    weight_[at] *= std::sqrt(at == 0 ? mean : surprise_floor + (1 - surprise_floor) * mean);
    sum += weight_[at];
  }
  const auto others = library.groups_used() + (library.foreseen()->empty() ? 0 : 1);
  const auto share = fixed_share / static_cast<float>(others + 1);
  for (std::size_t at = 0; at < hypotheses; ++at)
    if (possible(library, at))
      weight_[at] = (1 - fixed_share) * weight_[at] / sum + share;
}

void history_tracker::move_cursor(const history_library& library, std::uint64_t block) {
  const auto heavy = heaviest();
  library.each(block, [&](const history_library::entry& it) {
    if (it.group == heavy)
      recent_[recent_count_++ % recent_.size()] = {it.rank_sum / it.runs, it.think_sum / it.runs};
  });
}

std::uint32_t history_tracker::heaviest() const {
  const auto most = std::max_element(weight_.begin() + 1, weight_.begin() + foreseen);
  return static_cast<std::uint32_t>(most - weight_.begin() - 1);
}

std::optional<std::uint32_t> history_tracker::group() const {
  const auto slot = heaviest();
  return weight_[slot + 1] > 0.5f ? std::optional(slot) : std::nullopt;
}

history_tracker::position history_tracker::cursor() const {
  auto ring = recent_;
  const auto count = std::min(recent_count_, ring.size());
  if (count == 0)
    return {};
  const auto middle = ring.begin() + static_cast<std::ptrdiff_t>(count / 2);
  std::nth_element(ring.begin(), middle, ring.begin() + static_cast<std::ptrdiff_t>(count),
                   [](const position& a, const position& b) { return a.rank < b.rank; });
  return *middle;
}

/// How fast this run thinks, against the recorded ones: below 1 is faster.
float history_tracker::pace(position at) const {
  const auto own = think_units();
  if (own < pace_think_min || at.think < pace_think_min)
    return 1;
  return std::clamp(static_cast<float>(own) / static_cast<float>(at.think), 0.02f, 50.0f);
}

bool history_tracker::due(const history_library& library) const {
  if (!ranked_ || version_ != library.version() || seen_.size() >= blocks_ranked_ + blocks_between_rankings)
    return true;
  for (std::size_t at = 0; at < hypotheses; ++at)
    if (std::abs(weight_[at] - weight_ranked_[at]) > weight_moved_min)
      return true;
  return false;
}

float history_tracker::probability(const history_library& library, std::uint64_t block) const {
  const auto& groups = library.groups();
  float prior = 0;
  float direct = 0;
  library.each(block, [&](const history_library::entry& it) {
    const auto runs = static_cast<float>(groups[it.group].runs);
    prior += static_cast<float>(it.runs) / runs;
    direct += weight_[it.group + 1u] * static_cast<float>(it.runs) / (runs + prior_runs);
  });
  float base = weight_[0];
  for (std::size_t slot = 0; slot < groups.size(); ++slot)
    if (groups[slot].runs > 0)
      base += weight_[slot + 1] * prior_runs / (static_cast<float>(groups[slot].runs) + prior_runs);
  if (const auto* said = library.foreseen()->find(block))
    direct += weight_[foreseen] * said->probability;
  return direct + base * prior / prior_divisor(library.groups_used());
}

forecast history_tracker::rank(const history_library& library, instant now) {
  follow(library);
  const auto& groups = library.groups();
  const auto heavy = heaviest();
  const auto at = cursor();

  std::array<float, history_groups_max> per_run{}; // what one run of a group adds to the prior
  std::array<float, history_groups_max> direct{};  // and to the probability itself
  float base = weight_[0];
  for (std::size_t slot = 0; slot < groups.size(); ++slot) {
    if (groups[slot].runs == 0)
      continue;
    const auto runs = static_cast<float>(groups[slot].runs);
    direct[slot] = weight_[slot + 1] / (runs + prior_runs);
    per_run[slot] = 1 / runs;
    base += prior_runs * direct[slot];
  }
  const auto prior_scale = base / prior_divisor(library.groups_used());

  const auto& image = *library.foreseen();
  const bool by_image = weight_[foreseen] > weight_[heavy + 1u];

  struct candidate {
    std::uint64_t block;
    float probability;
    std::uint32_t think;
    expert by;
    std::uint32_t detail;
  };
  std::vector<candidate> candidates;
  std::vector<std::uint64_t> order; // passed (1 bit), rank (31 bits), index of the candidate (32 bits)
  library.each_block([&](std::uint64_t block, std::uint32_t index) {
    float prior = 0;
    float own = 0;
    float weight = 0;
    float rank = 0;
    float think = 0;
    bool in_heavy = false;
    library.each_at(index, [&](const history_library::entry& it) {
      const auto runs = static_cast<float>(it.runs);
      prior += per_run[it.group] * runs;
      own += direct[it.group] * runs;
      if (in_heavy)
        return;
      if (it.group == heavy) {
        in_heavy = true;
        weight = rank = think = 0;
      }
      const auto share = weight_[it.group + 1u];
      weight += share;
      rank += share * static_cast<float>(it.rank_sum) / runs;
      think += share * static_cast<float>(it.think_sum) / runs;
    });
    const auto* said = image.find(block);
    const auto by_files = said != nullptr ? weight_[foreseen] * said->probability : 0.0f;
    const auto probability = own + prior * prior_scale + by_files;
    if (probability < history_probability_min || seen_.contains(block))
      return;
    const auto mean_rank = by_image && said != nullptr ? static_cast<float>(said->rank) : rank / weight;
    const auto passed = !by_image && mean_rank + passed_blocks < static_cast<float>(at.rank);
    order.push_back(std::uint64_t{passed} << 63 |
                    std::uint64_t{static_cast<std::uint32_t>(mean_rank * 16)} << 32 | candidates.size());
    const auto learned = by_files <= probability / 2;
    candidates.push_back({block, std::min(probability, 1.0f), static_cast<std::uint32_t>(think / weight),
                          learned ? expert::history : expert::static_analysis,
                          learned ? number_[heavy] : said->detail});
  });
  if (weight_[foreseen] >= history_probability_min)
    image.each([&](std::uint64_t block, const foresight::chance& said) {
      const auto probability = weight_[foreseen] * said.probability;
      if (probability < history_probability_min || seen_.contains(block) || library.has(block))
        return;
      order.push_back(std::uint64_t{said.rank * 16} << 32 | candidates.size());
      candidates.push_back({block, probability, at.think, expert::static_analysis, said.detail});
    });
  std::sort(order.begin(), order.end());

  const auto stretch = pace(at);
  forecast out{.run = run_, .ranked = {}, .switched = false};
  for (const auto key : order) {
    const auto& it = candidates[key & 0xffffffff];
    if (!out.ranked.empty()) {
      auto& last = out.ranked.back();
      if (last.where.end() == it.block && last.where.count < prediction_blocks_max && last.by == it.by &&
          last.detail == it.detail && std::abs(last.probability - it.probability) < same_probability) {
        ++last.where.count;
        continue;
      }
    }
    const auto ahead = it.think > at.think ? static_cast<float>(it.think - at.think) * stretch : 0.0f;
    const auto wait = nanos{static_cast<nanos::rep>(ahead * static_cast<float>(nanos{think_unit}.count()))};
    out.ranked.push_back({.where = {it.block, 1},
                          .probability = it.probability,
                          .expected = now + wait,
                          .by = it.by,
                          .detail = it.detail});
  }

  const auto followed = group();
  const auto number = by_image ? foreseen_number : followed ? number_[*followed] : 0;
  // What only the image says is always taken with care: not every run of an image is its boot.
  out.switched = (ranked_ || by_image) && number != 0 && number != group_ranked_;
  if (number != 0)
    group_ranked_ = number;
  ranked_ = true;
  weight_ranked_ = weight_;
  blocks_ranked_ = seen_.size();
  return out;
}

} // namespace forerun::predict
