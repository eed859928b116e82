#include "runtime/replay/replay.hpp"
#include "runtime/nbd/protocol.hpp"
#include "runtime/replay/sleep.hpp"
#include <algorithm>
#include <deque>
#include <memory>
#include <unordered_set>

namespace forerun::replay {
namespace {

using trace::action;
using trace::entry;

constexpr std::size_t unverified_bytes_max = 16u << 20;

class player {
public:
  player(nbd::client& over, const replay_options& options)
      : over_(over), options_(options), expected_(options.content, options.write_seed) {
    over_.gather_sends(true);
  }
  ~player() { over_.gather_sends(false); }
  player(const player&) = delete;
  player& operator=(const player&) = delete;

  result<replay_report> play(const std::vector<entry>& entries) {
    const auto gap_min = options_.serial ? gap_think_serial : gap_think;
    progress_.entries = entries.size();
    begun_ = steady_now();
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i != 0) {
        const nanos gap = std::chrono::microseconds(entries[i].at_us - entries[i - 1].at_us);
        if (gap > gap_min)
          if (auto thought = think(gap); !thought)
            return thought.error();
      }
      if (auto issued = issue(entries[i]); !issued)
        return issued.error();
      progress_.entries_done = i + 1;
    }
    while (!open_.empty())
      if (auto one = reap(); !one)
        return one.error();
    report_.wall = steady_now() - begun_;
    verify_until(instant::max());
    if (!tell(true))
      return errc::cancelled;
    finish();
    return report_;
  }

private:
  struct open_request {
    nbd::client::cookie id = 0;
    action what{};
    std::uint64_t offset = 0;
    std::uint32_t length = 0;
    instant sent{};
    std::unique_ptr<std::byte[]> data; ///< Of reads.
  };
  struct answered_read {
    std::uint64_t offset = 0;
    std::uint32_t length = 0;
    std::unique_ptr<std::byte[]> data;
  };

  result<void> think(nanos gap) {
    while (reads_open_ != 0)
      if (auto one = reap(); !one)
        return one;
    if (auto sent = over_.flush_sends(); !sent)
      return sent;
    const auto scaled = nanos{static_cast<std::int64_t>(static_cast<double>(gap.count()) / options_.speed)};
    const auto until = last_answer_or_now() + scaled;
    report_.think += scaled;
    verify_until(until);
    if (!tell(false))
      return errc::cancelled;
    sleep_until(until);
    return success();
  }

  /// Think time begins with the last answer; with none since the last think time, now.
  instant last_answer_or_now() {
    const auto at = std::exchange(last_read_answer_, instant{});
    return at == instant{} ? steady_now() : at;
  }

  result<void> issue(const entry& what) {
    const auto begin = what.offset / sector_bytes * sector_bytes;
    auto end = (what.offset + what.length + sector_bytes - 1) / sector_bytes * sector_bytes;
    end = std::min(end, over_.bytes());
    const auto length = static_cast<std::uint32_t>(end - begin);
    while (open_.size() >= requests_open_max || (bytes_open_ + length > bytes_open_max && !open_.empty()) ||
           conflict(what.what, begin, length))
      if (auto one = reap(); !one)
        return one;
    open_request made{0, what.what, begin, length, {}, nullptr};
    if (what.what != action::read && what.what != action::flush)
      verify_overlapping(begin, length);
    made.sent = steady_now();
    last_read_answer_ = instant{};
    const auto id = submit(made);
    if (!id)
      return id.error();
    if (id.value() == 0)
      return success();
    made.id = id.value();
    bytes_open_ += length;
    open_.push_back(std::move(made));
    return success();
  }

  bool conflict(action what, std::uint64_t offset, std::uint32_t length) const {
    if (what == action::flush)
      return false;
    return std::any_of(open_.begin(), open_.end(), [&](const open_request& other) {
      const auto both_read = what == action::read && other.what == action::read;
      return !both_read && offset < other.offset + other.length && other.offset < offset + length;
    });
  }

  /// 0: the export cannot do it, and it is left out.
  result<nbd::client::cookie> submit(open_request& what) {
    namespace can = nbd::transmission_flag;
    switch (what.what) {
    case action::read:
      ++report_.reads;
      report_.read_bytes += what.length;
      note_distinct(what.offset, what.length);
      if (reads_open_++ == 0)
        stall_begun_ = what.sent;
      what.data = std::make_unique_for_overwrite<std::byte[]>(what.length);
      return over_.submit_read(what.offset, {what.data.get(), what.length});
    case action::write: {
      ++report_.writes;
      report_.write_bytes += what.length;
      std::vector<std::byte> data(what.length);
      expected_.write(what.offset, data);
      return over_.submit_write(what.offset, data);
    }
    case action::flush:
      ++report_.flushes;
      if ((over_.flags() & can::flush) == 0)
        return 0;
      return over_.submit_flush();
    case action::trim:
      ++report_.others;
      if ((over_.flags() & can::trim) == 0)
        return 0;
      expected_.trim(what.offset, what.length);
      return over_.submit_trim(what.offset, what.length);
    case action::zero:
      ++report_.others;
      if ((over_.flags() & can::write_zeroes) == 0)
        return 0;
      expected_.zero(what.offset, what.length);
      return over_.submit_write_zeroes(what.offset, what.length);
    }
    return errc::invalid_argument;
  }

