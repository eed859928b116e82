#pragma once
#include "runtime/control/import_values.hpp"
#include "runtime/control/lineage.hpp"
#include "runtime/control/questions.hpp"
#include "runtime/control/records.hpp"
#include "runtime/control/values.hpp"
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace forerun::control {

/// A value, or why there is none.
template <class T> using answer = std::variant<T, failure>;

/// Where the answer of one call goes. Copies stand for the same call (so it may travel in actor messages) and
/// may be used from any thread; the first answer counts, later ones do nothing. If the last copy goes away
/// unanswered, the caller is told `unavailable`. The receiving function must not block: it runs in the thread
/// that answers.
template <class T> class reply {
public:
  using receiver = std::function<void(answer<T>)>;

  reply() = default; ///< Nobody listens.
  explicit reply(receiver to) : call_(std::make_shared<call>(std::move(to))) {}

  void operator()(T value) const { give(answer<T>{std::in_place_index<0>, std::move(value)}); }
  void fail(failure why) const { give(answer<T>{std::in_place_index<1>, std::move(why)}); }
  void fail(errc code, std::string what = {}, std::string remedy = {}) const {
    fail(failure{code, what.empty() ? std::string{forerun::to_string(code)} : std::move(what),
                 std::move(remedy)});
  }

private:
  struct call {
    explicit call(receiver r) : to(std::move(r)) {}
    call(const call&) = delete;
    call& operator=(const call&) = delete;
    ~call() {
      if (!answered)
        to(answer<T>{std::in_place_index<1>, failure{errc::unavailable, "the node gave the call up", ""}});
    }
    receiver to;
    std::atomic<bool> answered = false;
  };
  void give(answer<T> what) const {
    if (call_ && !call_->answered.exchange(true))
      call_->to(std::move(what));
  }
  std::shared_ptr<call> call_;
};

/// What a node does for its operator. The control server calls it on its own thread: each call must return at
/// once, and answers come when they are ready, from any thread. At most `open_calls_max` calls are unanswered
/// at any time; the caller is told `timed_out` after `call_timeout`, and an answer after that is dropped.
/// Names and sizes in arguments are within the bounds of values.hpp but otherwise unchecked.
class control_api {
public:
  virtual ~control_api() = default;

  virtual void status(reply<node_status> to) = 0;
  virtual void actors(reply<std::vector<actor_row>> to) = 0;

  /// In order of name.
  virtual void volumes(reply<std::vector<volume_row>> to) = 0;
  /// Errors: `exists`, `invalid_argument`, `unavailable` (origin), `permission_denied` (address), `no_space`.
  virtual void create_volume(volume_spec what, reply<volume_row> to) = 0;
  /// Its overlay goes with it. Errors: `not_found`, `busy` (a client is connected).
  virtual void delete_volume(std::string name, reply<done> to) = 0;
  /// Where the volume is served; adds a listener first if `listen` is not empty. Errors: `not_found`,
  /// `invalid_argument`, `permission_denied` (a non-loopback address without `insecure`), `busy`.
  virtual void export_volume(std::string name, std::string listen, reply<export_place> to) = 0;

  /// Forgets memory and clean disk blocks of all images; overlays stay.
  virtual void drop_cache(reply<cache_dropped> to) = 0;
  /// At most `rows_max` rows, itself at most `heat_rows_max`. Errors: `not_found`.
  virtual void heat(std::string volume, std::uint32_t rows_max, reply<heat_map> to) = 0;
  /// How true the experts have been: of a volume's image, of an image by its URL, or of all if empty. Errors:
  /// `not_found`, `unavailable` (prefetch is off).
  virtual void predictions(std::string of, reply<std::vector<prediction_row>> to) = 0;
  /// At most `rows_max` files, itself at most `file_rows_max`. Errors: `not_found`, `unavailable` (the files
  /// of its image are not known, or not yet).
  virtual void file_heat(std::string volume, std::uint32_t rows_max, reply<file_heat_map> to) = 0;
  /// Errors: `not_found`, `out_of_range`.
  virtual void why(std::string volume, std::uint64_t block, reply<why_row> to) = 0;
  /// Newest first, at most `rows_max`, itself at most `history_rows_max`. Errors: `not_found`,
  /// `out_of_range`.
  virtual void history(std::string volume, std::uint64_t block, std::uint32_t rows_max,
                       reply<std::vector<history_row>> to) = 0;
  /// Records of the log from a position on. Errors: `not_found` (volume), `overloaded` (as many streams as
  /// there may be), `unavailable` (provenance is off).
  virtual void records(record_question what, reply<std::shared_ptr<record_stream>> to) = 0;
  /// The newest, newest first, at most `max`, itself at most `record_rows_max`. Errors: as `records`, and
  /// `io_failed`.
  virtual void last_records(record_question what, std::uint32_t max, reply<record_batch> to) = 0;
  /// Where a version comes from, or what came of it. Errors: `not_found` (volume, version), `out_of_range`,
  /// `invalid_argument` (no such element can be), `timed_out`, `overloaded`, `unavailable` (provenance is
  /// off), `io_failed`.
  virtual void graph(graph_question what, reply<provenance::graph> to) = 0;
  /// Who wrote what these reads met: of the newest `max`, itself at most `origin_reads_max`, as many as have
  /// room in an answer. Errors: as `last_records` and `graph`; `overloaded` (one read alone has no room).
  virtual void origins(record_question what, std::uint32_t max, reply<provenance::read_origins> to) = 0;
  // Questions about many records at once. Errors: `not_found` (volume), `unavailable` (provenance is off),
  // `overloaded` (too many wait), `io_failed`, `cancelled` (the node ends).
  /// Also `invalid_argument`: sums are not kept by run, element or position.
  virtual void sums(sum_question what, reply<provenance::sum_answer> to) = 0;
  virtual void top(top_question what, reply<provenance::top_answer> to) = 0;
  virtual void arrivals(arrival_question what, reply<provenance::arrival_answer> to) = 0;
  virtual void sequences(sequence_question what, reply<provenance::sequence_answer> to) = 0;
  virtual void working_set(working_set_question what, reply<provenance::working_set_answer> to) = 0;

  /// Holds the log against a public key in hex; empty: the node's own. Damage is an answer, not an error.
  /// Errors: `invalid_argument`.
  virtual void verify(std::string public_key, reply<verify_report> to) = 0;

  /// A program starts on the volume; prefetch may begin. An empty program is the volume's own. Errors:
  /// `not_found`.
  virtual void begin_run(std::string volume, std::string program, reply<run_info> to) = 0;
  /// Errors: `not_found` (also if no run is open).
  virtual void end_run(std::string volume, reply<run_info> to) = 0;

  /// A piece of a recording, whose entries are all within the log's bounds. Errors: `overloaded` (nothing was
  /// taken), `not_found` (the volume, or the run), `unavailable` (nobody is there to keep or learn it).
  virtual void import_records(import_batch what, reply<import_done> to) = 0;

  /// Prometheus text, for /metrics.
  virtual void metrics_text(reply<std::string> to) = 0;
};

inline constexpr std::size_t open_calls_max = 256;
inline constexpr std::chrono::seconds call_timeout{30};
/// A little longer than the node itself tries.
inline constexpr std::chrono::seconds lineage_timeout = lineage_time_max + std::chrono::seconds{10};
/// Checking a long log takes its time, and so do questions about many records.
inline constexpr std::chrono::minutes verify_timeout{30};

} // namespace forerun::control
