#include "runtime/store/overlay_map.hpp"
#include "runtime/base/bytes.hpp"
#include "runtime/base/extent.hpp"
#include "runtime/base/hash.hpp"
#include <algorithm>
#include <fmt/format.h>

namespace forerun::store {

namespace {

constexpr std::uint64_t map_magic = 0x31504d564f4e5246; // "FRNOVMP1"
constexpr std::uint32_t map_version = 1;
constexpr std::size_t header_bytes = 40;
constexpr std::uint32_t batch_magic = 0x54425246; // "FRBT"
constexpr std::uint32_t flag_closed = 1;
constexpr std::size_t batch_head_bytes = 20;
constexpr std::size_t run_bytes = 16;
constexpr std::size_t sum_bytes = 8;
/// More runs go into several batches: 1 MiB is what a reader must hold at a time.
constexpr std::size_t batch_runs_max = 65536;
constexpr std::size_t batch_bytes_max = batch_head_bytes + batch_runs_max * run_bytes + sum_bytes;

std::vector<std::byte> header_of(const map_identity& identity) {
  std::vector<std::byte> header;
  byte_writer<> out{header};
  out.put(map_magic);
  out.put(map_version);
  out.put(block_bytes);
  out.put(identity.volume_bytes);
  out.put(identity.volume_id);
  out.put(checksum(header));
  return header;
}

/// The length that a batch says it has; 0 when it cannot be one.
std::size_t batch_length(std::span<const std::byte> head) {
  if (head.size() < batch_head_bytes || get_number<std::uint32_t>(head.data()) != batch_magic)
    return 0;
  const std::size_t runs = get_number<std::uint32_t>(head.data() + 4);
  return runs > batch_runs_max ? 0 : batch_head_bytes + runs * run_bytes + sum_bytes;
}

bool sound(std::span<const std::byte> batch) {
  const auto body = batch.first(batch.size() - sum_bytes);
  return get_number<std::uint64_t>(batch.data() + body.size()) == checksum(body);
}

} // namespace

result<std::unique_ptr<overlay_map>> overlay_map::create(disk& where, const std::string& name,
                                                         const map_identity& of) {
  std::unique_ptr<overlay_map> made{new overlay_map{where, name, of}};
  if (auto done = made->rewrite({}); !done)
    return done.error();
  return made;
}

result<std::unique_ptr<overlay_map>> overlay_map::open(disk& where, const std::string& name,
                                                       const map_identity& of, const receiver& visit,
                                                       std::string& problem) {
  auto file = where.open(name, false);
  if (!file)
    return file.error();
  std::unique_ptr<overlay_map> made{new overlay_map{where, name, of}};
  made->file_ = std::move(file).value();
  if (auto done = made->replay(visit, problem); !done) {
    if (!problem.empty())
      problem = fmt::format("the block map {}: {}", name, problem);
    return done.error();
  }
  return made;
}

// ---- writing

result<void> overlay_map::write_batch(disk_file& file, std::span<const map_run> runs, std::uint32_t flags) {
  std::vector<std::byte> batch;
  batch.reserve(batch_head_bytes + runs.size() * run_bytes + sum_bytes);
  byte_writer<> out{batch};
  out.put(batch_magic);
  out.put(static_cast<std::uint32_t>(runs.size()));
  out.put(flags);
  out.put(batches_);
  for (const auto& run : runs) {
    out.put(run.first);
    out.put(run.count);
    out.put(static_cast<std::uint32_t>(run.to));
  }
  out.put(checksum(batch));
  if (auto done = file.write(end_, batch); !done)
    return done;
  end_ += batch.size();
  runs_ += runs.size();
  ++batches_;
  return success();
}

result<void> overlay_map::write_end(std::span<const map_run> runs, std::uint32_t flags) {
  // What a failed write left behind must not follow the new end.
  if (litter_)
    if (auto done = file_->resize(end_); !done)
      return done;
  litter_ = true;
  if (auto done = write_batch(*file_, runs, flags); !done)
    return done;
  litter_ = false;
  // What happens if this fails is not known; a full disk would be taken for something harmless.
  return file_->sync_data() ? result<void>{success()} : errc::io_failed;
}

result<void> overlay_map::append(std::span<const map_run> runs) {
  do {
    const auto some = runs.first(std::min(runs.size(), batch_runs_max));
    if (auto done = write_end(some, 0); !done)
      return done;
    runs = runs.subspan(some.size());
  } while (!runs.empty());
  return success();
}

result<void> overlay_map::close() {
  if (closed_)
    return success();
  if (auto done = write_end({}, flag_closed); !done)
    return done;
  closed_ = true;
  return success();
}

result<void> overlay_map::make(disk_file& file, std::span<const map_run> runs) {
  // A crash may have left one that was never finished.
  if (auto done = file.resize(0); !done)
    return done;
  if (auto done = file.write(0, header_of(identity_)); !done)
    return done;
  end_ = header_bytes;
  batches_ = 0;
  runs_ = 0;
  do {
    const auto some = runs.first(std::min(runs.size(), batch_runs_max));
    if (auto done = write_batch(file, some, 0); !done)
      return done;
    runs = runs.subspan(some.size());
  } while (!runs.empty());
  return file.sync_data();
}

result<void> overlay_map::rewrite(std::span<const map_run> runs) {
  const auto fresh = name_ + ".new";
  auto file = disk_.open(fresh, true);
  if (!file)
    return file.error();
  const auto before = std::tuple{end_, batches_, runs_};
  if (auto done = make(*file.value(), runs); !done) {
    std::tie(end_, batches_, runs_) = before;
    (void)disk_.remove(fresh); // Whatever comes of it, it has no meaning; the next attempt begins anew.
    return done;
  }
  // From here on it is open which of the two maps a crash leaves.
  if (!disk_.rename(fresh, name_) || !disk_.sync_names())
    return errc::io_failed;
  file_ = std::move(file).value();
  litter_ = false;
  closed_ = false;
  return success();
}

// ---- reading

result<void> overlay_map::read_header(std::uint64_t size, std::string& problem) {
  std::vector<std::byte> header(std::min<std::uint64_t>(size, header_bytes));
  if (const auto got = file_->read(0, header); !got)
    return got.error();
  if (header.size() == header_bytes && header == header_of(identity_))
    return success();
  byte_reader<> in{header};
  if (in.take<std::uint64_t>() != map_magic) {
    problem = "its first bytes are not those of a map";
    return errc::corrupt;
  }
  if (const auto version = in.take<std::uint32_t>(); in.ok() && version > map_version) {
    problem = fmt::format("it has format version {}, and this program reads up to {}", version, map_version);
    return errc::unsupported;
  }
  in.take<std::uint32_t>();
  const auto volume_bytes = in.take<std::uint64_t>();
  const auto volume_id = in.take<std::uint64_t>();
  if (in.take<std::uint64_t>() !=
          checksum(std::span{header}.first(header.size() - std::min(header.size(), sum_bytes))) ||
      !in.ok())
    problem = "its header is damaged: the checksum at byte 32 does not hold";
  else
    problem = fmt::format("it is of volume {} with {} bytes, not of volume {} with {} bytes", volume_id,
                          volume_bytes, identity_.volume_id, identity_.volume_bytes);
  return errc::corrupt;
}

result<void> overlay_map::read_batch(std::uint64_t at, std::uint64_t size,
                                     std::vector<std::byte>& batch) const {
  batch.resize(std::min<std::uint64_t>(batch_head_bytes, size - at));
  if (const auto got = file_->read(at, batch); !got)
    return got.error();
  const auto length = batch_length(batch);
  batch.resize(length <= size - at ? length : 0);
  if (batch.empty())
    return success();
  if (const auto got = file_->read(at, batch); !got)
    return got.error();
  if (!sound(batch))
    batch.clear();
  return success();
}

/// Whether a sound batch begins in the bytes from `at` on that a torn one could take up.
result<bool> overlay_map::batch_in(std::uint64_t at, std::uint64_t size) const {
  std::vector<std::byte> rest(std::min<std::uint64_t>(size - at, batch_bytes_max));
  if (const auto got = file_->read(at, rest); !got)
    return got.error();
  for (std::size_t from = 1; from + batch_head_bytes + sum_bytes <= rest.size(); ++from) {
    const auto here = std::span<const std::byte>{rest}.subspan(from);
    const auto length = batch_length(here);
    // Only numbers that could come next are worth a checksum.
    if (length == 0 || length > here.size() ||
        get_number<std::uint64_t>(here.data() + 12) - batches_ > batch_bytes_max)
      continue;
    if (sound(here.first(length)))
      return true;
  }
  return false;
}

result<void> overlay_map::replay(const receiver& visit, std::string& problem) {
  const auto length = file_->size();
  if (!length)
    return length.error();
  const auto size = length.value();
  if (auto done = read_header(size, problem); !done)
    return done;
  const auto blocks = blocks_of(identity_.volume_bytes);
  end_ = header_bytes;
  std::vector<std::byte> batch;
  while (end_ < size) {
    if (auto done = read_batch(end_, size, batch); !done)
      return done;
    if (batch.empty())
      break;
    byte_reader<> in{std::span{batch}.subspan(4)};
    const auto runs = in.take<std::uint32_t>();
    closed_ = (in.take<std::uint32_t>() & flag_closed) != 0;
    if (const auto number = in.take<std::uint64_t>(); number != batches_) {
      problem = fmt::format("batch {} at byte {} stands where batch {} belongs", number, end_, batches_);
      return errc::corrupt;
    }
    for (std::uint32_t i = 0; i < runs; ++i) {
      const map_run run{in.take<std::uint64_t>(), in.take<std::uint32_t>(),
                        static_cast<block_state>(std::min(in.take<std::uint32_t>(), 255u))};
      if (run.first >= blocks || run.count > blocks - run.first ||
          (run.to != block_state::data && run.to != block_state::zero)) {
        problem = fmt::format("run {} of the batch at byte {} makes no sense", i, end_);
        return errc::corrupt;
      }
      visit(run);
    }
    runs_ += runs;
    ++batches_;
    end_ += batch.size();
  }
  if (batches_ == 0) {
    problem = "its first batch, at byte 40, is damaged"; // A map comes into being with it.
    return errc::corrupt;
  }
  // Each batch is synced before the next is written. So bytes that are no batch are a crash's torn end,
  // unless the end was closed, or too much follows, or a sound batch: then something damaged them.
  cut_bytes_ = size - end_;
  if (cut_bytes_ > 0) {
    const auto more = batch_in(end_, size);
    if (!more)
      return more.error();
    if (closed_ || cut_bytes_ > batch_bytes_max || more.value()) {
      problem = fmt::format("batch {} at byte {} is damaged, and no crash can have done it", batches_, end_);
      return errc::corrupt;
    }
    if (auto done = file_->resize(end_); !done)
      return done;
  }
  return success();
}

} // namespace forerun::store
