#include "runtime/provenance/decoder.hpp"
#include "runtime/base/bytes.hpp"
#include "runtime/provenance/column_reader.hpp"
#include "runtime/provenance/name_table.hpp"
#include <algorithm>

namespace forerun::provenance {
namespace {

// Sector counts and lengths both come doubled: nothing valid reaches this.
constexpr std::uint64_t length_limit = std::uint64_t{1} << 34;
// Of the names of one block, together; the writer's contexts stay far below.
constexpr std::size_t names_max = std::size_t{block_contexts_max} * 3;

result<void> take_contexts(byte_reader<>& reader, std::uint32_t count, std::vector<context>& out) {
  out.clear();
  const auto names = take_names(reader, names_max);
  if (!names || names.value().empty())
    return errc::corrupt;
  for (std::uint32_t i = 0; i < count; ++i) {
    auto who = take_context(reader, names.value());
    if (!who)
      return who.error();
    out.push_back(std::move(who.value()));
  }
  return success();
}

/// Goes through the records of one block, in order.
class row_decoder {
public:
  row_decoder(const block_header& header, const column_reader& from, decoded_block& out)
      : header_(header), from_(from), out_(out), count_(header.records) {
    out.scratch.resize(count_ * number_columns);
  }

  /// Where the records are: context, first element, count and length of each.
  bool where() {
    for (const auto id : {column_id::context, column_id::first, column_id::count, column_id::bytes})
      if (!from_.numbers(id, of(id)))
        return false;
    const auto contexts = of(column_id::context), firsts = of(column_id::first),
               counts = of(column_id::count), lengths = of(column_id::bytes);
    out_.last_end.assign(header_.contexts, 0);
    for (std::size_t i = 0; i < count_; ++i) {
      if (contexts[i] >= header_.contexts || lengths[i] >= length_limit)
        return false;
      auto& last_end = out_.last_end[contexts[i]];
      const auto length = lengths[i] & 1 ? lengths[i] / 2 : lengths[i] / 2 * sector_bytes;
      const auto first = last_end + static_cast<std::uint64_t>(unzigzag(firsts[i]));
      const auto count =
          wrapping_plus(unzigzag(counts[i]), count_expected(static_cast<std::uint32_t>(length)));
      if (length > 0xffffffff || first >= element_limit || count < 0 || count > 0xffffffff ||
          first < header_.element_min ||
          last_of(first, static_cast<std::uint64_t>(count)) > header_.element_max)
        return false;
      firsts[i] = first;
      counts[i] = static_cast<std::uint64_t>(count);
      lengths[i] = length;
      last_end = first + counts[i];
    }
    return true;
  }

  /// Adds those of the first `count` records for which `wanted` holds to the block. Call after `where`.
  template <class Wanted> bool rest(std::size_t count, Wanted wanted) {
    for (const auto id : {column_id::time, column_id::what, column_id::latency})
      if (!from_.numbers(id, of(id).first(count)))
        return false;
    const auto contexts = of(column_id::context), firsts = of(column_id::first),
               counts = of(column_id::count), lengths = of(column_id::bytes), times = of(column_id::time),
               whats = of(column_id::what), latencies = of(column_id::latency);
    byte_reader<> digests{from_.bytes(column_id::digest)}, values{from_.bytes(column_id::value)},
        versions{from_.bytes(column_id::version)};
    std::int64_t time = 0;
    std::uint64_t version = 0;
    for (std::size_t i = 0; i < count; ++i) {
      time = wrapping_plus(time, unzigzag(times[i]));
      if (whats[i] >= what_end || latencies[i] > latency_us_max || time < header_.time_min.ns ||
          time > header_.time_max.ns)
        return false;
      std::span<const std::byte> digest_bytes, value;
      if (whats[i] & digest_flag)
        digest_bytes = digests.take_bytes(sizeof(digest));
      if (whats[i] & value_flag) {
        value = values.take_bytes(values.take_varint());
        if (value.empty() || value.size() > value_bytes_max)
          return false;
      }
      if (whats[i] & version_flag)
        version += static_cast<std::uint64_t>(versions.take_zigzag());
      if (!wanted(i))
        continue;
      out_.context_of.push_back(static_cast<std::uint32_t>(contexts[i]));
      auto& it = out_.records.emplace_back();
      it.position = header_.first_position + i;
      it.at = {time};
      it.latency = std::chrono::microseconds{latencies[i]};
      it.where = {firsts[i], static_cast<std::uint32_t>(counts[i])};
      it.bytes = static_cast<std::uint32_t>(lengths[i]);
      it.op = static_cast<operation>(whats[i] & ((1u << operation_bits) - 1));
      it.how = static_cast<outcome>((whats[i] >> operation_bits) & ((1u << outcome_bits) - 1));
      if (!digest_bytes.empty())
        std::memcpy(it.written.data(), digest_bytes.data(), digest_bytes.size());
      it.value.assign(reinterpret_cast<const char*>(value.data()), value.size());
      it.version = whats[i] & version_flag ? version : 0;
    }
    for (const auto& left : {digests, values, versions})
      if (!left.ok() || (count == count_ && left.left() != 0))
        return false;
    return true;
  }

  bool touches(std::size_t i, std::uint64_t first, std::uint64_t last) {
    const auto begin = of(column_id::first)[i];
    return begin <= last && last_of(begin, of(column_id::count)[i]) >= first;
  }
  std::size_t context(std::size_t i) { return of(column_id::context)[i]; }

private:
  std::span<std::uint64_t> of(column_id id) {
    return std::span{out_.scratch}.subspan((static_cast<std::size_t>(id) - 1) * count_, count_);
  }
  static std::uint64_t last_of(std::uint64_t first, std::uint64_t count) {
    return first + std::max<std::uint64_t>(count, 1) - 1;
  }

  const block_header& header_;
  const column_reader& from_;
  decoded_block& out_;
  std::size_t count_;
};

} // namespace

result<void> decode_contexts(const block_header& header, std::span<const std::byte> payload,
                             std::vector<context>& out) {
  byte_reader<> reader{payload};
  return take_contexts(reader, header.contexts, out);
}

result<void> decode(const block_header& header, std::span<const std::byte> payload, decoded_block& out) {
  return decode_touching(header, payload, {}, 0, std::numeric_limits<std::uint64_t>::max(), out);
}

result<void> decode_touching(const block_header& header, std::span<const std::byte> payload,
                             const std::vector<bool>& contexts, std::uint64_t first, std::uint64_t last,
                             decoded_block& out) {
  out.records.clear();
  out.context_of.clear();
  byte_reader<> reader{payload};
  if (auto taken = take_contexts(reader, header.contexts, out.contexts); !taken)
    return taken.error();
  column_reader from{header.records};
  row_decoder rows{header, from, out};
  if (!from.take(reader) || !rows.where())
    return errc::corrupt;
  const bool every = contexts.empty() && first <= header.element_min && last >= header.element_max;
  const auto wanted = [&](std::size_t i) {
    return every || ((contexts.empty() || contexts[rows.context(i)]) && rows.touches(i, first, last));
  };
  std::size_t count = header.records; // Behind the last that is wanted.
  while (count > 0 && !wanted(count - 1))
    --count;
  if (count == 0)
    return success();
  if (every) {
    out.records.reserve(header.records);
    out.context_of.reserve(header.records);
  }
  return rows.rest(count, wanted) ? result<void>{success()} : errc::corrupt;
}

} // namespace forerun::provenance
