#pragma once
#include "runtime/base/disk.hpp"
#include "runtime/base/result.hpp"
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace forerun::store {

/// What a volume's overlay holds of a block.
enum class block_state : std::uint8_t {
  absent = 0, ///< Nothing: the block is the image's (or zeroes).
  data = 1,
  zero = 2, ///< Trimmed or zeroed.
};

/// Neighbouring blocks that came into the same state: `data` or `zero`.
struct map_run {
  std::uint64_t first = 0;
  std::uint32_t count = 0;
  block_state to{};
};

/// Whose map it is. A map of anything else is refused.
struct map_identity {
  std::uint64_t volume_bytes = 0;
  std::uint64_t volume_id = 0;
};

/// The journal in which an overlay keeps the states of its blocks; docs/formats/overlay.md has it in bytes.
/// It is appended to in batches, each synced before the next is written, so that a crash can only tear the
/// last one. One thread at a time.
class overlay_map {
public:
  using receiver = std::function<void(const map_run&)>;

  /// Makes a map without runs, in place of any other. Errors: `no_space`, `io_failed`.
  static result<std::unique_ptr<overlay_map>> create(disk& where, const std::string& name,
                                                     const map_identity& of);

  /// Reads a map and hands on its runs, oldest first. A torn end is cut off. Errors: `not_found`,
  /// `io_failed`; `corrupt` when it is damaged anywhere else, or is of another volume; `unsupported` for a
  /// later format. Then `problem` says what and where, and the file is left as it is.
  static result<std::unique_ptr<overlay_map>> open(disk& where, const std::string& name,
                                                   const map_identity& of, const receiver& visit,
                                                   std::string& problem);

  /// Returns when the runs are on stable storage. Not for a closed map. Errors: `no_space`, and nothing has
  /// changed; all others: what is on the disk is not known any more.
  result<void> append(std::span<const map_run> runs);
  /// Puts one batch in place of all, in one step. Errors: as `append`.
  result<void> rewrite(std::span<const map_run> runs);
  /// Notes that the map ends here on purpose, so that damage at its end is not taken for a crash. Then, also
  /// after `open`, it must be rewritten before more is appended: a torn end behind this mark would be damage.
  result<void> close();
  bool closed() const { return closed_; }

  /// Runs in the file, outdated ones too.
  std::uint64_t runs() const { return runs_; }
  /// Bytes of the torn end that `open` cut off.
  std::uint64_t cut_bytes() const { return cut_bytes_; }

private:
  overlay_map(disk& where, std::string name, const map_identity& of)
      : disk_(where), name_(std::move(name)), identity_(of) {}

  result<void> make(disk_file& file, std::span<const map_run> runs);
  result<void> write_batch(disk_file& file, std::span<const map_run> runs, std::uint32_t flags);
  result<void> write_end(std::span<const map_run> runs, std::uint32_t flags);
  result<void> replay(const receiver& visit, std::string& problem);
  result<void> read_header(std::uint64_t size, std::string& problem);
  /// Reads the batch at `at` into `batch`, which stays empty when there is no sound one.
  result<void> read_batch(std::uint64_t at, std::uint64_t size, std::vector<std::byte>& batch) const;
  result<bool> batch_in(std::uint64_t at, std::uint64_t size) const;

  disk& disk_;
  const std::string name_;
  const map_identity identity_;
  std::unique_ptr<disk_file> file_;
  std::uint64_t end_ = 0;     ///< Of the good bytes.
  std::uint64_t batches_ = 0; ///< The next one's number.
  std::uint64_t runs_ = 0;
  std::uint64_t cut_bytes_ = 0;
  bool closed_ = false;
  bool litter_ = false; ///< A write failed: there may be bytes past the end.
};

} // namespace forerun::store
