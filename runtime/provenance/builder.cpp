#include "runtime/provenance/builder.hpp"
#include "runtime/base/bytes.hpp"
#include "runtime/base/hash.hpp"
#include "runtime/provenance/name_table.hpp"
#include <algorithm>
#include <zstd.h>

namespace forerun::provenance {
namespace {

constexpr std::uint64_t clock_step_ns = 1'000'000'000;

bool stepped_back(std::int64_t latest, std::int64_t now) {
  return latest > now &&
         static_cast<std::uint64_t>(latest) - static_cast<std::uint64_t>(now) >= clock_step_ns;
}

bool recorded(const digest& of) {
  const auto words = std::bit_cast<std::array<std::uint64_t, 2>>(of);
  return (words[0] | words[1]) != 0;
}

bool is_long(std::string_view value) {
  return value.size() > value_bytes_max;
}

// Function objects: they are inlined into the loops that use them.
constexpr auto what_of = [](const access& it) -> std::uint64_t {
  return static_cast<std::uint64_t>(it.op) | static_cast<std::uint64_t>(it.how) << operation_bits |
         (recorded(it.written) ? digest_flag : 0);
};

std::uint64_t flags_of(const detail& it) {
  return (it.value.empty()    ? 0
          : is_long(it.value) ? digest_flag
                              : value_flag) |
         (it.version != 0 ? version_flag : 0);
}

constexpr auto bytes_of = [](const access& it) -> std::uint64_t {
  return it.bytes % sector_bytes == 0 ? it.bytes / sector_bytes * 2 : std::uint64_t{it.bytes} * 2 + 1;
};

constexpr auto latency_of = [](const access& it) -> std::uint64_t {
  const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(it.latency.count(), 0));
  return std::min((ns + 500) / 1000, latency_us_max);
};

/// So many records go into one column after the other at once, so that they are still at hand for the next.
constexpr std::size_t stride = 64;

// What one more record, and one more context, can add to the payload at most.
constexpr std::size_t record_bytes_max = 7 * 10 + sizeof(digest) + value_bytes_max + 2 + 10;
constexpr std::size_t context_numbers_max = 7 * 10;
constexpr std::size_t context_bytes_max = 3 * (name_bytes_max + 2) + context_numbers_max;

void put_column(byte_writer<>& out, column_id id, std::span<const std::byte> bytes,
                column_codec codec = column_codec::plain) {
  if (bytes.empty())
    return;
  put_column_head(out, id, codec, bytes.size());
  out.put_bytes(bytes);
}

/// Plain, or as a zstd frame if that is shorter.
void put_shorter(byte_writer<>& out, column_id id, std::span<const std::byte> plain) {
  if (plain.empty())
    return;
  constexpr int level = 1; // Higher ones cost more than they save on names and short texts.
  std::vector<std::byte> frame(ZSTD_compressBound(plain.size()));
  const auto size = ZSTD_compress(frame.data(), frame.size(), plain.data(), plain.size(), level);
  if (!ZSTD_isError(size) && size < plain.size())
    put_column(out, id, std::span{frame}.first(size), column_codec::zstd);
  else
    put_column(out, id, plain);
}

} // namespace

block_builder::block_builder(std::uint32_t records_max)
    : records_max_(std::clamp<std::uint32_t>(records_max, 1, block_records_max)) {
  columns_.reserve(number_columns);
  while (columns_.size() < number_columns)
    columns_.emplace_back(records_max_);
}

