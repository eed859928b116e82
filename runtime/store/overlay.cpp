#include "runtime/store/overlay.hpp"
#include "runtime/base/bytes.hpp"
#include "runtime/base/hash.hpp"
#include <algorithm>
#include <cstring>

namespace forerun::store {

namespace {

constexpr std::uint64_t map_magic = 0x31504d564f4e5246; // "FRNOVMP1"
constexpr std::uint32_t map_version = 1;
constexpr std::size_t header_bytes = 40;
constexpr std::uint32_t batch_magic = 0x54425246; // "FRBT"
constexpr std::uint32_t flag_clean = 1;
constexpr std::size_t batch_head_bytes = 20;
constexpr std::size_t run_bytes = 16;
/// A map smaller than this is never worth rewriting.
constexpr std::uint64_t rewrite_runs_min = 8192;

} // namespace

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
                                               const overlay_options& options) {
  std::unique_ptr<overlay> made{new overlay{where, name, options}};
  if (auto done = made->recover(); !done)
    return done.error();
  return made;
}

result<void> overlay::remove(disk& where, const std::string& name) {
  // The map goes first: data without a map is nothing, a map without data would be damage.
  for (const auto* suffix : {".map", ".data"})
    if (auto done = where.remove(name + suffix); !done && done.error() != errc::not_found)
      return done;
  return where.sync_names();
}

void overlay::set(std::uint64_t block, block_state to) {
  const auto shift = block % per_word * 2;
  auto& word = states_[block / per_word];
  auto old = word.load(std::memory_order_relaxed);
  while (!word.compare_exchange_weak(
      old, (old & ~(std::uint64_t{3} << shift)) | static_cast<std::uint64_t>(to) << shift,
      std::memory_order_acq_rel)) {
  }
  const auto was = static_cast<block_state>(old >> shift & 3);
  if (was == to)
    return;
  if (to == block_state::data)
    data_blocks_.fetch_add(1, std::memory_order_relaxed);
  else if (was == block_state::data)
    data_blocks_.fetch_sub(1, std::memory_order_relaxed);
}

// ---- reads and writes

result<void> overlay::read(std::uint64_t offset, std::span<std::byte> into) const {
  auto got = data_->read(offset, into);
  if (!got)
    return got.error();
  std::memset(into.data() + got.value(), 0, into.size() - got.value());
  return success();
}

result<void> overlay::make_room(extent where) {
  std::uint64_t added = 0;
  for (auto block = where.first; block < where.end(); ++block)
    added += state(block) != block_state::data;
  if (added > 0 && data_bytes() + added * block_bytes > options_.data_bytes_max)
    return errc::no_space;
  return success();
}

result<void> overlay::write(std::uint64_t first_block, std::span<const std::byte> data) {
  const extent where{first_block, static_cast<std::uint32_t>(data.size() >> block_shift)};
  const range_lock lock{*this, where};
  if (auto room = make_room(where); !room)
    return room;
  if (auto done = data_->write(first_block << block_shift, data); !done)
    return done;
  bool changed = false;
  for (auto block = where.first; block < where.end(); ++block)
    if (state(block) != block_state::data) {
      set(block, block_state::data);
      changed = true;
    }
  if (changed) {
    std::lock_guard guard{dirty_mutex_};
    for (auto block = where.first; block < where.end(); ++block)
      dirty_.insert(block);
  }
  return success();
}

result<void> overlay::write_partial(std::uint64_t block, std::uint32_t at, std::span<const std::byte> data,
                                    std::span<const std::byte> base) {
  const range_lock lock{*this, {block, 1}};
  if (state(block) == block_state::data)
    return data_->write((block << block_shift) + at, data);
  if (auto room = make_room({block, 1}); !room)
    return room;
  std::array<std::byte, block_bytes> whole{};
  if (state(block) == block_state::absent)
    std::copy(base.begin(), base.end(), whole.begin());
  std::copy(data.begin(), data.end(), whole.begin() + at);
  if (auto done = data_->write(block << block_shift, whole); !done)
    return done;
  set(block, block_state::data);
  std::lock_guard guard{dirty_mutex_};
  dirty_.insert(block);
  return success();
}

