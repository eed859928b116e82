#pragma once
#include "runtime/base/time.hpp"
#include "runtime/nbd/device.hpp"
#include "runtime/store/overlay.hpp"
#include "runtime/volume/backstage.hpp"
#include "runtime/volume/change_gate.hpp"
#include "runtime/volume/image_plane.hpp"
#include <array>
#include <atomic>
#include <memory>
#include <optional>

namespace forerun::volume {

enum class audit_mode : std::uint8_t {
  off,     ///< Nothing is observed: for measuring what observing costs.
  relaxed, ///< Entries that find no room are counted and dropped.
  strict,  ///< Requests wait until there is room, and a flush until what it covers is recorded: a batch is
           ///< let go of when it is on stable storage.
};

struct device_config {
  volume_id id{};
  nbd::export_info shown;
  audit_mode audit = audit_mode::relaxed;
  bool digests = true; ///< Record what was written as a digest.
};

/// Accesses that one I/O thread may have under way to the actors for one volume, in batches; more are dropped
/// or held back.
inline constexpr std::size_t entries_open_max = 65536;

inline constexpr std::chrono::seconds welcome_wait_max{1};

/// A volume as I/O threads serve it: hits from memory, disk and overlay in place, everything else handed to
/// the actors. No lock on a hit.
class device final : public nbd::device, public std::enable_shared_from_this<device> {
public:
  /// `image` may be null (all zeroes). `completions` and `back` outlive the device.
  device(device_config config, std::shared_ptr<image_plane> image, std::shared_ptr<store::overlay> overlay,
         epochs& readers, nbd::completions& completions, backstage& back, const clock& time);
  ~device() override;

  const nbd::export_info& info() const override { return config_.shown; }
  void attached(nbd::io_slot slot) override;
  void detached(nbd::io_slot slot) override;
  nbd::started start(nbd::io_slot slot, const nbd::request& what, std::span<const std::byte> payload,
                     nbd::gather& out, nbd::ticket later) override;
  void answered(nbd::io_slot slot, const nbd::request& what, const nbd::answer& how, instant when) override;
  std::vector<nbd::status_range> block_status(std::uint64_t offset, std::uint64_t length,
                                              std::size_t ranges_max) override;
  bool turn_ended(nbd::io_slot slot, instant now) override;

  const std::shared_ptr<image_plane>& image() const { return image_; }
  store::overlay& overlay() { return *overlay_; }
  volume_id id() const { return config_.id; }
  /// Connections that have it now.
  std::uint32_t clients() const { return clients_.load(std::memory_order_relaxed); }
  /// Entries that found no room.
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
  /// The run that accesses belong to from now on.
  void set_run(run_id run) { run_.store(run.value, std::memory_order_relaxed); }
  /// Whoever came knows by now what runs. The first client's requests wait for that, `welcome_wait_max` at
  /// most, so that a run's first reads are known as its own.
  void welcome() { waits_since_.store({}, std::memory_order_release); }

private:
  struct alignas(64) io_lane {
    std::shared_ptr<access_batch> open;
    instant opened{};
    nanos age_max{0}; ///< When the open batch is handed over, at the latest.
    wall_time opened_wall{};
    std::shared_ptr<std::atomic<std::size_t>> under_way = std::make_shared<std::atomic<std::size_t>>(0);
    std::uint32_t reads_open = 0;
    instant last_answer{};
    instant thought_until{}; ///< Arrival of the read that ended the last think time,
    nanos thought{0};        ///< and how long that was.
  };

  enum class source : std::uint8_t { absent, memory, disk, overlay, zero };
  struct place {
    source from = source::absent;
    bool fresh = false;
    std::uint32_t slot = 0;
  };

  place find(std::uint64_t block) const;
  nbd::started read(io_lane& lane, const nbd::request& what, nbd::gather& out, nbd::ticket later);
  nbd::started read_later(io_lane& lane, const nbd::request& what, nbd::ticket later);
  result<void> fill(const nbd::request& what, std::span<const std::byte> image_blocks,
                    std::span<std::byte> out) const;
  nbd::started write(io_lane& lane, const nbd::request& what, std::span<const std::byte> payload,
                     nbd::ticket later);
  nbd::started write_later(io_lane& lane, const nbd::request& what, std::span<const std::byte> payload,
                           extent asked, nbd::answer how, nbd::ticket later);
  std::shared_ptr<demand> edges_wanted(const nbd::request& what, nbd::owned_bytes data, extent asked,
                                       nbd::answer how, nbd::ticket later);
  result<bool> write_edges(const nbd::request& what, const nbd::owned_bytes& data, extent asked,
                           std::span<const std::byte> blocks, nbd::answer how, nbd::ticket later);
  nbd::started write_zeroes_later(const nbd::request& what, nbd::answer how, nbd::ticket later);
  result<void> put_edge(const nbd::request& what, std::span<const std::byte> payload, std::uint64_t block,
                        std::span<const std::byte> base);
  result<void> put_whole(const nbd::request& what, std::span<const std::byte> payload);
  nbd::started trim(const nbd::request& what, nbd::ticket later);
  nbd::started settle(const nbd::request& what, nbd::answer how, nbd::ticket later);
  nbd::started flush(nbd::answer how, nbd::ticket later);
  nbd::started flush_recorded(io_lane& lane, nbd::ticket later);
  bool needs_base(std::uint64_t block) const;
  std::optional<std::span<const std::byte>> base_of(std::uint64_t block,
                                                    std::span<std::byte, block_bytes> space) const;
  std::shared_ptr<demand> demand_for(const nbd::request& what, demand::receiver then) const;
  nbd::started fetch(io_lane& lane, const nbd::request& what, std::shared_ptr<demand> wanted);
  bool room(const io_lane& lane) const;
  bool welcomed();
  void hand_over(io_lane& lane);
  static access describe(const nbd::request& what);
  static nanos think_before(const io_lane& lane, const nbd::request& what);

  const device_config config_;
  const std::shared_ptr<image_plane> image_;
  const std::shared_ptr<store::overlay> overlay_;
  epochs& readers_;
  nbd::completions& completions_;
  backstage& back_;
  const clock& clock_;
  std::array<io_lane, io_threads_max> lanes_;
  std::shared_ptr<change_gate> changes_; ///< Batches outlive the device. Null unless it is strict.
  std::atomic<std::uint64_t> run_{0};
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::uint32_t> clients_{0};
  std::atomic<instant> waits_since_{}; ///< When the first client came; zero once it was welcomed.
};

} // namespace forerun::volume
