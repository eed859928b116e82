#include "runtime/volume/device.hpp"
#include "runtime/base/hash.hpp"
#include <algorithm>
#include <cstring>

namespace forerun::volume {

namespace {

/// Reads of up to 128 KiB find their blocks without an allocation.
constexpr std::size_t places_inline = 32;
constexpr nanos batch_age_max = std::chrono::milliseconds{1};
alignas(64) constexpr std::array<std::byte, 65536> zeroes{};

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

} // namespace

device::device(device_config config, std::shared_ptr<image_plane> image,
               std::shared_ptr<store::overlay> overlay, epochs& readers, nbd::completions& completions,
               backstage& back, const clock& time)
    : config_(std::move(config)), image_(std::move(image)), overlay_(std::move(overlay)), readers_(readers),
      completions_(completions), back_(back), clock_(time) {
}

void device::attached(nbd::io_slot) {
  back_.attached(config_.id);
}

void device::detached(nbd::io_slot slot) {
  hand_over(lanes_[slot.value]);
  back_.detached(config_.id);
}

nbd::started device::start(nbd::io_slot slot, const nbd::request& what, std::span<const std::byte> payload,
                           nbd::gather& out, nbd::ticket later) {
  auto& lane = lanes_[slot.value];
  if (config_.audit == audit_mode::strict && !room(lane))
    return {nbd::verdict::stalled, {}, {}};
  readers_.enter(slot);
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
    return flush({}, later);
  case nbd::command::trim:
    return trim(what, later);
  case nbd::command::write_zeroes: {
    const auto whole = blocks_inside(what.offset, what.length);
    if (whole.bytes() == what.length && !what.keep_space)
      return trim(what, later);
    const std::vector<std::byte> nothing(what.length);
    return write(lane, what, nothing, later);
  }
  case nbd::command::cache:
    if (image_)
      back_.hinted(config_.id, image_->id, blocks_touched(what.offset, what.length));
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
    for (; i < end; ++i)
      if (places[i].fresh && image_->map.use_first(where.first + i))
        ++how.first_use_blocks;
  }
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
  auto wanted = std::make_shared<demand>(std::move(then));
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

nbd::started device::fetch(io_lane& lane, const nbd::request& what, std::shared_ptr<demand> wanted) {
  wanted->volume = config_.id;
  wanted->image = image_->id;
  wanted->run = {run_.load(std::memory_order_relaxed)};
  wanted->seen = describe(lane, what);
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
    const auto [offset, length] = bytes_in(what, block, block + 1);
    std::array<std::byte, block_bytes> space;
    std::optional<std::span<const std::byte>> base;
    if (needs_base(block) && !(base = base_of(block, space)))
      return write_later(lane, what, payload, touched, how, later);
    const auto piece = payload.subspan(offset - what.offset, length);
    if (const auto done = overlay_->write_partial(block, static_cast<std::uint32_t>(offset % block_bytes),
                                                  piece, base.value_or(std::span<const std::byte>{}));
        !done)
      return failed(done.error());
    if (touched.count == 1)
      break;
  }
  if (whole.count > 0) {
    const auto from = (whole.first << block_shift) - what.offset;
    if (const auto done = overlay_->write(whole.first, payload.subspan(from, whole.bytes())); !done)
      return failed(done.error());
  }
  return settle(what, how, later);
}

nbd::started device::write_later(io_lane& lane, const nbd::request& what, std::span<const std::byte> payload,
                                 extent touched, nbd::answer how, nbd::ticket later) {
  const auto whole = blocks_inside(what.offset, what.length);
  auto then = [self = shared_from_this(), what, touched, whole, how, later,
               data = std::vector<std::byte>(payload.begin(), payload.end())](
                  result<std::span<const std::byte>> blocks, outcome) {
    const auto finish = [&]() -> result<void> {
      if (!blocks)
        return blocks.error();
      for (const auto block : {touched.first, touched.end() - 1}) {
        if (whole.contains(block))
          continue;
        const auto [offset, length] = bytes_in(what, block, block + 1);
        const auto base = blocks.value().subspan((block - touched.first) << block_shift, block_bytes);
        auto done =
            self->overlay_->write_partial(block, static_cast<std::uint32_t>(offset % block_bytes),
                                          std::span{data}.subspan(offset - what.offset, length), base);
        if (!done)
          return done;
      }
      if (whole.count == 0)
        return success();
      return self->overlay_->write(
          whole.first, std::span{data}.subspan((whole.first << block_shift) - what.offset, whole.bytes()));
    };
    auto done = finish();
    if (done && what.fua) {
      if (self->flush(how, later).what == nbd::verdict::pending)
        return;
      done = errc::overloaded;
    }
    if (done)
      self->completions_.complete(later, how, nullptr);
    else
      self->completions_.complete(later, done.error(), nullptr);
  };
  auto wanted = std::make_shared<demand>(std::move(then));
  wanted->blocks = touched;
  wanted->needs = [self = shared_from_this(), whole](std::uint64_t block) {
    return !whole.contains(block) && self->needs_base(block);
  };
  return fetch(lane, what, std::move(wanted));
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

void device::answered(nbd::io_slot slot, const nbd::request& what, const nbd::answer& how, instant when) {
  auto& lane = lanes_[slot.value];
  if (what.kind == nbd::command::read) {
    --lane.reads_open;
    lane.last_answer = when;
  }
  if (config_.audit == audit_mode::off || what.kind == nbd::command::flush ||
      what.kind == nbd::command::cache)
    return;
  if (!lane.open) {
    if (!room(lane)) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    // The batch counts as under way until the last actor has let go of it.
    lane.under_way->fetch_add(1, std::memory_order_relaxed);
    lane.open =
        std::shared_ptr<access_batch>(new access_batch, [count = lane.under_way](access_batch* batch) {
          delete batch;
          count->fetch_sub(1, std::memory_order_relaxed);
        });
    lane.open->volume = config_.id;
    lane.open->image = image_ ? image_->id : image_id{};
    lane.open->run = {run_.load(std::memory_order_relaxed)};
    lane.open->entries.reserve(access_batch_max);
    lane.opened = when;
    lane.opened_wall = clock_.wall();
  }
  auto& entry = lane.open->entries.emplace_back(describe(lane, what));
  entry.at = {lane.opened_wall.ns + (what.arrived - lane.opened).count()};
  entry.latency = when - what.arrived;
  entry.how = how.how;
  entry.first_use_blocks = how.first_use_blocks;
  entry.written = how.written;
  if (lane.open->entries.size() >= access_batch_max)
    hand_over(lane);
}

access device::describe(const io_lane& lane, const nbd::request& what) const {
  access entry;
  entry.arrived = what.arrived;
  entry.where = blocks_touched(what.offset, what.length);
  entry.bytes = what.length;
  if (what.kind == nbd::command::write)
    entry.op = operation::write;
  else if (what.kind == nbd::command::trim || what.kind == nbd::command::write_zeroes)
    entry.op = operation::remove;
  if (what.kind == nbd::command::read && lane.thought_until == what.arrived)
    entry.think = lane.thought;
  return entry;
}

bool device::room(const io_lane& lane) const {
  return lane.open || lane.under_way->load(std::memory_order_relaxed) < batches_open_max;
}

void device::hand_over(io_lane& lane) {
  if (lane.open)
    back_.observed(std::exchange(lane.open, nullptr));
}

bool device::turn_ended(nbd::io_slot slot, instant now) {
  readers_.leave(slot);
  auto& lane = lanes_[slot.value];
  if (lane.open && now - lane.opened >= batch_age_max)
    hand_over(lane);
  return lane.open != nullptr;
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
