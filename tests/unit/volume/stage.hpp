#pragma once
#include "runtime/sim/sim_disk.hpp"
#include "runtime/volume/device.hpp"
#include <deque>
#include <vector>

/// A device on a stage: a simulated disk, a clock that stands still, and everybody else played by the test.
namespace forerun::volume {

inline std::byte image_byte(std::uint64_t offset) {
  return static_cast<std::byte>(offset * 31 + (offset >> block_shift) * 7 + 1);
}

/// What a client sees of [offset, offset + length) of an image of `size` bytes.
inline std::vector<std::byte> image_bytes(std::uint64_t offset, std::uint64_t length,
                                          std::uint64_t size = ~std::uint64_t{0}) {
  std::vector<std::byte> bytes(length);
  for (std::uint64_t i = 0; i < length && offset + i < size; ++i)
    bytes[i] = image_byte(offset + i);
  return bytes;
}

inline std::vector<std::byte> filled(std::size_t length, int with) {
  return std::vector<std::byte>(length, static_cast<std::byte>(with));
}

class fake_gather final : public nbd::gather {
public:
  void add(std::span<const std::byte> piece) override { pieces_.push_back(piece); }
  std::span<std::byte> scratch(std::size_t bytes) override {
    auto& own = own_.emplace_back(bytes, std::byte{0xee});
    pieces_.push_back(own);
    return own;
  }
  /// Reads the pieces now, as the socket would.
  std::vector<std::byte> sent() const {
    std::vector<std::byte> all;
    for (const auto piece : pieces_)
      all.insert(all.end(), piece.begin(), piece.end());
    return all;
  }

private:
  std::deque<std::vector<std::byte>> own_;
  std::vector<std::span<const std::byte>> pieces_;
};

struct late_answer {
  nbd::ticket to{};
  result<nbd::answer> how = errc::unavailable;
  nbd::owned_bytes data;
};

class fake_completions final : public nbd::completions {
public:
  void complete(nbd::ticket to, result<nbd::answer> how, nbd::owned_bytes data) override {
    all.push_back({to, std::move(how), std::move(data)});
  }
  std::vector<late_answer> all;
};

class fake_backstage final : public backstage {
public:
  bool fetch(std::shared_ptr<demand> what) override {
    if (full)
      return false;
    demands.push_back(std::move(what));
    return true;
  }
  void observed(batch_ptr batch) override { batches.push_back(std::move(batch)); }
  void hinted(volume_id, image_id, extent where, instant) override { hints.push_back(where); }
  void attached(volume_id) override { ++clients; }
  void detached(volume_id) override { --clients; }
  bool run_blocking(std::function<void()> work) override {
    if (full)
      return false;
    works.push_back(std::move(work));
    return true;
  }
  /// Does the work that waits for another thread.
  void work() {
    for (auto& each : std::exchange(works, {}))
      each();
  }

  bool full = false;
  int clients = 0;
  std::vector<std::shared_ptr<demand>> demands;
  std::vector<batch_ptr> batches;
  std::vector<extent> hints;
  std::vector<std::function<void()>> works;
};

struct scenery {
  std::uint64_t volume_bytes = 16 * block_bytes;
  std::uint64_t image_bytes = 16 * block_bytes;
  bool image = true;
  audit_mode audit = audit_mode::relaxed;
  std::uint64_t overlay_bytes_max = ~0ull;
};

class stage {
public:
  static constexpr nbd::io_slot slot{3};

  explicit stage(scenery of = {}) : scene(of) {
    memory = pool::make(64 * block_bytes).value();
    if (of.image) {
      auto cache = store::block_cache::open(disk, "image", {of.image_bytes, "v1"}).value();
      image = std::make_shared<image_plane>(image_id{7}, of.image_bytes, *memory,
                                            std::shared_ptr<store::block_cache>{std::move(cache)});
    }
    overlay = store::overlay::open(
                  disk, "volume",
                  {.volume_bytes = of.volume_bytes, .volume_id = 5, .data_bytes_max = of.overlay_bytes_max})
                  .value();
    device_config config{.id = {5}, .shown = {.name = "v", .bytes = of.volume_bytes}, .audit = of.audit};
    device = std::make_shared<volume::device>(config, image, overlay, readers, answers, back, time);
  }

