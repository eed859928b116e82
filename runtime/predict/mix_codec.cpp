#include "runtime/base/bytes.hpp"
#include "runtime/base/hash.hpp"
#include "runtime/predict/mix.hpp"
#include <cmath>

namespace forerun::predict {
namespace {

constexpr std::uint32_t snapshot_magic = 0x4d525246; // "FRRM"
constexpr std::uint16_t snapshot_version = 2;
constexpr float chance_unit = 1.0f / 65535;

void put_counters(byte_writer<>& writer, const std::vector<counter>& counters) {
  writer.put_varint(counters.size());
  for (const auto& one : counters) {
    writer.put(static_cast<std::uint16_t>(std::lround(one.p / chance_unit)));
    writer.put_varint(one.n);
  }
}

/// False unless there are exactly as many as expected.
bool take_counters(byte_reader<>& reader, std::vector<counter>& counters) {
  if (reader.take_varint() != counters.size())
    return false;
  for (auto& one : counters) {
    one.p = static_cast<float>(reader.take<std::uint16_t>()) * chance_unit;
    const auto n = reader.take_varint();
    if (!reader.ok() || n > 0xffffffff)
      return false;
    one.n = static_cast<std::uint32_t>(n);
  }
  return true;
}

} // namespace

std::vector<std::byte> mix::save() const {
  std::vector<std::byte> bytes;
  byte_writer writer(bytes);
  writer.put(snapshot_magic);
  writer.put(snapshot_version);
  put_counters(writer, counters_);
  put_counters(writer, joint_);
  // The requests in order, each by its distance from the one before.
  const auto& log = replay_.log();
  writer.put_varint(log.end() - log.begin());
  std::uint64_t before = 0;
  for (auto at = log.begin(); at < log.end(); ++at) {
    writer.put_zigzag(static_cast<std::int64_t>(log.at(at).start - before));
    writer.put_varint(log.at(at).count);
    before = log.at(at).start;
  }
  writer.put(checksum(bytes));
  return bytes;
}

result<void> mix::load(std::span<const std::byte> bytes) {
  constexpr std::size_t sum_bytes = sizeof(std::uint64_t);
  if (bytes.size() < sum_bytes || bytes.size() > limits_.snapshot_bytes_max)
    return errc::corrupt;
  const auto body = bytes.first(bytes.size() - sum_bytes);
  if (checksum(body) != get_number<std::uint64_t>(bytes.data() + body.size()))
    return errc::corrupt;
  byte_reader reader(body);
  if (reader.take<std::uint32_t>() != snapshot_magic)
    return errc::corrupt;
  if (reader.take<std::uint16_t>() != snapshot_version)
    return errc::unsupported;
  mix fresh(limits_);
  if (!take_counters(reader, fresh.counters_) || !take_counters(reader, fresh.joint_))
    return errc::corrupt;
  fresh.prepare();
  const auto requests = reader.take_varint();
  std::uint64_t start = 0;
  for (std::uint64_t at = 0; at < requests; ++at) {
    start += static_cast<std::uint64_t>(reader.take_zigzag());
    const auto count = reader.take_varint();
    if (!reader.ok() || count == 0 || count > request_blocks_max || start >= std::uint64_t{1} << 52)
      return errc::corrupt;
    fresh.replay_.log().append(start, static_cast<std::uint32_t>(count));
    fresh.remember({start, static_cast<std::uint32_t>(count)});
  }
  if (!reader.ok() || reader.left() > 0)
    return errc::corrupt;
  // What waits and what the run has read belongs to the present.
  fresh.fill_ = std::move(fill_);
  *this = std::move(fresh);
  return success();
}

} // namespace forerun::predict
