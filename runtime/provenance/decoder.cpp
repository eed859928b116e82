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
    out.wanted.resize(count_);
  }

  /// Where the records are: first element, count and length of each. Notes those that `contexts` (empty:
  /// all) and the elements from `first` to `last` let through.
  bool where(const std::vector<bool>& contexts, std::uint64_t first, std::uint64_t last) {
    for (const auto id : {column_id::context, column_id::first, column_id::count, column_id::bytes})
      if (!from_.numbers(id, of(id)))
        return false;
    out_.last_end.assign(header_.contexts, 0);
    if (!(header_.contexts == 1 ? where<true>(first, last) : where<false>(first, last)))
      return false;
    if (contexts.empty())
      return true;
    const auto noted = std::span{out_.wanted}.first(wanted_);
    const auto kept = std::remove_if(noted.begin(), noted.end(),
                                     [&](auto row) { return !contexts[of(column_id::context)[row]]; });
    wanted_ = static_cast<std::size_t>(kept - noted.begin());
    return true;
  }

  /// Adds what `where` noted to the block.
  bool rest() {
    if (wanted_ == 0)
      return true;
    const auto count = std::size_t{out_.wanted[wanted_ - 1]} + 1;
    for (const auto id : {column_id::time, column_id::what, column_id::latency})
      if (!from_.numbers(id, of(id).first(count)))
        return false;
    out_.records.reserve(wanted_);
    out_.context_of.reserve(wanted_);
    const auto times = of(column_id::time), whats = of(column_id::what);
    byte_reader<> digests{from_.bytes(column_id::digest)}, values{from_.bytes(column_id::value)},
        versions{from_.bytes(column_id::version)};
    std::int64_t time = 0;
    std::uint64_t version = 0;
    const auto* next = out_.wanted.data();
    for (std::size_t i = 0; i < count; ++i) {
      time = wrapping_plus(time, unzigzag(times[i]));
      if (whats[i] >= what_end || time < header_.time_min.ns || time > header_.time_max.ns)
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
      if (i != *next)
        continue;
      ++next;
      auto& it = out_.records.emplace_back();
      it.at = {time};
      it.version = whats[i] & version_flag ? version : 0;
      if (!digest_bytes.empty())
        std::memcpy(it.written.data(), digest_bytes.data(), digest_bytes.size());
      it.value.assign(reinterpret_cast<const char*>(value.data()), value.size());
      if (!plain_fields(i, it))
        return false;
    }
    for (const auto& left : {digests, values, versions})
      if (!left.ok() || (count == count_ && left.left() != 0))
        return false;
    return true;
  }

private:
  /// No branch depends on a record that is sound: they follow no pattern.
  template <bool one_context> bool where(std::uint64_t wanted_first, std::uint64_t wanted_last) {
    const auto contexts = of(column_id::context), firsts = of(column_id::first),
               counts = of(column_id::count), lengths = of(column_id::bytes);
    const auto* const end_of_known = out_.last_end.data() + header_.contexts;
    auto* last_end = out_.last_end.data();
    auto running_end = std::uint64_t{0};
    for (std::size_t i = 0; i < count_; ++i) {
      if (one_context ? contexts[i] != 0 : contexts[i] >= static_cast<std::uint64_t>(end_of_known - last_end))
        return false;
      auto& end = one_context ? running_end : last_end[contexts[i]];
      const auto length = lengths[i] & 1 ? lengths[i] / 2 : lengths[i] / 2 * sector_bytes;
      const auto first = end + static_cast<std::uint64_t>(unzigzag(firsts[i]));
      const auto count = static_cast<std::uint64_t>(
          wrapping_plus(unzigzag(counts[i]), count_expected(static_cast<std::uint32_t>(length))));
      const auto last = first + std::max<std::uint64_t>(count, 1) - 1;
      // The largest sound values are far below: a sum of them does not wrap.
      if (((lengths[i] >= length_limit) | (length > 0xffffffff) | (first >= element_limit) |
           (count > 0xffffffff) | (first < header_.element_min) | (last > header_.element_max)) != 0)
        return false;
      firsts[i] = first;
      counts[i] = count;
      lengths[i] = length;
      end = first + count;
      out_.wanted[wanted_] = static_cast<std::uint32_t>(i);
      wanted_ += static_cast<std::size_t>((first <= wanted_last) & (last >= wanted_first));
    }
    return true;
  }
  bool plain_fields(std::size_t i, record& it) {
    const auto latency = of(column_id::latency)[i];
    const auto what = of(column_id::what)[i];
    it.position = header_.first_position + i;
    it.latency = std::chrono::microseconds{latency};
    it.where = {of(column_id::first)[i], static_cast<std::uint32_t>(of(column_id::count)[i])};
    it.bytes = static_cast<std::uint32_t>(of(column_id::bytes)[i]);
    it.op = static_cast<operation>(what & ((1u << operation_bits) - 1));
    it.how = static_cast<outcome>((what >> operation_bits) & ((1u << outcome_bits) - 1));
    out_.context_of.push_back(static_cast<std::uint32_t>(of(column_id::context)[i]));
    return latency <= latency_us_max;
  }
  std::span<std::uint64_t> of(column_id id) {
    return std::span{out_.scratch}.subspan((static_cast<std::size_t>(id) - 1) * count_, count_);
  }

  const block_header& header_;
  const column_reader& from_;
  decoded_block& out_;
  std::size_t count_;
  std::size_t wanted_ = 0; ///< Of `out.wanted`.
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
  return from.take(reader) && rows.where(contexts, first, last) && rows.rest() ? result<void>{success()}
                                                                               : errc::corrupt;
}

} // namespace forerun::provenance
