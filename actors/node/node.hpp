#pragma once
#include "actors/node/ground.hpp"
#include "runtime/control/api.hpp"
#include <caf/all.hpp>

namespace forerun::actors {

/// A node: starts and supervises its actors, makes volumes, answers its operator, and ends in order. All
/// public calls are thread-safe.
class node final : public control::control_api {
public:
  /// `on` is complete but for what only the node can make (backstage, server). Its volumes are opened in the
  /// background: one whose origin cannot be reached is tried again every few seconds.
  explicit node(std::unique_ptr<ground> on);
  ~node() override;

  /// Opens the node's own addresses. A failure says which, why, and what to do.
  std::optional<control::failure> listen();
  /// Makes the volumes that the configuration declares and the catalog does not know, and opens all.
  void open_volumes();

  /// Ends in order: no new requests, what runs is answered, runs end and are learned, everything is flushed.
  /// Returns whether nothing was left undone.
  bool stop();

  const std::vector<std::string>& addresses() const;

  void status(control::reply<control::node_status> to) override;
  void actors(control::reply<std::vector<control::actor_row>> to) override;
  void volumes(control::reply<std::vector<control::volume_row>> to) override;
  void create_volume(control::volume_spec what, control::reply<control::volume_row> to) override;
  void delete_volume(std::string name, control::reply<control::done> to) override;
  void export_volume(std::string name, std::string listen, control::reply<control::export_place> to) override;
  void drop_cache(control::reply<control::cache_dropped> to) override;
  void heat(std::string volume, std::uint32_t rows_max, control::reply<control::heat_map> to) override;
  void predictions(std::string of, control::reply<std::vector<control::prediction_row>> to) override;
  void file_heat(std::string volume, std::uint32_t rows_max,
                 control::reply<control::file_heat_map> to) override;
  void why(std::string volume, std::uint64_t block, control::reply<control::why_row> to) override;
  void history(std::string volume, std::uint64_t block, std::uint32_t rows_max,
               control::reply<std::vector<control::history_row>> to) override;
  void records(control::record_question what,
               control::reply<std::shared_ptr<control::record_stream>> to) override;
  void last_records(control::record_question what, std::uint32_t max,
                    control::reply<control::record_batch> to) override;
  void graph(control::graph_question what, control::reply<provenance::graph> to) override;
  void origins(control::record_question what, std::uint32_t max,
               control::reply<provenance::read_origins> to) override;
  void sums(control::sum_question what, control::reply<provenance::sum_answer> to) override;
  void top(control::top_question what, control::reply<provenance::top_answer> to) override;
  void arrivals(control::arrival_question what, control::reply<provenance::arrival_answer> to) override;
  void sequences(control::sequence_question what, control::reply<provenance::sequence_answer> to) override;
  void working_set(control::working_set_question what,
                   control::reply<provenance::working_set_answer> to) override;
  void verify(std::string public_key, control::reply<control::verify_report> to) override;
  void begin_run(std::string volume, std::string program, control::reply<control::run_info> to) override;
  void end_run(std::string volume, control::reply<control::run_info> to) override;
  void import_records(control::import_batch what, control::reply<control::import_done> to) override;
  void metrics_text(control::reply<std::string> to) override;

private:
  bool end_actors();

  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace forerun::actors