  /// Demands that nobody answered are answered now, while there is somebody to tell.
  ~stage() { back.demands.clear(); }
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;

  /// A block of the image as the image's actor keeps it: the last one filled up with zeroes.
  std::vector<std::byte> image_block(std::uint64_t block) const {
    return image_bytes(block << block_shift, block_bytes, scene.image_bytes);
  }
  void in_memory(std::uint64_t block, bool fresh = false) {
    const auto at = memory->take().value();
    std::ranges::copy(image_block(block), memory->at(at).begin());
    if (fresh)
      image->map.mark_fresh(block);
    (void)image->map.publish(block, at);
  }
  void on_disk(std::uint64_t block, bool fresh = false) {
    image->disk->put({block, 1}, image_block(block)).value();
    if (fresh)
      image->map.mark_fresh(block);
  }

  nbd::started start(nbd::request what, std::span<const std::byte> payload = {}) {
    what.arrived = time.now();
    asked = what;
    out.emplace_back();
    const auto begun = device->start(slot, what, payload, out.back(), {.slot = 3, .request = next_request++});
    return begun;
  }
  nbd::started read(std::uint64_t offset, std::uint32_t length) {
    return start({.kind = nbd::command::read, .offset = offset, .length = length});
  }
  nbd::started write(std::uint64_t offset, std::span<const std::byte> data, bool fua = false) {
    return start({.kind = nbd::command::write,
                  .fua = fua,
                  .offset = offset,
                  .length = static_cast<std::uint32_t>(data.size())},
                 data);
  }
  /// The server has handed the answer of `asked` to the socket.
  void answered(const nbd::answer& how) { device->answered(slot, asked, how, time.now()); }
  bool end_turn() { return device->turn_ended(slot, time.now()); }
  /// A whole read that is answered at once.
  nbd::answer hit(std::uint64_t offset, std::uint32_t length) {
    const auto begun = read(offset, length);
    answered(begun.how);
    return begun.how;
  }
  std::vector<std::byte> sent() const { return out.back().sent(); }
  /// What the volume holds, with the image's blocks brought in as they are asked for.
  std::vector<std::byte> content(std::uint64_t offset, std::uint32_t length) {
    const auto begun = read(offset, length);
    if (begun.what == nbd::verdict::done)
      return sent();
    bring();
    return *answers.all.back().data;
  }
  /// Answers the last demand as the image's actor does: blocks that are not needed stay zero.
  void bring(outcome how = outcome::miss) {
    const auto what = back.demands.back();
    std::vector<std::byte> bytes(what->blocks.bytes());
    for (std::uint32_t i = 0; i < what->blocks.count; ++i)
      if (what->needs(what->blocks.first + i))
        std::ranges::copy(image_block(what->blocks.first + i),
                          bytes.begin() + static_cast<std::ptrdiff_t>(i) * block_bytes);
    what->answer(std::span<const std::byte>{bytes}, how);
  }
  std::vector<std::uint64_t> needed() const {
    std::vector<std::uint64_t> blocks;
    const auto& what = *back.demands.back();
    for (auto block = what.blocks.first; block < what.blocks.end(); ++block)
      if (what.needs(block))
        blocks.push_back(block);
    return blocks;
  }

  scenery scene;
  manual_clock time;
  sim::sim_disk disk;
  epochs readers;
  std::unique_ptr<pool> memory;
  std::shared_ptr<image_plane> image;
  std::shared_ptr<store::overlay> overlay;
  fake_backstage back;
  fake_completions answers;
  std::shared_ptr<volume::device> device;
  std::deque<fake_gather> out;
  nbd::request asked;
  std::uint32_t next_request = 1;
};

} // namespace forerun::volume
