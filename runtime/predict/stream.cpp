#include "runtime/predict/stream.hpp"
#include <algorithm>
#include <cstdlib>

namespace forerun::predict {
namespace {

constexpr std::uint64_t overlap = 2;    ///< Unaligned requests of a stream share a block.
constexpr std::uint64_t tolerance = 16; ///< Blocks that a stream may leave out.
constexpr std::uint64_t stride_blocks_max = 128;
constexpr std::uint32_t ahead_blocks_max = 96;
constexpr std::uint32_t ahead_blocks_sure_max = 256; ///< Where the chance is at least `sure`.
constexpr float sure = 0.9f;
constexpr unsigned rejected_max = 4;
constexpr std::uint32_t strides_ahead_max = 8;

/// Blocks of one request come together or not at all, so that distances are in requests as long as the last
/// one.
std::uint16_t context(bool strided, std::uint32_t requests, std::uint64_t requests_ahead,
                      std::uint32_t request_blocks, std::uint32_t blocks, bool known) {
  const auto run = requests <= 3 ? requests - 1 : std::min(log_bucket(requests, 6), 6u);
  const auto length = blocks < 16 ? 0u : blocks < 64 ? 1u : blocks < 256 ? 2u : 3u;
  return static_cast<std::uint16_t>(
      (((((strided ? 1 : 0) * 7 + run) * 9 + log_bucket(requests_ahead, 8)) * 7 +
        log_bucket(request_blocks, 6)) *
           4 +
       length) *
          2 +
      (known ? 1 : 0));
}

} // namespace

void stream_expert::observe(const mix_request& seen, float lead, mix_bench& bench) {
  ++clock_;
  auto& in = follow(seen);
  run_ = in.requests;
  if (in.stride != 0)
    stride(in, bench);
  else
    walk(in, lead, bench);
}

stream_expert::stream& stream_expert::follow(const mix_request& seen) {
  stream* best = nullptr;
  stream* oldest = nullptr;
  stream* near = nullptr;
  std::uint64_t best_gap = ~std::uint64_t{0};
  for (auto& one : streams_) {
    if (!oldest || one.used < oldest->used)
      oldest = &one;
    if (seen.first + overlap >= one.next && seen.first <= one.next + tolerance) {
      const auto gap = seen.first >= one.next ? seen.first - one.next : one.next - seen.first;
      if (gap < best_gap) {
        best_gap = gap;
        best = &one;
      }
    } else {
      const auto away = seen.first >= one.start ? seen.first - one.start : one.start - seen.first;
      if (away <= stride_blocks_max && (!near || one.used > near->used))
        near = &one;
    }
  }
  const auto delta = [&](const stream& one) { return static_cast<std::int64_t>(seen.first - one.start); };
  if (best) {
    best->delta = delta(*best);
    best->stride = 0;
    ++best->requests;
    best->blocks += seen.count;
  } else if (near && delta(*near) != 0) {
    best = near;
    const auto step = delta(*best);
    if (step == best->delta) {
      ++best->requests;
      best->stride = step;
    } else {
      best->requests = 1;
      best->stride = 0;
      best->blocks = 0;
    }
    best->delta = step;
    best->blocks += seen.count;
    best->done = 0;
  } else if (near) {
    best = near; // The same start again is no news about the stream.
  } else {
    if (streams_.size() < streams_max) {
      streams_.emplace_back();
      best = &streams_.back();
    } else {
      *(best = oldest) = {};
    }
    best->requests = 1;
    best->blocks = seen.count;
  }
  best->start = seen.first;
  best->next = std::max(best->next, seen.first + seen.count);
  if (best->stride != 0 || best->requests == 1)
    best->next = seen.first + seen.count;
  best->count = seen.count;
  best->used = clock_;
  return *best;
}

void stream_expert::walk(stream& in, float lead, mix_bench& bench) {
  if (in.done < in.next)
    in.done = in.next;
  const auto extra = static_cast<std::uint32_t>(lead * static_cast<float>(in.count) * 2);
  const auto far = std::min(ahead_blocks_max + extra, 1024u);
  const auto far_sure = std::min(ahead_blocks_sure_max + extra, 1024u);
  const auto per_request = static_cast<float>(std::max(1u, in.blocks / in.requests));
  unsigned rejected = 0;
  bool unbroken = true;
  for (auto block = in.done; rejected < rejected_max; ++block) {
    const auto distance = block - in.next;
    if (distance >= far_sure)
      break;
    const auto in_context =
        context(false, in.requests, distance / in.count, in.count, in.blocks, bench.known(block));
    const auto chance = bench.chance(mix_expert::stream, in_context);
    if (chance < bench.walk_min() || (distance >= far && chance < sure))
      break;
    if (bench.propose(mix_expert::stream, in_context, block,
                      static_cast<float>(distance) / per_request + 1)) {
      if (unbroken)
        in.done = block + 1;
    } else {
      unbroken = false;
      ++rejected;
    }
  }
}

void stream_expert::stride(stream& in, mix_bench& bench) {
  auto start = static_cast<std::int64_t>(in.start);
  for (std::uint32_t step = 1; step <= strides_ahead_max; ++step) {
    start += in.stride;
    if (start < 0)
      break;
    for (std::uint32_t at = 0; at < in.count; ++at) {
      const auto block = static_cast<std::uint64_t>(start) + at;
      const auto in_context = context(true, in.requests, step, in.count, in.blocks, bench.known(block));
      if (bench.chance(mix_expert::stream, in_context) < bench.walk_min())
        return;
      bench.propose(mix_expert::stream, in_context, block, static_cast<float>(step));
    }
  }
}

} // namespace forerun::predict
