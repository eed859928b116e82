#include "runtime/provenance/subscription.hpp"
#include <algorithm>
#include <tuple>
#include <utility>

namespace forerun::provenance {

subscription::subscription(filter wanted, pace how, subscription_limits limits)
    : wanted_(std::move(wanted)), how_(how), limits_(limits), next_(wanted_.position_from),
      told_(wanted_.position_from) {
}

result<std::optional<batch>> subscription::pull(const log_view& from, std::size_t rows_max) {
  rows_max = std::clamp<std::size_t>(rows_max, 1, batch_rows_max);
  const auto end = std::min(from.records(), wanted_.position_to);
  const auto before = std::tuple{next_, passed_, place_};
  if (how_ == pace::live && end > next_ && end - next_ > limits_.behind_max) {
    passed_ += end - limits_.behind_max - next_;
    next_ = end - limits_.behind_max;
    place_ = {};
  }
  batch out;
  wanted_.position_from = next_;
  wanted_.records_max = rows_max;
  const visitor keep = [&out](const context& who, const record& what) {
    out.rows.push_back({who, what});
    return true;
  };
  scanner scan{wanted_, keep};
  std::uint64_t examined = 0;
  bool stopped = false;
  // What is missing is told before the rows behind it, so it ends a batch that has rows already.
  const auto pass_over = [&](std::uint64_t to) {
    if (to > next_ && !out.rows.empty())
      return false;
    passed_ += to - std::min(to, next_);
    next_ = std::max(to, next_);
    return true;
  };
  const auto read = from.blocks(place_, next_, [&](const block_header& header, auto payload) {
    stopped = examined >= limits_.examined_max || out.rows.size() == rows_max ||
              header.first_position >= end || !pass_over(header.first_position);
    if (stopped)
      return false;
    examined += header.records;
    stopped = !scan.block(header, payload).value();
    next_ = std::max(next_, std::min(scan.so_far().next_position, end));
    return !stopped;
  });
  if (!read) {
    std::tie(next_, passed_, place_) = before;
    return read.error();
  }
  // Behind the last intact block there may be others that do not hold.
  if (!stopped && next_ < end)
    pass_over(end);
  if (out.rows.empty() && passed_ == 0 && !ended() && next_ - told_ < limits_.silence_max)
    return std::optional<batch>{};
  out.missed = std::exchange(passed_, 0);
  out.next_position = told_ = next_;
  out.ended = ended();
  return std::optional{std::move(out)};
}

} // namespace forerun::provenance