result<void> overlay::trim(extent where) {
  const range_lock lock{*this, where};
  bool had_data = false;
  {
    std::lock_guard guard{dirty_mutex_};
    for (auto block = where.first; block < where.end(); ++block) {
      const auto was = state(block);
      if (was == block_state::zero)
        continue;
      had_data |= was == block_state::data;
      set(block, block_state::zero);
      dirty_.insert(block);
    }
  }
  // The space is given back last: until the map is flushed, the block may come back as data, and then its
  // zeroes are as right as its old content.
  return had_data ? data_->punch(where.first << block_shift, where.bytes()) : success();
}

// ---- the map

std::vector<overlay::run> overlay::runs_of(const block_set* dirty) const {
  std::vector<run> runs;
  const auto add = [&](std::uint64_t block) {
    const auto now = state(block);
    if (now == block_state::absent)
      return;
    if (!runs.empty() && runs.back().first + runs.back().count == block && runs.back().to == now &&
        runs.back().count < (1u << 31))
      ++runs.back().count;
    else
      runs.push_back({block, 1, now});
  };
  if (dirty != nullptr) {
    dirty->each(add);
    return runs;
  }
  for (std::uint64_t word = 0; word * per_word < blocks_; ++word)
    if (states_[word].load(std::memory_order_acquire) != 0)
      for (auto block = word * per_word; block < std::min(blocks_, (word + 1) * per_word); ++block)
        add(block);
  return runs;
}

result<void> overlay::append(std::span<const run> runs, bool clean) {
  std::vector<std::byte> batch;
  batch.reserve(batch_head_bytes + runs.size() * run_bytes + 8);
  byte_writer<> out{batch};
  out.put(batch_magic);
  out.put(static_cast<std::uint32_t>(runs.size()));
  out.put(clean ? flag_clean : 0u);
  out.put(map_batches_);
  for (const auto& item : runs) {
    out.put(item.first);
    out.put(item.count);
    out.put(static_cast<std::uint32_t>(item.to));
  }
  out.put(checksum(batch));
  if (auto done = map_->write(map_bytes_, batch); !done)
    return done;
  if (auto done = map_->sync_data(); !done)
    return done;
  map_bytes_ += batch.size();
  map_runs_ += runs.size();
  ++map_batches_;
  return success();
}

result<void> overlay::rewrite_map() {
  const auto fresh_name = name_ + ".map.new";
  auto file = disk_.open(fresh_name, true);
  if (!file)
    return file.error();
  std::vector<std::byte> header;
  byte_writer<> out{header};
  out.put(map_magic);
  out.put(map_version);
  out.put(block_bytes);
  out.put(options_.volume_bytes);
  out.put(options_.volume_id);
  out.put(checksum(header));
  if (auto done = file.value()->resize(0); !done)
    return done;
  if (auto done = file.value()->write(0, header); !done)
    return done;
  map_ = std::move(file).value();
  map_bytes_ = header_bytes;
  map_batches_ = 0;
  map_runs_ = 0;
  if (auto done = append(runs_of(nullptr), false); !done)
    return done;
  if (auto done = disk_.rename(fresh_name, name_ + ".map"); !done)
    return done;
  return disk_.sync_names();
}

result<void> overlay::flush() {
  std::unique_lock lock{flush_mutex_};
  // A round that has begun may have looked at the changes already; the next one sees everything up to here.
  const auto mine = rounds_begun_ + 1;
  for (;;) {
    if (broken_)
      return errc::io_failed;
    if (rounds_done_ >= mine)
      return success();
    if (!flushing_)
      break;
    flushed_.wait(lock);
  }
  flushing_ = true;
  const auto round = ++rounds_begun_;
  lock.unlock();
  auto done = flush_round();
  lock.lock();
  flushing_ = false;
  rounds_done_ = round;
  if (!done)
    broken_ = true;
  flushed_.notify_all();
  return done;
}

result<void> overlay::flush_round() {
  block_set dirty;
  {
    std::lock_guard guard{dirty_mutex_};
    std::swap(dirty, dirty_);
  }
  if (auto done = data_->sync_data(); !done)
    return done;
  if (dirty.size() == 0)
    return success();
  if (map_runs_ > rewrite_runs_min && map_runs_ > 4 * runs_of(nullptr).size())
    return rewrite_map();
  return append(runs_of(&dirty), false);
}

