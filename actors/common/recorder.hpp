#pragma once
#include "actors/common/directory.hpp"
#include "actors/common/messages.hpp"
#include <atomic>

namespace forerun::actors {

/// What one of our actors did to blocks of images, for the log: collected, neighbours joined, and handed over
/// in batches. It never waits: what finds no room is counted, and the log's owner is told. One thread.
class recorder {
public:
  /// Records nothing.
  recorder() = default;
  /// `time` outlives it.
  recorder(std::shared_ptr<directory> others, const clock& time, provenance::agent by)
      : others_(std::move(others)), clock_(&time), by_(std::move(by)) {}

  ~recorder() { hand_over(); }
  recorder(const recorder&) = default;
  recorder(recorder&&) = default;
  recorder& operator=(const recorder&) = default;
  recorder& operator=(recorder&&) = default;

  /// Takes note of what began at `what.arrived`. True: the owner has to call `hand_over` after `age_max`.
  bool add(image_id image, access what);
  void hand_over();

  static constexpr auto age_max = std::chrono::milliseconds{100};
  static constexpr std::size_t batch_max = 4096;      ///< Entries; with more it hands over by itself.
  static constexpr std::size_t under_way_max = 16384; ///< Entries that the log's owner has not worked off.

private:
  std::shared_ptr<directory> others_;
  const clock* clock_ = nullptr;
  provenance::agent by_;
  std::map<image_id, std::vector<access>> open_;
  std::size_t open_entries_ = 0;
  std::shared_ptr<std::atomic<std::size_t>> under_way_ = std::make_shared<std::atomic<std::size_t>>(0);
  std::uint64_t left_out_ = 0;
};

} // namespace forerun::actors
