#include "runtime/store/overlay.hpp"
#include <algorithm>
#include <bit>
#include <cstring>

namespace forerun::store {

class overlay::range_lock {
public:
  range_lock(const overlay& of, extent where) : of_(of) {
    // Neighbouring blocks share a stripe in groups, so that a large write takes few locks.
    const auto first = where.first / group;
    const auto groups = (where.end() - 1) / group - first + 1;
    all_ = groups >= stripes;
    for (std::uint64_t i = 0; i < groups && !all_; ++i)
      taken_ |= std::uint64_t{1} << ((first + i) % stripes);
    if (all_)
      taken_ = ~std::uint64_t{0};
    for (std::size_t i = 0; i < stripes; ++i)
      if ((taken_ >> i & 1) != 0)
        of_.stripes_[i].lock();
  }
  ~range_lock() {
    for (std::size_t i = 0; i < stripes; ++i)
      if ((taken_ >> i & 1) != 0)
        of_.stripes_[i].unlock();
  }
  range_lock(const range_lock&) = delete;
  range_lock& operator=(const range_lock&) = delete;

private:
  static constexpr std::uint64_t group = 32;
  static_assert(stripes == 64, "one bit for each stripe");
  const overlay& of_;
  std::uint64_t taken_ = 0;
  bool all_ = false;
};

overlay::overlay(disk& where, std::string name, const overlay_options& options)
    : disk_(where), name_(std::move(name)), options_(options), blocks_(blocks_of(options.volume_bytes)),
      states_(blocks_ / per_word + 1) {
}

result<std::unique_ptr<overlay>> overlay::open(disk& where, const std::string& name,
                                               const overlay_options& options, std::string* problem) {
  std::unique_ptr<overlay> made{new overlay{where, name, options}};
  std::string what;
  if (auto done = made->recover(what); !done) {
    if (problem != nullptr)
      *problem = what;
    return done.error();
  }
  return made;
}

result<void> overlay::remove(disk& where, const std::string& name) {
  // The data goes first and the map stays until that is certain: what a crash leaves of it is then refused as
  // damage, and never taken for a volume without writes.
  for (const auto* suffix : {".data", ".map.new", ".map"}) {
    if (auto done = where.remove(name + suffix); !done && done.error() != errc::not_found)
      return done;
    if (auto done = where.sync_names(); !done)
      return done;
  }
  return success();
}

void overlay::set(std::uint64_t block, block_state to) {
  const auto shift = block % per_word * 2;
  auto& word = states_[block / per_word];
  auto old = word.load(std::memory_order_relaxed);
  while (!word.compare_exchange_weak(
      old, (old & ~(std::uint64_t{3} << shift)) | static_cast<std::uint64_t>(to) << shift,
      std::memory_order_acq_rel)) {
  }
}

// ---- reads and writes

result<void> overlay::read(std::uint64_t offset, std::span<std::byte> into) const {
  auto got = data_->read(offset, into);
  if (!got)
    return got.error();
  std::memset(into.data() + got.value(), 0, into.size() - got.value());
  return success();
}

/// Takes space for the blocks that have no data yet; returns how many. The range is locked.
result<std::uint64_t> overlay::reserve(extent where) {
  std::uint64_t added = 0;
  for (auto block = where.first; block < where.end(); ++block)
    added += state(block) != block_state::data;
  if (added == 0)
    return added;
  const auto before = data_blocks_.fetch_add(added, std::memory_order_relaxed);
  if (before + added > options_.data_bytes_max / block_bytes) {
    data_blocks_.fetch_sub(added, std::memory_order_relaxed);
    return errc::no_space;
  }
  return added;
}

/// What follows a write of data, good or bad. The range is locked.
result<void> overlay::settle(extent where, std::uint64_t reserved, result<void> written) {
  unsynced_.store(true, std::memory_order_release);
  if (!written) {
    data_blocks_.fetch_sub(reserved, std::memory_order_relaxed);
    return written;
  }
  if (reserved == 0)
    return written;
  for (auto block = where.first; block < where.end(); ++block)
    set(block, block_state::data);
  std::lock_guard guard{dirty_mutex_};
  for (auto block = where.first; block < where.end(); ++block)
    dirty_.insert(block);
  return written;
}

result<void> overlay::write(std::uint64_t first_block, std::span<const std::byte> data) {
  const extent where{first_block, static_cast<std::uint32_t>(data.size() >> block_shift)};
  const range_lock lock{*this, where};
  const auto reserved = reserve(where);
  if (!reserved)
    return reserved.error();
  return settle(where, reserved.value(), data_->write(first_block << block_shift, data));
}

result<void> overlay::write_partial(std::uint64_t block, std::uint32_t at, std::span<const std::byte> data,
                                    std::span<const std::byte> base) {
  const range_lock lock{*this, {block, 1}};
  const auto was = state(block);
  if (was == block_state::data)
    return settle({block, 1}, 0, data_->write((block << block_shift) + at, data));
  const auto reserved = reserve({block, 1});
  if (!reserved)
    return reserved.error();
  // The whole block is written, whatever the file has there: it may be left over from before a crash.
  std::array<std::byte, block_bytes> whole{};
  if (was == block_state::absent)
    std::copy(base.begin(), base.end(), whole.begin());
  std::copy(data.begin(), data.end(), whole.begin() + at);
  return settle({block, 1}, reserved.value(), data_->write(block << block_shift, whole));
}

result<void> overlay::trim(extent where) {
  const range_lock lock{*this, where};
  std::uint64_t freed = 0;
  {
    std::lock_guard guard{dirty_mutex_};
    for (auto block = where.first; block < where.end(); ++block) {
      const auto was = state(block);
      if (was == block_state::zero)
        continue;
      freed += was == block_state::data;
      set(block, block_state::zero);
      dirty_.insert(block);
    }
  }
  if (freed == 0)
    return success();
  data_blocks_.fetch_sub(freed, std::memory_order_relaxed);
  // The space is given back last: until the map is flushed, the block may come back as data, and then its
  // zeroes are as right as its old content. If it fails, the blocks are zero all the same and the space is
  // used again by the next write.
  (void)data_->punch(where.first << block_shift, where.bytes());
  unsynced_.store(true, std::memory_order_release);
  return success();
}

// ---- the map

namespace {

void add_to(std::vector<map_run>& runs, std::uint64_t block, block_state now) {
  if (now == block_state::absent)
    return;
  if (!runs.empty() && runs.back().first + runs.back().count == block && runs.back().to == now &&
      runs.back().count < (1u << 31))
    ++runs.back().count;
  else
    runs.push_back({block, 1, now});
}

} // namespace

std::vector<map_run> overlay::runs_of(const block_set& blocks) const {
  std::vector<map_run> runs;
  blocks.each([&](std::uint64_t block) { add_to(runs, block, state(block)); });
  return runs;
}

std::vector<map_run> overlay::all_runs() const {
  std::vector<map_run> runs;
  for (std::uint64_t word = 0; word * per_word < blocks_; ++word)
    if (states_[word].load(std::memory_order_acquire) != 0)
      for (auto block = word * per_word; block < std::min(blocks_, (word + 1) * per_word); ++block)
        add_to(runs, block, state(block));
  return runs;
}

result<void> overlay::flush() {
  return join_round(false);
}

result<void> overlay::close() {
  return join_round(true);
}

result<void> overlay::join_round(bool closing) {
  std::unique_lock lock{flush_mutex_};
  // A round that has begun may have looked at the changes already; the next one sees everything up to here.
  const auto mine = rounds_begun_ + 1;
  for (;;) {
    if (!closing && round_good_ >= mine)
      return success();
    if (broken_)
      return errc::io_failed;
    if (!closing && rounds_done_ >= mine)
      return round_error_;
    if (!flushing_)
      break;
    flushed_.wait(lock);
  }
  flushing_ = true;
  const auto round = ++rounds_begun_;
  lock.unlock();
  auto done = flush_round(closing);
  lock.lock();
  flushing_ = false;
  rounds_done_ = round;
  if (done) {
    round_good_ = round;
  } else {
    round_error_ = done.error();
    broken_ = done.error() != errc::no_space;
  }
  flushed_.notify_all();
  return broken_ ? errc::io_failed : done;
}

result<void> overlay::flush_round(bool closing) {
  block_set changed;
  {
    std::lock_guard guard{dirty_mutex_};
    std::swap(changed, dirty_);
  }
  auto done = write_map(changed, closing);
  if (!done) {
    std::lock_guard guard{dirty_mutex_};
    changed.each([&](std::uint64_t block) { dirty_.insert(block); });
  }
  return done;
}

result<void> overlay::write_map(const block_set& changed, bool closing) {
  // What the map will say is fixed before the data is synced: a block that is written from here on is for the
  // next round, since this sync need not have its data.
  const auto runs = runs_of(changed);
  const bool whole = !runs.empty() && (map_->closed() || map_->runs() >= rewrite_runs_);
  const auto all = whole ? all_runs() : std::vector<map_run>{};
  if (unsynced_.exchange(false, std::memory_order_acq_rel))
    if (!data_->sync_data())
      return errc::io_failed; // Also when it says that the disk is full: the data is forgotten.
  if (whole) {
    auto done = map_->rewrite(all);
    if (done)
      rewrite_runs_ = std::max(options_.rewrite_runs_min, 4 * map_->runs());
    else if (done.error() != errc::no_space || map_->closed())
      return done;
    else if (auto appended = map_->append(runs);
             !appended) // Where a new file has no room, the old one may have.
      return appended;
  } else if (!runs.empty()) {
    if (auto done = map_->append(runs); !done)
      return done;
  }
  return closing ? map_->close() : success();
}

// ---- opening

result<void> overlay::make_data() {
  auto data = disk_.open(name_ + ".data", true);
  if (!data)
    return data.error();
  data_ = std::move(data).value();
  if (auto done = data_->resize(0); !done)
    return done;
  if (auto done = data_->resize(blocks_ << block_shift); !done)
    return done;
  if (auto done = data_->sync_data(); !done)
    return done;
  return disk_.sync_names();
}

result<void> overlay::recover(std::string& problem) {
  const map_identity identity{options_.volume_bytes, options_.volume_id};
  const auto visit = [this](const map_run& run) {
    for (auto block = run.first; block < run.first + run.count; ++block)
      set(block, run.to);
  };
  auto map = overlay_map::open(disk_, name_ + ".map", identity, visit, problem);
  auto data = disk_.open(name_ + ".data", false);
  if (!data && data.error() != errc::not_found)
    return data.error();
  if (!map && map.error() == errc::not_found) {
    // The map is made first, so that data without a map is never something that was just begun.
    if (data) {
      problem = name_ + ".data is there, but its block map " + name_ + ".map is missing";
      return errc::corrupt;
    }
    map = overlay_map::create(disk_, name_ + ".map", identity);
  }
  if (!map)
    return map.error();
  map_ = std::move(map).value();
  rewrite_runs_ = std::max(options_.rewrite_runs_min, 4 * map_->runs());
  // A map without runs names no data: the volume is new, or its making was cut short.
  if (map_->runs() == 0)
    return make_data();
  if (!data) {
    problem = name_ + ".map is there, but the data that it names, " + name_ + ".data, is missing";
    return errc::corrupt;
  }
  data_ = std::move(data).value();
  const auto size = data_->size();
  if (!size)
    return size.error();
  if (size.value() != blocks_ << block_shift) {
    problem = name_ + ".data has " + std::to_string(size.value()) + " bytes, and should have " +
              std::to_string(blocks_ << block_shift);
    return errc::corrupt;
  }
  std::uint64_t with_data = 0;
  for (std::uint64_t word = 0; word * per_word < blocks_; ++word)
    with_data += static_cast<std::uint64_t>(std::popcount(states_[word].load(std::memory_order_relaxed) &
                                                          0x5555555555555555)); // State 1 of two bits.
  data_blocks_ = with_data;
  return success();
}

} // namespace forerun::store