result<void> overlay::close() {
  if (auto done = flush(); !done)
    return done;
  std::lock_guard lock{flush_mutex_};
  return append({}, true);
}

result<void> overlay::recover() {
  auto map = disk_.open(name_ + ".map", false);
  auto data = disk_.open(name_ + ".data", !map);
  if (!map) {
    if (map.error() != errc::not_found)
      return map.error();
    if (!data)
      return data.error();
    data_ = std::move(data).value();
    // Data that no map names is left over from a volume that was not made to its end.
    if (auto done = data_->resize(0); !done)
      return done;
    if (auto done = data_->resize(blocks_ << block_shift); !done)
      return done;
    if (auto done = data_->sync_data(); !done)
      return done;
    return rewrite_map();
  }
  if (!data)
    return data.error() == errc::not_found ? errc::corrupt : data.error();
  data_ = std::move(data).value();
  map_ = std::move(map).value();
  const auto size = map_->size();
  if (!size)
    return size.error();
  std::vector<std::byte> bytes(size.value());
  const auto got = map_->read(0, bytes);
  if (!got)
    return got.error();
  bytes.resize(got.value());
  return replay(bytes);
}

result<void> overlay::replay(std::span<const std::byte> map) {
  if (map.size() < header_bytes)
    return errc::corrupt;
  byte_reader<> header{map};
  if (header.take<std::uint64_t>() != map_magic)
    return errc::corrupt;
  const auto version = header.take<std::uint32_t>();
  const auto block_size = header.take<std::uint32_t>();
  const auto volume_bytes = header.take<std::uint64_t>();
  const auto volume_id = header.take<std::uint64_t>();
  if (header.take<std::uint64_t>() != checksum(map.first(header_bytes - 8)))
    return errc::corrupt;
  if (version != map_version)
    return errc::unsupported;
  if (block_size != block_bytes || volume_bytes != options_.volume_bytes || volume_id != options_.volume_id)
    return errc::corrupt;

  /// The length of the sound batch at `at`, or 0.
  const auto batch_at = [&](std::size_t at) -> std::size_t {
    if (map.size() - at < batch_head_bytes + 8 || get_number<std::uint32_t>(map.data() + at) != batch_magic)
      return 0;
    const std::size_t runs = get_number<std::uint32_t>(map.data() + at + 4);
    const auto length = batch_head_bytes + runs * run_bytes + 8;
    if (length > map.size() - at)
      return 0;
    return get_number<std::uint64_t>(map.data() + at + length - 8) == checksum(map.subspan(at, length - 8))
               ? length
               : 0;
  };

  std::size_t at = header_bytes;
  bool clean = false;
  while (const auto length = at < map.size() ? batch_at(at) : 0) {
    byte_reader<> batch{map.subspan(at + 4, length - 4)};
    const auto runs = batch.take<std::uint32_t>();
    clean = (batch.take<std::uint32_t>() & flag_clean) != 0;
    if (batch.take<std::uint64_t>() != map_batches_++)
      return errc::corrupt;
    for (std::uint32_t i = 0; i < runs; ++i) {
      const extent where{batch.take<std::uint64_t>(), batch.take<std::uint32_t>()};
      const auto to = batch.take<std::uint32_t>();
      if (where.first >= blocks_ || where.count > blocks_ - where.first || to < 1 || to > 2)
        return errc::corrupt;
      for (auto block = where.first; block < where.end(); ++block)
        set(block, static_cast<block_state>(to));
    }
    map_runs_ += runs;
    at += length;
  }
  map_bytes_ = at;
  cut_bytes_ = map.size() - at;
  if (map_batches_ == 0)
    return errc::corrupt; // A map comes into being with its first batch.
  // Every batch is synced before the next is written. So bytes that are no batch are a crash's torn end,
  // unless the end was closed, or a sound batch follows them: then something damaged them.
  if (cut_bytes_ > 0) {
    if (clean)
      return errc::corrupt;
    for (auto later = at + 1; later + batch_head_bytes + 8 <= map.size(); ++later)
      if (batch_at(later) != 0)
        return errc::corrupt;
    if (auto done = map_->resize(at); !done)
      return done;
  }
  // From here on a torn end is possible again.
  return clean ? append({}, false) : success();
}

} // namespace forerun::store
