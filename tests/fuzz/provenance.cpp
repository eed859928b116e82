#include "runtime/base/bytes.hpp"
#include "runtime/provenance/log.hpp"
#include "tests/support/memory_disk.hpp"
#include <array>
#include <cstdlib>

// Hostile provenance files. The first byte says what the rest is: 0: the payload of a block, behind four
// bytes of counts; 1: a segment as it is; 2: a segment whose magic, version and checksums are put right, so
// that the checks behind them are reached; 3: the summary of dropped segments; 4: the anchors; 5 and 6: these
// with right magics, versions and seals.
namespace {

using namespace forerun;
using namespace forerun::provenance;
using bytes = std::vector<std::byte>;

void require(bool holds) {
  if (!holds)
    std::abort();
}

void decode_payload(byte_reader<> in) {
  block_header header;
  header.records = in.take<std::uint16_t>() + 1u;
  header.contexts = in.take<std::uint16_t>() % block_contexts_max + 1u;
  header.time_min = {std::numeric_limits<std::int64_t>::min()};
  header.time_max = {std::numeric_limits<std::int64_t>::max()};
  header.element_max = element_limit * 2 - 1;
  const auto payload = in.take_bytes(in.left());
  decoded_block out;
  std::vector<context> contexts;
  const auto only_contexts = decode_contexts(header, payload, contexts);
  if (!decode(header, payload, out))
    return;
  require(only_contexts.has_value() && contexts == out.contexts);
  require(out.records.size() == header.records && out.contexts.size() == header.contexts);
  for (std::size_t i = 0; i < out.records.size(); ++i)
    require(out.context_of[i] < header.contexts && out.records[i].where.first < element_limit &&
            out.records[i].latency.count() >= 0);
}

void put_right(bytes& file) {
  auto seal = [&](std::size_t at, std::size_t size, std::string_view magic) {
    std::memcpy(file.data() + at, magic.data(), magic.size());
    put_number(file.data() + at + 16, format_version);
    put_number(file.data() + at + 8, checksum(std::span{file}.subspan(at + 16, size - 16)));
  };
  if (file.size() < segment_header::bytes)
    return;
  put_number(file.data() + 20, std::uint32_t{0});
  seal(0, segment_header::bytes, "FRPROVSG");
  for (std::size_t at = segment_header::bytes; file.size() - at >= block_header::bytes;) {
    const auto room = file.size() - at - block_header::bytes;
    const auto size = std::min<std::size_t>(get_number<std::uint32_t>(file.data() + at + 20), room);
    put_number(file.data() + at + 20, static_cast<std::uint32_t>(size));
    put_number(file.data() + at + 24, checksum(std::span{file}.subspan(at + block_header::bytes, size)));
    seal(at, block_header::bytes, "FRPROVBK");
    at += block_header::bytes + size;
  }
}

const signer& somebody() {
  static const auto made = seed_signer::make({1}).value();
  return made;
}

/// The same bytes as a piece that somebody sealed.
bytes sealed(std::span<const std::byte> body, const piece_magic& magic) {
  auto piece = begin_piece(magic, 1);
  if (body.size() >= piece.size() + seal_bytes) {
    body = body.first(body.size() - seal_bytes);
    piece.insert(piece.end(), body.begin() + static_cast<std::ptrdiff_t>(piece.size()), body.end());
  }
  require(seal_piece(piece, somebody()).has_value());
  return piece;
}

/// A log of several segments beside a hostile summary or hostile anchors.
void open_witnessed_log(const char* name, bytes file) {
  constexpr log_limits limits{.block_records = 8, .segment_bytes = 1000};
  manual_clock clock;
  memory_disk disk;
  {
    auto log = provenance::log::open(disk, clock, limits, &somebody());
    std::array<forerun::access, 20> some{};
    for (int i = 0; i < 3; ++i)
      require(log.value()->append({.by = {.vm = "fuzz"}}, some).has_value() && log.value()->set_anchor());
  }
  disk.files[name] = std::move(file);
  (void)verify(disk);
  const auto opened = provenance::log::open(disk, clock, limits, &somebody());
  if (!opened)
    return;
  auto& log = *opened.value();
  std::array<forerun::access, 30> some{};
  if (!log.append({.by = {.vm = "fuzz"}}, some))
    return; // The summary says that there are no numbers left for segments.
  require(log.set_anchor().has_value());
  (void)log.retain({.bytes_max = 1500});
  require(log.verifier()().has_value());
  require(disk.files[anchors_name].size() <= anchors_max * anchor::bytes);
  const auto next = log.records();
  const auto again = provenance::log::open(disk, clock, limits, &somebody());
  require(!again || again.value()->records() == next);
}

void open_log(bytes file) {
  memory_disk disk;
  manual_clock clock;
  disk.files[segment_name(0)] = std::move(file);
  (void)verify(disk);
  std::uint64_t next = 0;
  {
    const auto opened = provenance::log::open(disk, clock);
    if (!opened)
      return;
    auto& log = *opened.value();
    std::array<forerun::access, 3> some{};
    const auto at = log.append({.by = {.vm = "fuzz"}}, some);
    require(at.has_value() && log.commit(durability::synced).has_value());
    std::uint64_t seen = 0, last = 0;
    const auto scanned = log.view().scan({}, [&](const context&, const record& what) {
      ++seen;
      last = what.position;
      return true;
    });
    require(scanned.has_value() && (!scanned.value().complete || (seen >= 3 && last == at.value() + 2)));
    require(log.view().last(of_element(element_kind::block, 0, 0), 2).value().size() == 2);
    require(log.verifier()().has_value());
    next = log.records();
  }
  const auto again = provenance::log::open(disk, clock);
  if (!again) {
    require(again.error() == errc::corrupt); // It stood right before the limit of its counts.
    return;
  }
  require(again.value()->records() == next && !again.value()->recovered().damage);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  byte_reader<> in{std::as_bytes(std::span{data, size})};
  const auto mode = in.take<std::uint8_t>() % 7;
  if (mode == 0) {
    decode_payload(in);
    return 0;
  }
  const auto rest = in.take_bytes(in.left());
  bytes file{rest.begin(), rest.end()};
  if (mode == 2)
    put_right(file);
  if (mode == 5)
    file = sealed(file, "FRPROVDR");
  if (mode == 6) {
    bytes anchors;
    for (std::size_t at = 0; file.size() - at >= anchor::bytes; at += anchor::bytes) {
      const auto one = sealed(std::span{file}.subspan(at, anchor::bytes), "FRPROVAN");
      anchors.insert(anchors.end(), one.begin(), one.end());
    }
    file = std::move(anchors);
  }
  if (mode >= 3)
    open_witnessed_log(mode % 2 == 1 ? summary_name : anchors_name, std::move(file));
  else
    open_log(std::move(file));
  return 0;
}
