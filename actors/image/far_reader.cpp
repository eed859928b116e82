#include "actors/image/far_reader.hpp"
#include "actors/common/protocols.hpp"
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>

namespace forerun::actors {

namespace {

constexpr std::uint32_t request_blocks_max = 256;
/// Fewer than the image's actor lets wait, so that there is room for the read that cannot go on.
constexpr std::uint32_t requests_ahead_max = 48;
constexpr std::uint64_t blocks_ahead_max = 4096;
constexpr int tries_max = 3;
constexpr auto wait_max = std::chrono::seconds{30};
constexpr auto look_up_every = std::chrono::milliseconds{100};

/// One request that a thread waits for.
struct answer_box {
  std::mutex mutex;
  std::condition_variable came;
  std::optional<result<void>> what;
};

} // namespace

/// What was asked for and has not come.
struct far_reader::ahead {
  std::atomic<std::uint32_t> requests{0};
  std::atomic<std::uint64_t> blocks{0};
};

far_reader::far_reader(std::shared_ptr<const volume::image_plane> image, std::shared_ptr<directory> others,
                       std::function<bool()> wanted)
    : image_(std::move(image)), others_(std::move(others)), wanted_(std::move(wanted)),
      ahead_(std::make_shared<ahead>()) {
}

bool far_reader::local(extent where) const {
  for (auto block = where.first; block < where.end(); ++block)
    if (!image_->local(block))
      return false;
  return true;
}

bool far_reader::copy(std::uint64_t offset, std::span<std::byte> into) const {
  std::array<std::byte, block_bytes> block;
  while (!into.empty()) {
    if (!image_->copy(offset >> block_shift, block))
      return false;
    const auto skip = offset % block_bytes;
    const auto count = std::min<std::size_t>(into.size(), block_bytes - skip);
    std::memcpy(into.data(), block.data() + skip, count);
    into = into.subspan(count);
    offset += count;
  }
  return true;
}

result<void> far_reader::read(std::uint64_t offset, std::span<std::byte> into) {
  if (offset > bytes() || into.size() > bytes() - offset)
    return errc::out_of_range;
  result<void> fetched = success();
  for (int tried = 0; tried < tries_max; ++tried) {
    if (copy(offset, into))
      return success();
    if (!wanted_())
      return errc::cancelled;
    const auto where = blocks_touched(offset, into.size());
    for (auto first = where.first; first < where.end() && (fetched || first == where.first);
         first += request_blocks_max)
      fetched = fetch({first, static_cast<std::uint32_t>(
                                  std::min<std::uint64_t>(request_blocks_max, where.end() - first))});
    if (!fetched && (fetched.error() == errc::cancelled || fetched.error() == errc::timed_out))
      return fetched;
  }
  return copy(offset, into) ? success() : result<void>(fetched ? errc::unavailable : fetched.error());
}

result<void> far_reader::fetch(extent where) {
  auto box = std::make_shared<answer_box>();
  auto what = std::make_shared<volume::demand>([box](result<std::span<const std::byte>> bytes, outcome) {
    std::lock_guard guard{box->mutex};
    box->what = bytes ? result<void>(success()) : result<void>(bytes.error());
    box->came.notify_all();
  });
  what->blocks = where;
  what->image = image_->id;
  // An actor that is just being made anew has no place: its successor is asked.
  if (!others_->tell<image_actor>({role::image, image_->id.value}, look_request{std::move(what)}))
    std::this_thread::sleep_for(look_up_every);
  std::unique_lock lock{box->mutex};
  const auto until = std::chrono::steady_clock::now() + wait_max;
  while (!box->what) {
    box->came.wait_for(lock, look_up_every);
    if (!box->what && !wanted_())
      return errc::cancelled;
    if (!box->what && std::chrono::steady_clock::now() >= until)
      return errc::timed_out;
  }
  return *box->what;
}

void far_reader::soon(std::uint64_t offset, std::uint64_t length) {
  if (offset >= bytes() || length == 0)
    return;
  auto where = blocks_touched(offset, std::min(length, bytes() - offset));
  while (where.count > 0) {
    const extent piece{where.first, std::min(where.count, request_blocks_max)};
    where = {piece.end(), where.count - piece.count};
    if (local(piece))
      continue;
    if (ahead_->requests >= requests_ahead_max || ahead_->blocks + piece.count > blocks_ahead_max)
      return;
    ++ahead_->requests;
    ahead_->blocks += piece.count;
    auto what = std::make_shared<volume::demand>(
        [ahead = ahead_, piece](result<std::span<const std::byte>>, outcome) {
          --ahead->requests;
          ahead->blocks -= piece.count;
        });
    what->blocks = piece;
    what->image = image_->id;
    others_->tell<image_actor>({role::image, image_->id.value}, look_request{std::move(what)});
  }
}

} // namespace forerun::actors
