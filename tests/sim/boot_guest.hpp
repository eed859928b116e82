#pragma once
#include "runtime/base/extent.hpp"
#include "runtime/base/prediction.hpp"
#include "runtime/base/residency.hpp"
#include "runtime/trace/trace.hpp"
#include <algorithm>
#include <deque>
#include <functional>
#include <queue>
#include <unordered_set>
#include <vector>

/// A guest that boots from a far image, as a discrete-event simulation without software costs: the paced
/// replay's rule for think time, blocks that are absent, in flight or here, and an origin of fixed latency
/// with one serialised link.
namespace forerun::sim {

/// Requests that are issued together, after a think time that begins when all earlier ones are answered.
struct boot_step {
  nanos think{0};
  std::vector<extent> reads;
};

struct guest_rule {
  double speed = 10; ///< Recorded think time is divided by it.
  std::uint64_t gap_us = 2000;
};

inline std::vector<boot_step> steps_of(const trace::boot_trace& recording, const guest_rule& rule) {
  std::vector<boot_step> steps(1);
  std::uint64_t before = recording.entries.empty() ? 0 : recording.entries.front().at_us;
  for (const auto& one : recording.entries) {
    const auto gap = one.at_us - before;
    before = one.at_us;
    if (gap > rule.gap_us) {
      steps.emplace_back();
      steps.back().think = nanos{static_cast<std::int64_t>(static_cast<double>(gap) * 1000 / rule.speed)};
    }
    if (one.what == trace::action::read && one.length > 0)
      steps.back().reads.push_back(blocks_touched(one.offset, one.length));
  }
  return steps;
}

struct origin_rule {
  nanos delay = std::chrono::milliseconds{10};
  double bandwidth = 125e6; ///< Bytes per second.
};

struct boot_result {
  nanos wait{0};
  std::uint64_t reads_waited = 0;
  std::uint64_t distinct = 0;   ///< Blocks read.
  std::uint64_t fetched = 0;    ///< Blocks moved.
  std::uint64_t prefetched = 0; ///< Of these, ahead of demand.
  std::uint64_t used = 0;       ///< Of those, read in time or while in flight.
};

class boot_guest final : public residency {
public:
  /// Sees each read when it arrives and says what to fetch.
  using predictor = std::function<void(extent read, instant now, std::vector<prediction>& out)>;

  boot_guest(std::uint64_t blocks, const origin_rule& origin)
      : arrival_(blocks, absent_mark), origin_(origin) {}

  bool absent(std::uint64_t block) const override { return arrival_[block] == absent_mark; }
  std::uint64_t blocks() const override { return arrival_.size(); }

  boot_result run(const std::vector<boot_step>& steps, const predictor& predict) {
    boot_result result;
    std::vector<std::uint8_t> read(arrival_.size());
    std::vector<prediction> out;
    std::int64_t now = 0, thought = 0;
    for (const auto& step : steps) {
      advance(now + step.think.count());
      now += step.think.count();
      thought += step.think.count();
      std::int64_t answered = now;
      for (const auto& where : step.reads) {
        std::int64_t done = now;
        for (auto block = where.first; block < where.end();) {
          extent missing{block, 0};
          while (missing.end() < where.end() && absent(missing.end()))
            ++missing.count;
          if (missing.count > 0)
            fetch(missing, now, result.fetched);
          block = std::max(missing.end(), block + 1);
        }
        for (auto block = where.first; block < where.end(); ++block) {
          done = std::max(done, arrival_[block]);
          if (!read[block]) {
            read[block] = 1;
            ++result.distinct;
            result.used += early_.erase(block);
          }
        }
        result.reads_waited += done > now;
        answered = std::max(answered, done);
        out.clear();
        predict(where, instant{nanos{now}}, out);
        for (const auto& one : out)
          queue_.push_back(one.where);
        advance(now);
      }
      advance(answered);
      now = answered;
    }
    result.wait = nanos{now - thought};
    result.prefetched = prefetched_;
    result.fetched += prefetched_;
    return result;
  }

private:
  static constexpr std::int64_t absent_mark = -1;

  void fetch(extent where, std::int64_t now, std::uint64_t& count) {
    const auto transfer =
        static_cast<std::int64_t>(static_cast<double>(where.bytes()) / origin_.bandwidth * 1e9);
    link_free_ = std::max(link_free_, now) + transfer;
    const auto at = link_free_ + origin_.delay.count();
    for (auto block = where.first; block < where.end(); ++block)
      arrival_[block] = at;
    count += where.count;
    in_flight_bytes_ += where.bytes();
    landing_.push({at, where.bytes()});
  }

  /// Sends what the window allows, up to a moment.
  void advance(std::int64_t until) {
    const auto window = std::max<std::uint64_t>(
        256u << 10, static_cast<std::uint64_t>(1.25 * origin_.bandwidth *
                                               std::chrono::duration<double>(origin_.delay).count()));
    while (true) {
      while (!queue_.empty() && in_flight_bytes_ < window) {
        const auto where = queue_.front();
        queue_.pop_front();
        for (auto block = where.first; block < where.end();) {
          extent missing{block, 0};
          while (missing.end() < where.end() && missing.end() < blocks() && absent(missing.end()))
            ++missing.count;
          if (missing.count > 0) {
            fetch(missing, clock_, prefetched_);
            for (auto one = missing.first; one < missing.end(); ++one)
              early_.insert(one);
          }
          block = std::max(missing.end(), block + 1);
        }
      }
      if (landing_.empty() || landing_.top().first > until)
        break;
      clock_ = landing_.top().first;
      in_flight_bytes_ -= landing_.top().second;
      landing_.pop();
    }
    clock_ = until;
  }

  using landed = std::pair<std::int64_t, std::uint64_t>;
  std::vector<std::int64_t> arrival_; ///< Of each block, or the mark.
  origin_rule origin_;
  std::int64_t link_free_ = 0;
  std::int64_t clock_ = 0;
  std::uint64_t in_flight_bytes_ = 0;
  std::uint64_t prefetched_ = 0;
  std::deque<extent> queue_;
  std::priority_queue<landed, std::vector<landed>, std::greater<>> landing_;
  std::unordered_set<std::uint64_t> early_; ///< Moved ahead of demand, not yet read.
};

} // namespace forerun::sim
