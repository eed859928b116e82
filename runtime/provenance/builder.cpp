#include "runtime/provenance/builder.hpp"
#include "runtime/base/bytes.hpp"
#include <algorithm>

namespace forerun::provenance {
namespace {

constexpr std::size_t varint_bytes_max = 10;
constexpr std::uint64_t clock_step_ns = 1'000'000'000;

bool stepped_back(std::int64_t latest, std::int64_t now) {
  return latest > now &&
         static_cast<std::uint64_t>(latest) - static_cast<std::uint64_t>(now) >= clock_step_ns;
}

/// Takes a varint that this file wrote itself.
std::uint64_t take(const std::byte*& at) {
  std::uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = static_cast<std::uint64_t>(*at++);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80)
      return value;
  }
}

/// The same numbers as runs, or false when that would not be shorter than `plain`.
bool as_runs(std::span<const std::byte> plain, std::vector<std::byte>& out) {
  out.clear();
  byte_writer<> writer{out};
  const auto* at = plain.data();
  const auto* const end = at + plain.size();
  auto value = take(at);
  std::uint64_t length = 1;
  while (at != end) {
    const auto next = take(at);
    if (next == value) {
      ++length;
      continue;
    }
    writer.put_varint(value);
    writer.put_varint(length);
    // A column that does not shrink at its front is not worth the walk to its end.
    if (out.size() >= static_cast<std::size_t>(at - plain.data()))
      return false;
    value = next;
    length = 1;
  }
  writer.put_varint(value);
  writer.put_varint(length);
  return out.size() < plain.size();
}

void put_column(byte_writer<>& out, column_id id, column_codec codec, std::span<const std::byte> bytes) {
  out.put(static_cast<std::uint8_t>(id));
  out.put(static_cast<std::uint8_t>(codec));
  out.put_varint(bytes.size());
  out.put_bytes(bytes);
}

} // namespace

block_builder::block_builder(std::uint32_t records_max)
    : records_max_(std::clamp<std::uint32_t>(records_max, 1, block_records_max)) {
  for (auto& it : columns_)
    it.data = std::make_unique_for_overwrite<std::byte[]>(records_max_ * varint_bytes_max);
  clear();
}

void block_builder::clear() {
  for (auto& it : columns_)
    it.end = it.data.get();
  records_ = 0;
  digests_.clear();
  context_of_.clear();
  contexts_.clear();
  last_end_.clear();
  last_context_ = 0;
  last_time_ = 0;
  names_bytes_ = 0;
}

void block_builder::continue_after(wall_time time) {
  time_max_ = time.ns;
}

std::uint32_t block_builder::context_index(const context& who) {
  if (!contexts_.empty() && contexts_[last_context_] == who)
    return last_context_;
  const auto [found, added] = context_of_.try_emplace(who, static_cast<std::uint32_t>(contexts_.size()));
  if (added) {
    contexts_.push_back(who);
    last_end_.push_back(0);
    names_bytes_ += who.by.vm.size() + who.by.program.size() + who.by.user.size();
  }
  return last_context_ = found->second;
}

