#include "runtime/provenance/builder.hpp"
#include "runtime/base/bytes.hpp"
#include <algorithm>

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

// Function objects: they are inlined into the loops that use them.
constexpr auto what_of = [](const access& it) -> std::uint64_t {
  return static_cast<std::uint64_t>(it.op) | static_cast<std::uint64_t>(it.how) << operation_bits |
         (recorded(it.written) ? digest_flag : 0);
};

constexpr auto bytes_of = [](const access& it) -> std::uint64_t {
  return it.bytes % sector_bytes == 0 ? it.bytes / sector_bytes * 2 : std::uint64_t{it.bytes} * 2 + 1;
};

constexpr auto latency_of = [](const access& it) -> std::uint64_t {
  const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(it.latency.count(), 0));
  return std::min((ns + 500) / 1000, latency_us_max);
};

/// So many records go into one column after the other at once, so that they are still at hand for the next.
constexpr std::size_t stride = 64;

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
  for (auto rest = entries; !rest.empty(); rest = rest.subspan(std::min(stride, rest.size())))
    add_columns(index, rest.first(std::min(stride, rest.size())));
  records_ += static_cast<std::uint32_t>(entries.size());
  return entries.size();
}

void block_builder::add_columns(std::uint32_t context, std::span<const access> entries) {
  auto put = [&](column_id id, auto value_of) { of(id).put(entries.size(), value_of); };
  auto put_each = [&](column_id id, auto value_of) {
    put(id, [&](std::size_t i) { return value_of(entries[i]); });
  };
  put(column_id::context, [&](std::size_t) -> std::uint64_t { return context; });
  put(column_id::time, [&](std::size_t i) {
    return zigzag(wrapping_minus(entries[i].at.ns, i == 0 ? last_time_ : entries[i - 1].at.ns));
  });
  put_each(column_id::what, what_of);
  put(column_id::first, [&](std::size_t i) {
    const auto expected = i == 0 ? last_end_[context] : entries[i - 1].where.end();
    return zigzag(wrapping_minus(static_cast<std::int64_t>(entries[i].where.first),
                                 static_cast<std::int64_t>(expected)));
  });
  put_each(column_id::count,
           [](const access& it) { return zigzag(std::int64_t{it.where.count} - count_expected(it.bytes)); });
  put_each(column_id::bytes, bytes_of);
  put_each(column_id::latency, latency_of);
  for (const auto& it : entries) {
    if (recorded(it.written)) {
      const auto bytes = std::as_bytes(std::span{it.written});
      digests_.insert(digests_.end(), bytes.begin(), bytes.end());
    }
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

  for (std::uint8_t i = 0; i < number_columns; ++i)
    columns_[i].write(out, static_cast<column_id>(i + 1));
  if (!digests_.empty()) {
    put_column_head(out, column_id::digest, column_codec::plain, digests_.size());
    out.put_bytes(digests_);
  }

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
