#include "tests/sim/boot_sim.hpp"
#include <absl/container/flat_hash_map.h>
#include <ctime>
#include <deque>

namespace forerun::boot_sim {
namespace {

nanos cpu_now() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds{now.tv_sec} + nanos{now.tv_nsec};
}

/// What is known of a block once it was asked for.
struct block_state {
  bool here = false;
  bool prefetched = false;
  bool read = false;
  reason why{}; ///< It was prefetched.
};

struct fetch {
  extent where{};
  bool demand = false;
  instant sent{};
  instant back{};
};

class machine final : public residency {
public:
  machine(const far_origin& origin, predict::history& history, bool ahead, predict::mix* mix,
          const first_look* look)
      : origin_(origin), history_(history), mix_(mix), look_(look), ahead_(ahead) {}

  boot_result play(const std::vector<boot_step>& boot, std::string_view label) {
    const auto start = now_;
    for (const auto& step : boot)
      for (const auto where : step.reads)
        blocks_ = std::max(blocks_, where.end());
    history_.begin(run_, label).value();
    for (const auto& step : boot) {
      if (look_ != nullptr && now_ - start + step.think >= look_->after)
        finish_looking();
      out_.think += step.think;
      pass_until(now_ + step.think);
      nanos think = step.think;
      for (const auto where : step.reads) {
        read(where, std::exchange(think, nanos{0}));
        waiting_.push_back(where);
      }
      plan();
      wait_for_reads();
    }
    out_.wall = now_ - start;
    out_.observe_cpu /= static_cast<nanos::rep>(std::max<std::size_t>(reads_, 1));
    const auto before = cpu_now();
    history_.end(run_);
    out_.learn_cpu = cpu_now() - before;
    return out_;
  }

  bool absent(std::uint64_t block) const override { return !states_.contains(block); }
  std::uint64_t blocks() const override { return blocks_; }

private:
  void pass_until(instant until) {
    while (!flying_.empty() && flying_.front().back <= until) {
      now_ = flying_.front().back;
      arrive();
    }
    now_ = until;
  }

  void finish_looking() {
    for (const auto where : look_->moved)
      for (auto block = where.first; block < where.end(); ++block)
        if (absent(block)) {
          states_[block] = {.here = true, .prefetched = true, .why = {.by = expert::static_analysis}};
          ++out_.moved_blocks;
          ++out_.prefetched_blocks;
        }
    history_.foresee(look_->what);
    look_ = nullptr;
  }

  void wait_for_reads() {
    for (const auto where : waiting_)
      for (auto block = where.first; block < where.end(); ++block)
        while (!states_[block].here) {
          now_ = flying_.front().back;
          arrive();
        }
    waiting_.clear();
  }

  void read(extent where, nanos think) {
    std::uint32_t first_use = 0, missed = 0;
    for (auto block = where.first; block < where.end(); ++block) {
      if (absent(block)) {
        auto end = block;
        while (end < where.end() && absent(end))
          states_[end++] = {.read = true};
        const extent missing{block, static_cast<std::uint32_t>(end - block)};
        out_.miss_blocks += missing.count;
        missed += missing.count;
        out_.distinct_blocks += missing.count;
        send(missing, true);
        scheduler_.demand_sent(missing.bytes());
        block = end - 1;
        continue;
      }
      auto& state = states_[block];
      if (state.read)
        continue;
      state.read = true;
      ++out_.distinct_blocks;
      ++(state.here ? out_.hit_blocks : out_.late_blocks);
      ++first_use;
      scheduler_.used(state.why, 1);
    }
    access seen;
    seen.arrived = now_;
    seen.think = think;
    seen.where = where;
    seen.first_use_blocks = first_use;
    seen.how = missed > 0 ? outcome::miss : outcome::hit;
    scheduler_.missed(missed);
    const auto before = cpu_now();
    const bool explained = mix_ != nullptr && history_.explains(run_, where);
    history_.observe(run_, seen);
    if (mix_ != nullptr) {
      const auto link = scheduler_.figures();
      said_.fetch.clear();
      said_.keep.clear();
      mix_->observe(seen, explained, *this, {link.bandwidth, link.delay}, said_);
      scheduler_.add(said_.fetch);
    }
    out_.observe_cpu += cpu_now() - before;
    ++reads_;
    scheduler_.read(run_, where, first_use);
  }

  void plan() {
    if (!ahead_)
      return;
    const auto before = cpu_now();
    if (auto news = history_.rank(run_, now_)) {
      out_.rank_cpu_max = std::max(out_.rank_cpu_max, cpu_now() - before);
      ++out_.rankings;
      scheduler_.replace(std::move(*news)).value();
    }
    for (const auto& what : scheduler_.next(now_, *this)) {
      for (auto block = what.where.first; block < what.where.end(); ++block)
        states_[block] = {.prefetched = true, .why = what.why};
      out_.prefetched_blocks += what.where.count;
      send(what.where, false);
    }
  }

  void send(extent where, bool demand) {
    const auto transfer =
        std::chrono::duration<double>(static_cast<double>(where.bytes()) * 8 / origin_.bits_per_second);
    link_free_ = std::max(link_free_, now_ + origin_.delay) + std::chrono::duration_cast<nanos>(transfer);
    flying_.push_back({where, demand, now_, link_free_});
    out_.moved_blocks += where.count;
    ++out_.requests;
  }

  void arrive() {
    const auto what = flying_.front();
    flying_.pop_front();
    for (auto block = what.where.first; block < what.where.end(); ++block)
      states_[block].here = true;
    if (what.demand)
      scheduler_.demand_done(what.where.bytes(), true, what.sent, now_);
    else
      scheduler_.done(what.where, what.where.bytes(), what.sent, now_);
    plan();
  }

  static constexpr run_id run_{1};
  far_origin origin_;
  predict::history& history_;
  predict::mix* mix_;
  predict::mix_output said_;
  const first_look* look_; ///< Null when it is over.
  bool ahead_;
  prefetch::scheduler scheduler_;
  instant now_{std::chrono::hours{1}};
  instant link_free_{};
  std::uint64_t blocks_ = 0;
  absl::flat_hash_map<std::uint64_t, block_state> states_; ///< Absent blocks are not in it.
  std::deque<fetch> flying_;                               ///< In order of arrival.
  std::vector<extent> waiting_;
  std::size_t reads_ = 0;
  boot_result out_;
};

} // namespace

boot_result play(const std::vector<boot_step>& boot, std::string_view label, const far_origin& origin,
                 predict::history& history, bool ahead, predict::mix* mix, const first_look* look) {
  return machine(origin, history, ahead, mix, look).play(boot, label);
}

} // namespace forerun::boot_sim
