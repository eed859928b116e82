#include "runtime/store/block_cache.hpp"
#include "runtime/base/bytes.hpp"
#include "runtime/base/hash.hpp"
#include <algorithm>

namespace forerun::store {

namespace {

constexpr std::uint64_t sums_magic = 0x31534d5553524e46; // "FNRSUMS1"
constexpr std::uint32_t sums_version = 1;
constexpr std::size_t validator_bytes_max = 1024;
/// Checksums are stored in pages of this many blocks, and only pages that hold something.
constexpr std::uint64_t page_blocks = 512;

/// Never 0, which means "not there".
std::uint64_t sum_of(std::span<const std::byte> block) {
  return std::max<std::uint64_t>(checksum(block), 1);
}

} // namespace

block_cache::block_cache(disk& where, std::string name, block_cache_options options)
    : disk_(where), name_(std::move(name)), options_(std::move(options)),
      blocks_(blocks_of(options_.image_bytes)), sums_(blocks_) {
}

result<std::unique_ptr<block_cache>> block_cache::open(disk& where, const std::string& name,
                                                       const block_cache_options& options) {
  if (options.validator.size() > validator_bytes_max)
    return errc::invalid_argument;
  std::unique_ptr<block_cache> made{new block_cache{where, name, options}};
  if (auto done = made->load(); !done)
    return done.error();
  return made;
}

result<void> block_cache::remove(disk& where, const std::string& name) {
  for (const auto* suffix : {".sums", ".cache"})
    if (auto done = where.remove(name + suffix); !done && done.error() != errc::not_found)
      return done;
  return where.sync_names();
}

bool block_cache::read(extent where, std::span<std::byte> into) {
  const auto got = data_->read(where.first << block_shift, into);
  if (!got || got.value() != into.size()) {
    drop(where); // A sector that cannot be read is fetched again, and is written anew by that.
    return false;
  }
  bool sound = true;
  for (std::uint32_t i = 0; i < where.count; ++i) {
    const auto expected = sums_[where.first + i].load(std::memory_order_acquire);
    if (expected != 0 && sum_of(into.subspan(std::size_t{i} << block_shift, block_bytes)) == expected)
      continue;
    if (expected != 0)
      drop({where.first + i, 1});
    sound = false;
  }
  return sound;
}

result<void> block_cache::put(extent where, std::span<const std::byte> data) {
  if (auto done = data_->write(where.first << block_shift, data); !done) {
    drop(where);
    return done;
  }
  for (std::uint32_t i = 0; i < where.count; ++i)
    if (sums_[where.first + i].exchange(sum_of(data.subspan(std::size_t{i} << block_shift, block_bytes)),
                                        std::memory_order_acq_rel) == 0)
      present_.fetch_add(1, std::memory_order_relaxed);
  return success();
}

void block_cache::drop(extent where) {
  bool had = false;
  for (auto block = where.first; block < where.end(); ++block)
    if (sums_[block].exchange(0, std::memory_order_acq_rel) != 0) {
      present_.fetch_sub(1, std::memory_order_relaxed);
      had = true;
    }
  if (had)
    (void)data_->punch(where.first << block_shift, where.bytes()); // If it fails, the space comes back later.
}

result<void> block_cache::save() {
  std::lock_guard guard{save_mutex_};
  std::vector<std::byte> bytes;
  byte_writer<> out{bytes};
  out.put(sums_magic);
  out.put(sums_version);
  out.put(static_cast<std::uint32_t>(options_.validator.size()));
  out.put(options_.image_bytes);
  out.put_bytes(std::as_bytes(std::span{options_.validator}));
  for (std::uint64_t page = 0; page * page_blocks < blocks_; ++page) {
    const auto first = page * page_blocks;
    const auto end = std::min(blocks_, first + page_blocks);
    bool any = false;
    for (auto block = first; block < end && !any; ++block)
      any = present(block);
    if (!any)
      continue;
    out.put(page);
    for (auto block = first; block < end; ++block)
      out.put(sums_[block].load(std::memory_order_acquire));
  }
  out.put(checksum(bytes));
  // No order to the data file is needed: a block that is not what its checksum says is not served.
  const auto fresh = name_ + ".sums.new";
  auto file = disk_.open(fresh, true);
  if (!file)
    return file.error();
  if (auto done = file.value()->resize(0); !done)
    return done;
  if (auto done = file.value()->write(0, bytes); !done)
    return done;
  if (auto done = file.value()->sync_data(); !done)
    return done;
  if (auto done = disk_.rename(fresh, name_ + ".sums"); !done)
    return done;
  return disk_.sync_names();
}

result<void> block_cache::load() {
  auto data = disk_.open(name_ + ".cache", true);
  if (!data)
    return data.error();
  data_ = std::move(data).value();
  found_ = load_sums();
  if (found_ != found::sound) {
    if (present_ > 0)
      sums_ = zero_pages<std::atomic<std::uint64_t>>{blocks_};
    present_ = 0;
    if (auto done = data_->resize(0); !done)
      return done;
  }
  return data_->resize(blocks_ << block_shift);
}

block_cache::found block_cache::load_sums() {
  auto file = disk_.open(name_ + ".sums", false);
  if (!file)
    return file.error() == errc::not_found ? found::none : found::damaged;
  const auto size = file.value()->size();
  if (!size)
    return found::damaged;
  const auto most = 32 + validator_bytes_max + (blocks_ / page_blocks + 1) * 8 + blocks_ * 8;
  if (size.value() < 32 || size.value() > most)
    return found::damaged;
  std::vector<std::byte> bytes(size.value());
  const auto got = file.value()->read(0, bytes);
  if (!got)
    return found::damaged;
  const auto body = std::span{bytes}.first(bytes.size() - 8);
  if (got.value() != bytes.size() || get_number<std::uint64_t>(bytes.data() + body.size()) != checksum(body))
    return found::damaged;
  byte_reader<> in{body};
  if (in.take<std::uint64_t>() != sums_magic || in.take<std::uint32_t>() != sums_version)
    return found::damaged;
  const auto validator_length = in.take<std::uint32_t>();
  const auto image_bytes = in.take<std::uint64_t>();
  const auto validator = in.take_bytes(validator_length);
  if (!in.ok())
    return found::damaged;
  if (image_bytes != options_.image_bytes ||
      !std::ranges::equal(validator, std::as_bytes(std::span{options_.validator})))
    return found::changed;
  while (in.left() > 0) {
    const auto page = in.take<std::uint64_t>();
    if (!in.ok() || page > blocks_ / page_blocks)
      return found::damaged;
    for (auto block = page * page_blocks; block < std::min(blocks_, (page + 1) * page_blocks); ++block) {
      const auto sum = in.take<std::uint64_t>();
      sums_[block].store(sum, std::memory_order_relaxed);
      present_ += sum != 0;
    }
    if (!in.ok())
      return found::damaged;
  }
  return found::sound;
}

} // namespace forerun::store