void block_builder::clear() {
  for (auto& it : columns_)
    it.clear();
  records_ = 0;
  room_ = 0;
  digests_.clear();
  values_.clear();
  versions_.clear();
  last_version_ = 0;
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

std::optional<std::uint32_t> block_builder::find(const context& who) {
  // Few contexts take turns; to compare one is cheaper than to hash its names.
  auto& recent = recent_[(who.space + who.run.value) % recent_.size()];
  if (recent < contexts_.size() && contexts_[recent] == who)
    return recent;
  const auto found = context_of_.find(who);
  if (found == context_of_.end())
    return std::nullopt;
  return recent = found->second;
}

std::uint32_t block_builder::make_context(const context& who) {
  const auto index = static_cast<std::uint32_t>(contexts_.size());
  context_of_.emplace(who, index);
  contexts_.push_back(who);
  last_end_.push_back(0);
  names_bytes_ += who.by.vm.size() + who.by.program.size() + who.by.user.size();
  return index;
}

std::size_t block_builder::room_for(std::size_t wanted, bool new_context) {
  if (new_context && contexts_.size() == block_contexts_max)
    return 0;
  if (new_context || room_ < wanted) {
    const auto used = bytes() + context_bytes_max;
    room_ = used >= payload_bytes_max ? 0 : (payload_bytes_max - used) / record_bytes_max;
  }
  return std::min({wanted, room_, std::size_t{records_max_ - records_}});
}

std::size_t block_builder::add(const context& who, std::span<const access> entries,
                               std::span<const detail> details) {
  const auto known = find(who);
  entries = entries.first(room_for(entries.size(), !known));
  if (entries.empty())
    return 0;
  const auto index = last_context_ = known ? *known : make_context(who);
  if (records_ == 0) {
    time_min_ = entries.front().at.ns;
    stepped_back_ = stepped_back(time_max_, time_min_);
    time_max_ = time_min_;
    element_min_ = element_max_ = entries.front().where.first;
  }
  for (std::size_t at = 0; at < entries.size(); at += stride) {
    const auto count = std::min(stride, entries.size() - at);
    add_columns(index, entries.subspan(at, count), details.empty() ? details : details.subspan(at, count));
  }
  records_ += static_cast<std::uint32_t>(entries.size());
  room_ -= entries.size();
  return entries.size();
}

void block_builder::add_digest(const digest& of) {
  const auto bytes = std::as_bytes(std::span{of});
  digests_.insert(digests_.end(), bytes.begin(), bytes.end());
}

void block_builder::add_value(std::string_view value) {
  byte_writer<> out{values_};
  out.put_varint(value.size());
  out.put_bytes(std::as_bytes(std::span{value}));
}

void block_builder::add_columns(std::uint32_t context, std::span<const access> entries,
                                std::span<const detail> details) {
  auto put = [&](column_id id, auto value_of) { of(id).put(entries.size(), value_of); };
  auto put_each = [&](column_id id, auto value_of) {
    put(id, [&](std::size_t i) { return value_of(entries[i]); });
  };
  put(column_id::context, [&](std::size_t) -> std::uint64_t { return context; });
  put(column_id::time, [&](std::size_t i) {
    return zigzag(wrapping_minus(entries[i].at.ns, i == 0 ? last_time_ : entries[i - 1].at.ns));
  });
  if (details.empty())
    put_each(column_id::what, what_of);
  else
    put(column_id::what, [&](std::size_t i) { return what_of(entries[i]) | flags_of(details[i]); });
  put(column_id::first, [&](std::size_t i) {
    const auto expected = i == 0 ? last_end_[context] : entries[i - 1].where.end();
    return zigzag(wrapping_minus(static_cast<std::int64_t>(entries[i].where.first),
                                 static_cast<std::int64_t>(expected)));
  });
  put_each(column_id::count,
           [](const access& it) { return zigzag(std::int64_t{it.where.count} - count_expected(it.bytes)); });
  put_each(column_id::bytes, bytes_of);
  put_each(column_id::latency, latency_of);
  for (std::size_t i = 0; i < details.size(); ++i) {
    if (details[i].version != 0) {
      byte_writer<>{versions_}.put_varint(
          zigzag(static_cast<std::int64_t>(details[i].version - last_version_)));
      last_version_ = details[i].version;
    }
    if (!details[i].value.empty() && !is_long(details[i].value))
      add_value(details[i].value);
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& it = entries[i];
    if (recorded(it.written))
      add_digest(it.written);
    else if (!details.empty() && is_long(details[i].value))
      add_digest(digest_of(std::as_bytes(std::span{details[i].value})));
    stepped_back_ |= stepped_back(time_max_, it.at.ns);
    time_min_ = std::min(time_min_, it.at.ns);
    time_max_ = std::max(time_max_, it.at.ns);
    element_min_ = std::min(element_min_, it.where.first);
    element_max_ = std::max(element_max_, it.where.first + std::max(it.where.count, 1u) - 1);
  }
  last_time_ = entries.back().at.ns;
  last_end_[context] = entries.back().where.end();
}

std::size_t block_builder::bytes() const {
  std::size_t sum = block_header::bytes + digests_.size() + values_.size() + versions_.size() + names_bytes_ +
                    contexts_.size() * context_numbers_max;
  for (const auto& it : columns_)
    sum += it.size();
  return sum;
}

block_header block_builder::encode(std::vector<std::byte>& image) const {
  image.resize(block_header::bytes);
  byte_writer<> out{image};

  name_table names;
  std::vector<std::byte> contexts;
  byte_writer<> context_out{contexts};
  for (const auto& it : contexts_)
    names.put(context_out, it);
  names.write(out);
  out.put_bytes(contexts);

  for (std::uint8_t i = 0; i < number_columns; ++i)
    columns_[i].write(out, static_cast<column_id>(i + 1));
  put_column(out, column_id::digest, digests_);
  put_shorter(out, column_id::value, values_);
  put_column(out, column_id::version, versions_);

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
