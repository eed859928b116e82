#include "runtime/provenance/log.hpp"
#include <algorithm>

namespace forerun::provenance {

log::log(disk& where, const clock& time, log_limits limits, const signer* by)
    : disk_(where), clock_(time), limits_(limits), builder_(limits.block_records), indexes_(where),
      custody_(where, time, by) {
  limits_.segment_bytes = std::min(limits_.segment_bytes, segment_bytes_limit);
}

result<std::unique_ptr<log>> log::open(disk& where, const clock& time, log_limits limits, const signer* by) {
  std::unique_ptr<log> made{new log{where, time, limits, by}};
  if (auto recovered = made->recover(); !recovered)
    return recovered.error();
  return made;
}

result<std::uint64_t> log::append(const agent& who, const access_batch& batch) {
  return append(context{.by = who, .run = batch.run, .space = batch.volume.value}, batch.entries);
}

result<std::uint64_t> log::append(const context& who, std::span<const access> entries,
                                  std::span<const detail> details) {
  for (const auto* name : {&who.by.vm, &who.by.program, &who.by.user})
    if (name->size() > name_bytes_max)
      return errc::invalid_argument;
  if (!std::all_of(entries.begin(), entries.end(), block_builder::storable) ||
      (!details.empty() && details.size() != entries.size()))
    return errc::invalid_argument;
  if (pending_bytes_ >= limits_.pending_bytes_max || sealed_.segment > segment_number_max)
    return errc::overloaded;
  const auto first = records();
  while (!entries.empty()) {
    const auto added = builder_.add(who, entries, details);
    if (added > 0)
      indexes_.note(builder_.last_context(), who, entries.first(added));
    entries = entries.subspan(added);
    details = details.subspan(std::min(added, details.size()));
    if (added == 0 || builder_.full())
      seal();
  }
  return first;
}

void log::begin_segment() {
  link it;
  it.image->resize(segment_header::bytes);
  const segment_header header{.flags = next_flags_,
                              .number = sealed_.segment,
                              .first_sequence = sealed_.sequence,
                              .first_position = sealed_.position,
                              .created = clock_.wall(),
                              .predecessor = sealed_.head};
  put(header, std::span{*it.image}.first<segment_header::bytes>());
  it.begins_segment = header.number;
  indexes_.begin_segment(header.number, sealed_.head);
  sealed_.resume(header, sha256(*it.image));
  sealed_end_ = it.image->size();
  segment_began_ = header.created;
  next_flags_ = 0;
  begin_segment_ = false;
  pending_.push_back(std::move(it));
}

void log::seal() {
  if (builder_.records() == 0)
    return;
  link it;
  auto header = builder_.encode(*it.image);
  if (begin_segment_ || sealed_end_ + it.image->size() > limits_.segment_bytes)
    begin_segment();
  header.sequence = sealed_.sequence;
  header.first_position = sealed_.position;
  header.durable = durable_blocks_;
  header.predecessor = sealed_.head;
  put(header, std::span{*it.image}.first<block_header::bytes>());
  it.records = header.records;
  sealed_.resume(raw_block{.header = header, .image = *it.image}, sha256(*it.image));
  indexes_.add_block(header, sealed_end_, builder_.contexts());
  sealed_end_ += it.image->size();
  pending_bytes_ += it.image->size();
  pending_.push_back(std::move(it));
  builder_.clear();
}

result<void> log::write() {
  for (; !pending_.empty(); pending_.pop_front()) {
    const auto& it = pending_.front();
    if (auto written = write_link(it); !written)
      return written;
    if (!it.begins_segment)
      pending_bytes_ -= it.image->size();
  }
  indexes_.write();
  return success();
}

result<void> log::commit(durability how) {
  seal();
  if (auto written = write(); !written)
    return written;
  return how == durability::synced ? sync() : result<void>{success()};
}

result<void> log::write_link(const link& it) {
  if (!it.begins_segment) {
    if (auto written = file_->write(written_end_, *it.image); !written)
      return written;
    written_end_ += it.image->size();
    ++written_blocks_;
    written_records_ += it.records;
    return success();
  }
  // The segment before is durable before the next one exists, and the next one's header before its blocks: so
  // only the end of the last segment can be unfinished after a crash.
  if (auto synced = sync(); !synced)
    return synced;
  auto file = disk_.open(segment_name(*it.begins_segment), true);
  if (!file)
    return file.error();
  if (auto written = file.value()->write(0, *it.image); !written)
    return written;
  if (auto cut = file.value()->resize(it.image->size()); !cut)
    return cut;
  if (auto synced = file.value()->sync_data(); !synced)
    return synced;
  if (auto synced = disk_.sync_names(); !synced)
    return synced;
  file_ = std::move(file.value());
  file_number_ = *it.begins_segment;
  written_end_ = durable_end_ = it.image->size();
  return success();
}

namespace {
/// So much is written again at once after a failed sync.
constexpr std::uint64_t rewrite_bytes = 1u << 20;
} // namespace

result<void> log::sync() {
  if (!file_ || durable_blocks_ == written_blocks_)
    return success();
  if (sync_failed_)
    if (auto again = write_again(); !again)
      return again;
  sync_failed_ = true;
  if (auto synced = file_->sync_data(); !synced)
    return synced;
  sync_failed_ = false;
  durable_end_ = written_end_;
  durable_blocks_ = written_blocks_;
  durable_records_ = written_records_;
  return success();
}

result<void> log::write_again() {
  // After a failed sync the system may take its cached pages for clean and never write them. The next sync
  // then proves nothing, unless the same bytes were made dirty again before it. They are read through the
  // handle that wrote them: one that is opened now may show what is stored instead.
  std::vector<std::byte> piece(rewrite_bytes);
  for (auto at = durable_end_; at < written_end_; at += piece.size()) {
    piece.resize(std::min<std::uint64_t>(rewrite_bytes, written_end_ - at));
    const auto got = file_->read(at, piece);
    if (!got || got.value() != piece.size())
      return errc::io_failed; // What was written does not read back; a restart will say where.
    if (auto written = file_->write(at, piece); !written)
      return written;
  }
  return success();
}

result<std::uint64_t> log::bytes() const {
  const auto numbers = segments_of(disk_);
  if (!numbers)
    return numbers.error();
  std::uint64_t sum = 0;
  for (const auto number : numbers.value()) {
    const auto file = disk_.open_to_read(segment_name(number));
    const auto size = file ? file.value()->size() : file.error();
    if (!size)
      return size.error();
    sum += size.value();
  }
  return sum;
}

log_end log::written() const {
  if (file_)
    return {file_number_, written_end_};
  // Behind damage the next segment is not there yet; all of those before it are.
  if (recovered_.damage)
    return {recovered_.damage->segment, std::numeric_limits<std::uint64_t>::max()};
  return {};
}

log_view log::view(sums with) const {
  std::vector<std::shared_ptr<const std::vector<std::byte>>> blocks;
  for (const auto& it : pending_)
    if (!it.begins_segment)
      blocks.push_back(it.image);
  if (builder_.records() > 0) {
    auto image = std::make_shared<std::vector<std::byte>>();
    auto header = builder_.encode(*image);
    header.first_position = sealed_.position;
    put(header, std::span{*image}.first<block_header::bytes>());
    blocks.push_back(std::move(image));
  }
  return {disk_,     written(),       indexes_.known(with == sums::known), std::move(blocks),
          records(), sealed_.position};
}

std::function<result<verification>()> log::verifier(std::optional<ed25519_key> key,
                                                    still_wanted wanted) const {
  return [&from = disk_, end = written(), held = custody_.hold(),
          held_to = expectation{key ? key : custody_.key(), custody_.anchors()},
          wanted = std::move(wanted)] { return provenance::verify(from, end, held_to, wanted); };
}

} // namespace forerun::provenance