  void note_distinct(std::uint64_t offset, std::uint32_t length) {
    const auto touched = blocks_touched(offset, length);
    for (auto block = touched.first; block < touched.end(); ++block)
      if (seen_.insert(block).second)
        report_.distinct_image_bytes += expected_.untouched(block) ? block_bytes : 0;
  }

  result<void> reap() {
    auto got = over_.reap(nanos::max());
    if (!got)
      return got.error();
    if (!got.value())
      return errc::corrupt;
    const auto now = steady_now();
    const auto at = std::find_if(open_.begin(), open_.end(),
                                 [&](const open_request& one) { return one.id == got.value()->id; });
    auto over = std::move(*at);
    open_.erase(at);
    bytes_open_ -= over.length;
    const auto well = got.value()->how.has_value();
    report_.failed += !well;
    if (over.what == action::read)
      read_answered(std::move(over), now, well);
    return tell(false) ? result<void>(success()) : result<void>(errc::cancelled);
  }

  void read_answered(open_request over, instant now, bool well) {
    const auto latency = now - over.sent;
    latencies_.push_back(latency);
    report_.reads_waited += latency > waited_min;
    last_read_answer_ = now;
    if (--reads_open_ == 0)
      report_.stall += now - stall_begun_;
    if (!well)
      return;
    unverified_bytes_ += over.length;
    unverified_.push_back({over.offset, over.length, std::move(over.data)});
    while (unverified_bytes_ > unverified_bytes_max)
      verify_one();
  }

  void verify_one() {
    const auto& next = unverified_.front();
    report_.contents.add(expected_.compare(next.offset, {next.data.get(), next.length}));
    unverified_bytes_ -= next.length;
    unverified_.pop_front();
  }

  /// As much as there is time for: a quarter of a gigabyte in a second is more than slow machines need.
  void verify_until(instant until) {
    while (!unverified_.empty()) {
      const nanos needed{std::int64_t{unverified_.front().length} * 4};
      if (until != instant::max() && steady_now() + needed > until)
        return;
      verify_one();
    }
  }

  /// The model is about to change there: what was read before that is compared now.
  void verify_overlapping(std::uint64_t offset, std::uint32_t length) {
    const auto hit = std::any_of(unverified_.begin(), unverified_.end(), [&](const answered_read& one) {
      return offset < one.offset + one.length && one.offset < offset + length;
    });
    if (hit)
      verify_until(instant::max());
  }

  bool tell(bool last) {
    if (!options_.on_progress)
      return true;
    const auto now = steady_now();
    if (!last && now - told_ < options_.progress_every)
      return true;
    told_ = now;
    progress_.wall = now - begun_;
    progress_.think = report_.think;
    progress_.stall = report_.stall + (reads_open_ != 0 ? now - stall_begun_ : nanos{0});
    progress_.reads = report_.reads;
    progress_.reads_waited = report_.reads_waited;
    progress_.read_bytes = report_.read_bytes;
    return options_.on_progress(progress_);
  }

  void finish() {
    report_.wait = report_.wall - report_.think;
    report_.distinct_bytes = seen_.size() * block_bytes;
    if (latencies_.empty())
      return;
    std::sort(latencies_.begin(), latencies_.end());
    report_.read_p50 = latencies_[latencies_.size() / 2];
    report_.read_p99 = latencies_[latencies_.size() * 99 / 100];
    report_.read_max = latencies_.back();
  }

  nbd::client& over_;
  const replay_options& options_;
  expected_volume expected_;
  replay_report report_;
  progress progress_;
  instant begun_{};
  instant told_{};
  instant stall_begun_{};
  instant last_read_answer_{};
  std::size_t reads_open_ = 0;
  std::size_t bytes_open_ = 0;
  std::vector<open_request> open_; ///< At most `requests_open_max`.
  std::deque<answered_read> unverified_;
  std::size_t unverified_bytes_ = 0;
  std::vector<nanos> latencies_;
  std::unordered_set<std::uint64_t> seen_;
};

} // namespace

result<replay_report> run(nbd::client& over, const trace::boot_trace& recording,
                          const replay_options& options) {
  if (!(options.speed > 0) || options.volume >= recording.volumes.size())
    return errc::invalid_argument;
  std::vector<entry> entries;
  bool writes = false;
  for (const auto& each : recording.entries) {
    if (each.volume != options.volume)
      continue;
    if (each.offset > over.bytes() || each.length > over.bytes() - each.offset)
      return errc::out_of_range;
    writes = writes || (each.what != action::read && each.what != action::flush);
    entries.push_back(each);
  }
  if (writes && (over.flags() & nbd::transmission_flag::read_only) != 0)
    return errc::read_only;
  return player(over, options).play(entries);
}

} // namespace forerun::replay