std::size_t block_builder::add(const context& who, std::span<const access> entries) {
  entries = entries.first(std::min<std::size_t>(entries.size(), records_max_ - records_));
  if (entries.empty() || (contexts_.size() == block_contexts_max && !context_of_.contains(who)))
    return 0;
  const auto index = context_index(who);
  if (records_ == 0) {
    time_min_ = entries.front().at.ns;
    stepped_back_ = stepped_back(time_max_, time_min_);
    time_max_ = time_min_;
    element_min_ = element_max_ = entries.front().where.first;
  }
  auto last_end = last_end_[index];
  for (const auto& it : entries) {
    const bool with_digest = it.written != digest{};
    of(column_id::context).put(index);
    of(column_id::time).put(zigzag(wrapping_minus(it.at.ns, last_time_)));
    of(column_id::what)
        .put(static_cast<std::uint64_t>(it.op) | static_cast<std::uint64_t>(it.how) << operation_bits |
             (with_digest ? digest_flag : 0));
    of(column_id::first)
        .put(zigzag(
            wrapping_minus(static_cast<std::int64_t>(it.where.first), static_cast<std::int64_t>(last_end))));
    of(column_id::count).put(zigzag(std::int64_t{it.where.count} - count_expected(it.bytes)));
    of(column_id::bytes)
        .put(it.bytes % sector_bytes == 0 ? it.bytes / sector_bytes * 2 : std::uint64_t{it.bytes} * 2 + 1);
    const auto latency = static_cast<std::uint64_t>(std::max<std::int64_t>(it.latency.count(), 0));
    of(column_id::latency).put(std::min((latency + 500) / 1000, latency_us_max));
    if (with_digest) {
      const auto bytes = std::as_bytes(std::span{it.written});
      digests_.insert(digests_.end(), bytes.begin(), bytes.end());
    }
    stepped_back_ |= stepped_back(time_max_, it.at.ns);
    last_time_ = it.at.ns;
    last_end = it.where.end();
    time_min_ = std::min(time_min_, it.at.ns);
    time_max_ = std::max(time_max_, it.at.ns);
    element_min_ = std::min(element_min_, it.where.first);
    element_max_ = std::max(element_max_, it.where.first + std::max(it.where.count, 1u) - 1);
  }
  last_end_[index] = last_end;
  records_ += static_cast<std::uint32_t>(entries.size());
  return entries.size();
}

std::size_t block_builder::bytes() const {
  std::size_t sum = block_header::bytes + digests_.size() + names_bytes_ + contexts_.size() * 32;
  for (const auto& it : columns_)
    sum += it.size();
  return sum;
}

block_header block_builder::encode(std::vector<std::byte>& image) const {
  image.resize(block_header::bytes);
  byte_writer<> out{image};

  absl::flat_hash_map<std::string_view, std::uint32_t> name_of;
  std::vector<std::string_view> names;
  auto intern = [&](std::string_view name) {
    const auto [found, added] = name_of.try_emplace(name, static_cast<std::uint32_t>(names.size()));
    if (added)
      names.push_back(name);
    return found->second;
  };
  for (const auto& it : contexts_)
    for (const auto* name : {&it.by.vm, &it.by.program, &it.by.user})
      intern(*name);
  out.put_varint(names.size());
  for (const auto name : names) {
    out.put_varint(name.size());
    out.put_bytes(std::as_bytes(std::span{name}));
  }
  for (const auto& it : contexts_) {
    for (const auto* name : {&it.by.vm, &it.by.program, &it.by.user})
      out.put_varint(intern(*name));
    out.put_varint(it.by.node);
    out.put_varint(it.run.value);
    out.put_varint(static_cast<std::uint64_t>(it.kind));
    out.put_varint(it.space);
  }

  std::vector<std::byte> runs;
  for (std::uint8_t i = 0; i < number_columns; ++i) {
    const auto plain = std::span<const std::byte>{columns_[i].data.get(), columns_[i].size()};
    const auto id = static_cast<column_id>(i + 1);
    if (as_runs(plain, runs))
      put_column(out, id, column_codec::runs, runs);
    else
      put_column(out, id, column_codec::plain, plain);
  }
  if (!digests_.empty())
    put_column(out, column_id::digest, column_codec::plain, digests_);

  block_header header;
  const auto payload = std::span<const std::byte>{image}.subspan(block_header::bytes);
  header.payload_bytes = static_cast<std::uint32_t>(payload.size());
  header.payload_checksum = checksum(payload);
  header.flags = stepped_back_ ? block_header::flag_clock_back : std::uint16_t{0};
  header.records = records_;
  header.contexts = static_cast<std::uint32_t>(contexts_.size());
  header.time_min = {time_min_};
  header.time_max = {time_max_};
  header.element_min = element_min_;
  header.element_max = element_max_;
  return header;
}

} // namespace forerun::provenance
