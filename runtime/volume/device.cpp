#include "runtime/volume/device.hpp"
#include "runtime/base/hash.hpp"
#include <algorithm>
#include <cstring>

namespace forerun::volume {

namespace {

/// Reads of up to 128 KiB find their blocks without an allocation.
constexpr std::size_t places_inline = 32;
alignas(64) constexpr std::array<std::byte, 65536> zeroes{};
/// Zeroes that must take space are written by another thread when they are more blocks than this (1 MiB).
constexpr std::uint32_t zeroes_inline_max = 256;
/// Both edges of a longer write are not fetched as one demand, which has room for all between them: zeroes of
/// up to 4 GiB may be asked for.
constexpr std::uint32_t edges_apart_min = 8192;

nbd::started failed(errc code) {
  return {nbd::verdict::failed, code, {.how = outcome::failed, .first_use_blocks = 0, .written = {}}};
}

/// The part of a request's bytes that lies in the blocks [first, end), relative to the request.
struct cut {
  std::uint64_t from = 0;   ///< Offset in the volume.
  std::uint64_t length = 0; ///< Bytes.
};

cut bytes_in(const nbd::request& what, std::uint64_t first, std::uint64_t end) {
  const auto from = std::max(what.offset, first << block_shift);
  const auto to = std::min(what.offset + what.length, end << block_shift);
  return {from, to - from};
}

/// It leaves a record of a change.
bool changes(nbd::command kind) {
  return kind == nbd::command::write || kind == nbd::command::trim || kind == nbd::command::write_zeroes;
}

bool takes_long(const nbd::request& what) {
  return what.kind == nbd::command::write_zeroes && what.keep_space &&
         blocks_inside(what.offset, what.length).count > zeroes_inline_max;
}

} // namespace

device::device(device_config config, std::shared_ptr<image_plane> image,
               std::shared_ptr<store::overlay> overlay, epochs& readers, nbd::completions& completions,
               backstage& back, const clock& time)
    : config_(std::move(config)), image_(std::move(image)), overlay_(std::move(overlay)), readers_(readers),
      completions_(completions), back_(back), clock_(time) {
  if (config_.audit == audit_mode::strict)
    changes_ = std::make_shared<change_gate>();
  if (image_)
    image_->attach(overlay_);
}

device::~device() {
  if (image_)
    image_->detach(*overlay_);
}

void device::attached(nbd::io_slot) {
  if (clients_.fetch_add(1, std::memory_order_relaxed) == 0)
    waits_since_.store(clock_.now(), std::memory_order_relaxed);
  back_.attached(config_.id);
}

bool device::welcomed() {
  const auto since = waits_since_.load(std::memory_order_acquire);
  if (since == instant{})
    return true;
  if (clock_.now() - since < welcome_wait_max)
    return false;
  welcome(); // Nobody is there to say it.
  return true;
}

void device::detached(nbd::io_slot slot) {
  hand_over(lanes_[slot.value]);
  clients_.fetch_sub(1, std::memory_order_relaxed);
  back_.detached(config_.id);
}

nbd::started device::start(nbd::io_slot slot, const nbd::request& what, std::span<const std::byte> payload,
                           nbd::gather& out, nbd::ticket later) {
  auto& lane = lanes_[slot.value];
  if (!welcomed() || (config_.audit == audit_mode::strict && !room(lane)))
    return {nbd::verdict::stalled, {}, {}};
  readers_.enter(slot);
  if (changes_ && changes(what.kind))
    changes_->begun(slot);
  switch (what.kind) {
  case nbd::command::read:
    if (lane.reads_open++ == 0) {
      lane.thought_until = what.arrived;
      lane.thought = lane.last_answer == instant{} ? nanos{0} : what.arrived - lane.last_answer;
    }
    return read(lane, what, out, later);
  case nbd::command::write:
    return write(lane, what, payload, later);
  case nbd::command::flush:
    return changes_ ? flush_recorded(lane, later) : flush({}, later);
  case nbd::command::trim:
    return trim(what, later);
  case nbd::command::write_zeroes:
    return write(lane, what, {}, later);
  case nbd::command::cache:
    if (image_)
      back_.hinted(config_.id, image_->id, blocks_touched(what.offset, what.length), what.arrived);
    return {};
  }
  return failed(errc::unsupported);
}

device::place device::find(std::uint64_t block) const {
  switch (overlay_->state(block)) {
  case store::block_state::data:
    return {source::overlay, false, 0};
  case store::block_state::zero:
    return {source::zero, false, 0};
  case store::block_state::absent:
    break;
  }
  if (!image_ || block >= image_->blocks())
    return {source::zero, false, 0};
  const auto word = image_->map.at(block);
  if (const auto at = word.slot())
    return {source::memory, word.fresh(), *at};
  if (image_->disk->present(block))
    return {source::disk, word.fresh(), 0};
  return {};
}

nbd::started device::read(io_lane& lane, const nbd::request& what, nbd::gather& out, nbd::ticket later) {
  const auto where = blocks_touched(what.offset, what.length);
  std::array<place, places_inline> few;
  std::vector<place> many;
  if (where.count > few.size())
    many.resize(where.count);
  place* const places = many.empty() ? few.data() : many.data();
  for (std::uint32_t i = 0; i < where.count; ++i)
    if ((places[i] = find(where.first + i)).from == source::absent)
      return read_later(lane, what, later);

  nbd::answer how{outcome::hit, 0, {}};
  for (std::uint32_t i = 0; i < where.count;) {
    const auto from = places[i].from;
    auto end = i + 1;
    if (from != source::memory)
      while (end < where.count && places[end].from == from)
        ++end;
    auto [offset, length] = bytes_in(what, where.first + i, where.first + end);
    switch (from) {
    case source::memory:
      out.add(std::span<const std::byte>{image_->memory.at(places[i].slot)}.subspan(offset % block_bytes,
                                                                                    length));
      break;
    case source::zero:
      for (; length > 0; length -= std::min<std::uint64_t>(length, zeroes.size()))
        out.add(std::span{zeroes}.first(std::min<std::uint64_t>(length, zeroes.size())));
      break;
    case source::overlay:
      if (const auto done = overlay_->read(offset, out.scratch(length)); !done)
        return failed(done.error());
      break;
    case source::disk: {
      const extent piece{where.first + i, end - i};
      if (offset % block_bytes == 0 && length == piece.bytes()) {
        if (!image_->disk->read(piece, out.scratch(length)))
          return read_later(lane, what, later);
      } else {
        std::vector<std::byte> whole(piece.bytes());
        if (!image_->disk->read(piece, whole))
          return read_later(lane, what, later);
        std::memcpy(out.scratch(length).data(), whole.data() + (offset - (piece.first << block_shift)),
                    length);
      }
      break;
    }
    case source::absent:
      break;
    }
    i = end;
  }
  // Only now: a read that has to wait after all leaves the marks to whoever answers it.
  for (std::uint32_t i = 0; i < where.count; ++i)
    if (places[i].fresh && image_->map.use_first(where.first + i))
      ++how.first_use_blocks;
  return {nbd::verdict::done, {}, how};
}

nbd::started device::read_later(io_lane& lane, const nbd::request& what, nbd::ticket later) {
  auto then = [self = shared_from_this(), what, later](result<std::span<const std::byte>> blocks,
                                                       outcome how) {
    auto data = std::make_shared<std::vector<std::byte>>(what.length);
    const auto done = blocks ? self->fill(what, blocks.value(), *data) : result<void>{blocks.error()};
    if (done)
      self->completions_.complete(later, nbd::answer{how, 0, {}}, std::move(data));
    else
      self->completions_.complete(later, done.error(), nullptr);
  };
  auto wanted = demand_for(what, std::move(then));
  wanted->blocks = blocks_touched(what.offset, what.length);
  wanted->needs = [self = shared_from_this()](std::uint64_t block) { return self->needs_base(block); };
  return fetch(lane, what, std::move(wanted));
}

/// Puts a read together from blocks of the image and what the overlay has instead of them.
result<void> device::fill(const nbd::request& what, std::span<const std::byte> image_blocks,
                          std::span<std::byte> out) const {
  const auto where = blocks_touched(what.offset, what.length);
  for (auto block = where.first; block < where.end(); ++block) {
    const auto [offset, length] = bytes_in(what, block, block + 1);
    const auto into = out.subspan(offset - what.offset, length);
    switch (overlay_->state(block)) {
    case store::block_state::data:
      if (auto done = overlay_->read(offset, into); !done)
        return done;
      break;
    case store::block_state::zero:
      break;
    case store::block_state::absent:
      std::memcpy(into.data(), image_blocks.data() + (offset - (where.first << block_shift)), length);
    }
  }
  return success();
}

/// What a request waits for, but for its blocks.
std::shared_ptr<demand> device::demand_for(const nbd::request& what, demand::receiver then) const {
  auto wanted = std::make_shared<demand>(std::move(then));
  wanted->volume = config_.id;
  wanted->image = image_->id;
  wanted->run = {run_.load(std::memory_order_relaxed)};
  wanted->seen = describe(what);
  return wanted;
}

nbd::started device::fetch(io_lane& lane, const nbd::request& what, std::shared_ptr<demand> wanted) {
  wanted->seen.think = think_before(lane, what);
  hand_over(lane); // What came before it must reach the models before it.
  if (!back_.fetch(std::move(wanted)))
    return failed(errc::overloaded);
  return {nbd::verdict::pending, {}, {}};
}

bool device::needs_base(std::uint64_t block) const {
  return image_ && block < image_->blocks() && overlay_->state(block) == store::block_state::absent;
}

std::optional<std::span<const std::byte>> device::base_of(std::uint64_t block,
                                                          std::span<std::byte, block_bytes> space) const {
  if (const auto slot = image_->map.at(block).slot())
    return image_->memory.at(*slot);
  if (image_->disk->present(block) && image_->disk->read({block, 1}, space))
    return space;
  return std::nullopt;
}

nbd::started device::write(io_lane& lane, const nbd::request& what, std::span<const std::byte> payload,
                           nbd::ticket later) {
  nbd::answer how;
  if (config_.digests && config_.audit != audit_mode::off && what.kind == nbd::command::write)
    how.written = digest_of(payload);
  const auto touched = blocks_touched(what.offset, what.length);
  const auto whole = blocks_inside(what.offset, what.length);
  // Blocks that are written in part: at most the first and the last.
  for (const auto block : {touched.first, touched.end() - 1}) {
    if (whole.contains(block))
      continue;
    std::array<std::byte, block_bytes> space;
    std::optional<std::span<const std::byte>> base;
    if (needs_base(block) && !(base = base_of(block, space)))
      return write_later(lane, what, payload, touched.count > edges_apart_min ? extent{block, 1} : touched,
                         how, later);
    if (const auto done = put_edge(what, payload, block, base.value_or(std::span<const std::byte>{})); !done)
      return failed(done.error());
    if (touched.count == 1)
      break;
  }
  if (takes_long(what))
    return write_zeroes_later(what, how, later);
  if (const auto done = put_whole(what, payload); !done)
    return failed(done.error());
  return settle(what, how, later);
}

/// The part of a write that lies in one block. A request to write zeroes has no payload.
result<void> device::put_edge(const nbd::request& what, std::span<const std::byte> payload,
                              std::uint64_t block, std::span<const std::byte> base) {
  const auto [offset, length] = bytes_in(what, block, block + 1);
  const auto piece = what.kind == nbd::command::write_zeroes ? std::span{zeroes}.first(length)
                                                             : payload.subspan(offset - what.offset, length);
  return overlay_->write_partial(block, static_cast<std::uint32_t>(offset % block_bytes), piece, base);
}

/// The blocks that a write covers.
result<void> device::put_whole(const nbd::request& what, std::span<const std::byte> payload) {
  const auto whole = blocks_inside(what.offset, what.length);
  if (whole.count == 0)
    return success();
  if (what.kind == nbd::command::write)
    return overlay_->write(whole.first,
                           payload.subspan((whole.first << block_shift) - what.offset, whole.bytes()));
  if (!what.keep_space)
    return overlay_->trim(whole);
  for (auto block = whole.first; block < whole.end();) {
    const auto bytes = std::min<std::uint64_t>((whole.end() - block) << block_shift, zeroes.size());
    if (auto done = overlay_->write(block, std::span{zeroes}.first(bytes)); !done)
      return done;
    block += bytes >> block_shift;
  }
  return success();
}

nbd::started device::write_zeroes_later(const nbd::request& what, nbd::answer how, nbd::ticket later) {
  const bool taken = back_.run_blocking([self = shared_from_this(), what, how, later] {
    auto done = self->put_whole(what, {});
    if (done && what.fua)
      done = self->overlay_->flush();
    if (done)
      self->completions_.complete(later, how, nullptr);
    else
      self->completions_.complete(later, done.error(), nullptr);
  });
  if (!taken)
    return failed(errc::overloaded);
  return {nbd::verdict::pending, {}, {}};
}

nbd::started device::write_later(io_lane& lane, const nbd::request& what, std::span<const std::byte> payload,
                                 extent asked, nbd::answer how, nbd::ticket later) {
  auto data = std::make_shared<const std::vector<std::byte>>(payload.begin(), payload.end());
  return fetch(lane, what, edges_wanted(what, std::move(data), asked, how, later));
}

/// A write goes on when `asked` is here: one of its edges, or all of it.
std::shared_ptr<demand> device::edges_wanted(const nbd::request& what, nbd::owned_bytes data, extent asked,
                                             nbd::answer how, nbd::ticket later) {
  auto then = [self = shared_from_this(), what, data, asked, how,
               later](result<std::span<const std::byte>> blocks, outcome) {
    const auto done = blocks ? self->write_edges(what, data, asked, blocks.value(), how, later)
                             : result<bool>{blocks.error()};
    if (!done)
      self->completions_.complete(later, done.error(), nullptr);
    else if (done.value())
      self->completions_.complete(later, how, nullptr);
  };
  auto wanted = demand_for(what, std::move(then));
  wanted->blocks = asked;
  wanted->needs = [self = shared_from_this(), whole = blocks_inside(what.offset, what.length)](
                      std::uint64_t block) { return !whole.contains(block) && self->needs_base(block); };
  return wanted;
}

/// The edges in `asked` are here: writes them, and then the rest of the request. False: more has to happen
/// before it can be answered.
result<bool> device::write_edges(const nbd::request& what, const nbd::owned_bytes& data, extent asked,
                                 std::span<const std::byte> blocks, nbd::answer how, nbd::ticket later) {
  const auto touched = blocks_touched(what.offset, what.length);
  const auto whole = blocks_inside(what.offset, what.length);
  for (const auto block : {touched.first, touched.end() - 1}) {
    if (whole.contains(block))
      continue;
    if (!asked.contains(block)) {
      if (block == touched.first)
        continue; // It was written before.
      if (needs_base(block)) {
        if (!back_.fetch(edges_wanted(what, data, {block, 1}, how, later)))
          return errc::overloaded;
        return false;
      }
    }
    const auto base = asked.contains(block)
                          ? blocks.subspan((block - asked.first) << block_shift, block_bytes)
                          : std::span<const std::byte>{};
    if (auto done = put_edge(what, *data, block, base); !done)
      return done.error();
  }
  const bool slow = takes_long(what);
  if (!slow)
    if (auto done = put_whole(what, *data); !done)
      return done.error();
  if (!slow && !what.fua)
    return true;
  if ((slow ? write_zeroes_later(what, how, later) : flush(how, later)).what != nbd::verdict::pending)
    return errc::overloaded;
  return false;
}

nbd::started device::trim(const nbd::request& what, nbd::ticket later) {
  // A block that is trimmed in part keeps its content: TRIM is advice.
  const auto whole = blocks_inside(what.offset, what.length);
  if (whole.count > 0)
    if (const auto done = overlay_->trim(whole); !done)
      return failed(done.error());
  return settle(what, {}, later);
}

nbd::started device::settle(const nbd::request& what, nbd::answer how, nbd::ticket later) {
  if (what.fua)
    return flush(how, later);
  return {nbd::verdict::done, {}, how};
}

nbd::started device::flush(nbd::answer how, nbd::ticket later) {
  const bool taken = back_.run_blocking([self = shared_from_this(), how, later] {
    if (const auto done = self->overlay_->flush(); done)
      self->completions_.complete(later, how, nullptr);
    else
      self->completions_.complete(later, done.error(), nullptr);
  });
  if (!taken)
    return failed(errc::overloaded);
  return {nbd::verdict::pending, {}, {}};
}

/// A strict volume's: what was written has been recorded, too.
nbd::started device::flush_recorded(io_lane& lane, nbd::ticket later) {
  hand_over(lane); // The others follow within a millisecond.
  const bool taken =
      back_.run_blocking([self = shared_from_this(), later, awaited = changes_->begun_by_now()] {
        if (const auto done = self->overlay_->flush(); !done)
          self->completions_.complete(later, done.error(), nullptr);
        else
          self->changes_->when_recorded(
              awaited, [self, later] { self->completions_.complete(later, nbd::answer{}, nullptr); });
      });
  if (!taken)
    return failed(errc::overloaded);
  return {nbd::verdict::pending, {}, {}};
}

std::vector<nbd::status_range> device::block_status(std::uint64_t offset, std::uint64_t length,
                                                    std::size_t ranges_max) {
  std::vector<nbd::status_range> ranges;
  const auto end = offset + length;
  while (offset < end) {
    const auto from = find(offset >> block_shift).from;
    const bool empty = from == source::zero;
    const auto next = std::min(end, ((offset >> block_shift) + 1) << block_shift);
    if (!ranges.empty() && ranges.back().zero == empty)
      ranges.back().length += next - offset;
    else if (ranges.size() == ranges_max)
      break;
    else
      ranges.push_back({next - offset, empty, empty});
    offset = next;
  }
  return ranges;
}

} // namespace forerun::volume
