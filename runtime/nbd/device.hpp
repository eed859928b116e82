#pragma once
#include "runtime/base/access.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/time.hpp"
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

/// The seam between the NBD server (connections, protocol, I/O threads) and what it serves (a volume).
namespace forerun::nbd {

/// What a client is told of an export.
struct export_info {
  std::string name;
  std::string description;
  std::uint64_t bytes = 0;
  bool read_only = false;
};

enum class command : std::uint8_t { read, write, flush, trim, write_zeroes, cache };

/// One request as it came from a client; checked against the export's size and rights by the server.
struct request {
  command kind = command::read;
  bool fua = false;         ///< Answer only when it is on stable storage.
  bool keep_space = false;  ///< WRITE_ZEROES with NO_HOLE.
  std::uint64_t offset = 0; ///< Bytes.
  std::uint32_t length = 0; ///< Bytes.
  instant arrived{};
};

/// What provenance wants to know of an answer.
struct answer {
  outcome how = outcome::none;
  std::uint32_t first_use_blocks = 0; ///< Prefetched blocks that this request is the first to read.
  digest written{};
};

/// The pieces of a read's data, in order. Memory that is added must stay as it is until the I/O thread's turn
/// ends (`turn_ended`): what the socket does not take by then is copied by the server.
class gather {
public:
  virtual void add(std::span<const std::byte> piece) = 0;
  /// Memory of the server's own, to be filled now by the caller (a preadv target, or zeroes).
  virtual std::span<std::byte> scratch(std::size_t bytes) = 0;

protected:
  ~gather() = default;
};

/// Which I/O thread calls: 0 .. io_threads - 1.
struct io_slot {
  std::uint32_t value = 0;
};

/// Names one open request of one connection. Plain values: a ticket may outlive its connection, and then
/// completing it does nothing.
struct ticket {
  std::uint32_t slot = 0;
  std::uint32_t connection = 0;
  std::uint64_t generation = 0;
  std::uint32_t request = 0;
};

/// Data that a later answer owns.
using owned_bytes = std::shared_ptr<const std::vector<std::byte>>;

/// Where answers that come later are delivered. Any thread. Each ticket is completed once.
class completions {
public:
  /// `data` has the request's length for reads that went well and is null otherwise.
  virtual void complete(ticket to, result<answer> how, owned_bytes data) = 0;

protected:
  ~completions() = default;
};

enum class verdict : std::uint8_t {
  done,    ///< Answered: `out`, `how` are filled.
  failed,  ///< `error` is filled.
  pending, ///< The device took the ticket and completes it.
  stalled, ///< Not taken: no room to record it (strict audit), or its run has not begun. Ask again after a
           ///< millisecond.
};

struct started {
  verdict what = verdict::done;
  errc error{};
  answer how{};
};

/// A range of `base:allocation`.
struct status_range {
  std::uint64_t length = 0; ///< Bytes.
  bool hole = false;
  bool zero = false;
};

/// One export, as I/O threads see it. All of it is called on I/O threads, concurrently, and never blocks.
class device {
public:
  virtual ~device() = default;
  virtual const export_info& info() const = 0;

  /// A client finished (or left) the handshake's transmission phase.
  virtual void attached(io_slot slot) = 0;
  virtual void detached(io_slot slot) = 0;

  /// Starts a request. `payload` is the data of a write, valid during the call only. A read that is `done`
  /// has added exactly `what.length` bytes to `out`. A request that was `stalled` comes again, perhaps with
  /// another ticket, unless its connection ends.
  virtual started start(io_slot slot, const request& what, std::span<const std::byte> payload, gather& out,
                        ticket later) = 0;

  /// Called once for each request that `start` took, when its answer has been handed to the socket layer, on
  /// the connection's own I/O thread; also for those that failed (`how.how == outcome::failed`), and so for
  /// those that were still open when their connection ended. No call follows `detached` but `turn_ended`.
  virtual void answered(io_slot slot, const request& what, const answer& how, instant when) = 0;

  /// What is allocated in a range; at most `ranges_max` ranges, which may cover less than was asked for.
  virtual std::vector<status_range> block_status(std::uint64_t offset, std::uint64_t length,
                                                 std::size_t ranges_max) = 0;

  /// The I/O thread holds no memory of this device from here until its next `start`. Called at the end of
  /// each turn in which this device was used, and again every millisecond while entries wait to be sent on.
  /// Returns true while it wants that millisecond call.
  virtual bool turn_ended(io_slot slot, instant now) = 0;
};

/// Finds exports by name. Any I/O thread; may take a lock (handshake only).
class exports {
public:
  virtual std::shared_ptr<device> find(const std::string& name) = 0;
  virtual std::vector<export_info> list() = 0;

protected:
  ~exports() = default;
};

} // namespace forerun::nbd
