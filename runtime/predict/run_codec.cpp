#include "runtime/predict/run_codec.hpp"
#include "runtime/base/bytes.hpp"
#include "runtime/predict/history_blocks.hpp"

namespace forerun::predict {

std::vector<std::byte> encode_run(std::span<const touch> touches) {
  std::vector<std::byte> bytes;
  bytes.reserve(touches.size() * 4);
  byte_writer writer(bytes);
  std::uint64_t end = 0;
  std::uint32_t think = 0;
  for (const auto& touched : touches) {
    writer.put_zigzag(static_cast<std::int64_t>(touched.where.first) - static_cast<std::int64_t>(end));
    writer.put_varint(touched.where.count - 1);
    writer.put_varint(touched.think - think);
    end = touched.where.end();
    think = touched.think;
  }
  return bytes;
}

result<std::vector<touch>> decode_run(std::span<const std::byte> bytes, std::size_t blocks_max) {
  std::vector<touch> touches;
  byte_reader reader(bytes);
  sparse_blocks seen;
  std::uint64_t end = 0;
  std::uint64_t think = 0;
  while (reader.left() > 0) {
    const auto delta = reader.take_zigzag();
    const auto more = reader.take_varint();
    const auto later = reader.take_varint();
    // Unsigned sums wrap, so a wild delta ends above the limit and is refused there.
    const auto first = end + static_cast<std::uint64_t>(delta);
    if (!reader.ok() || first >= block_number_max || more >= blocks_max || later > think_max)
      return errc::corrupt;
    think += later;
    if (think > think_max || seen.size() + more + 1 > blocks_max)
      return errc::corrupt;
    const extent where{first, static_cast<std::uint32_t>(more + 1)};
    for (auto block = where.first; block < where.end(); ++block)
      if (!seen.insert(block))
        return errc::corrupt;
    touches.push_back({where, static_cast<std::uint32_t>(think)});
    end = where.end();
  }
  return touches;
}

} // namespace forerun::predict
