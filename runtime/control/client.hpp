#pragma once
#include "runtime/control/api.hpp"
#include <memory>

namespace forerun::control {

/// Records that a node streams; the client's, on its thread, and not after it. Asks for the next batch while
/// the last one is being used.
class record_reader {
public:
  record_reader(record_reader&&) noexcept;
  record_reader& operator=(record_reader&&) noexcept;
  ~record_reader();

  /// At most `max` rows, itself 1 to `record_rows_max`, the same in every call.
  answer<record_batch> next(std::uint32_t max);

private:
  friend class client;
  struct state;
  explicit record_reader(std::unique_ptr<state> what);
  std::unique_ptr<state> state_;
};

/// A tool's side of the control socket: calls that wait for their answer. A client lives on the thread that
/// connected it, and a thread has at most one at a time. Besides the node's own refusals calls fail with
/// `unavailable` (the node is gone), `timed_out` (it does not answer within its own limit and a little) and
/// `unsupported` (an older node).
class client {
public:
  /// Errors: `unavailable` (nobody answers there), `permission_denied`, `invalid_argument`.
  static answer<client> connect(const std::string& socket_path);

  client(client&&) noexcept;
  client& operator=(client&&) noexcept;
  ~client();

  /// Instead of the node's own limits: gives up on any call after so long.
  void give_up_after(nanos limit);

  /// Calls fail with `cancelled` from the time on at which this descriptor is readable, also one that waits.
  /// It must outlive the client.
  void give_up_on(int fd);

  answer<node_status> status();
  answer<std::vector<actor_row>> actors();
  answer<std::vector<volume_row>> volumes();
  answer<volume_row> create_volume(const volume_spec& what);
  answer<done> delete_volume(const std::string& name);
  answer<export_place> export_volume(const std::string& name, const std::string& listen);
  answer<cache_dropped> drop_cache();
  answer<heat_map> heat(const std::string& volume, std::uint32_t rows);
  answer<std::vector<prediction_row>> predictions(const std::string& of);
  answer<file_heat_map> file_heat(const std::string& volume, std::uint32_t rows);
  answer<why_row> why(const std::string& volume, std::uint64_t block);
  answer<std::vector<history_row>> history(const std::string& volume, std::uint64_t block,
                                           std::uint32_t rows);
  answer<record_reader> records(const record_question& what);
  answer<record_batch> last_records(const record_question& what, std::uint32_t max);
  answer<provenance::graph> graph(const graph_question& what);
  answer<provenance::read_origins> origins(const record_question& what, std::uint32_t max);
  answer<provenance::sum_answer> sums(const sum_question& what);
  answer<provenance::top_answer> top(const top_question& what);
  answer<provenance::arrival_answer> arrivals(const arrival_question& what);
  answer<provenance::sequence_answer> sequences(const sequence_question& what);
  answer<provenance::working_set_answer> working_set(const working_set_question& what);
  answer<verify_report> verify(const std::string& public_key = {});
  answer<run_info> begin_run(const std::string& volume, const std::string& program);
  answer<run_info> end_run(const std::string& volume);
  answer<import_done> import_records(const import_batch& what);

private:
  friend class record_reader;
  struct state;
  explicit client(std::unique_ptr<state> what);
  std::unique_ptr<state> state_;
};

} // namespace forerun::control
