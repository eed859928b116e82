#pragma once
#include "actors/common/errors.hpp"
#include "actors/common/protocols.hpp"
#include "actors/common/recorder.hpp"
#include "actors/node/open.hpp"
#include "actors/node/supervisor.hpp"
#include <atomic>
#include <map>

namespace forerun::actors {

using node_actor = caf::typed_actor<caf::result<void>(node_task)>;

/// Answers of actors are awaited so long.
inline constexpr auto answer_max = std::chrono::seconds{5};
/// A volume whose image could not be opened is tried again after so long.
inline constexpr auto reopen_pause = std::chrono::seconds{5};

/// What the node actor knows; its thread only.
struct node_state {
  static inline const char* name = "forerun.node";

  node_state(node_actor::pointer me, ground& stands_on);
  node_actor::behavior_type make_behavior();
  /// For what one of our actors does, under that name.
  recorder own_log(std::string program) const;

  // ---- volumes (volumes.cpp)
  void create_volume(const control::volume_spec& what, const control::reply<control::volume_row>& to);
  void open_volumes();
  void open_later(const store::volume_entry& entry, const std::string& url);
  void start_volume(const store::volume_entry& entry, const std::string& url,
                    std::function<void(attempt<std::string>)> then);
  attempt<std::string> finish_volume(const store::volume_entry& entry, const std::string& url,
                                     std::optional<attempt<open_image>> image);
  void start_image(open_image image);
  void delete_volume(const std::string& name, const control::reply<control::done>& to);
  void delete_unopened(const std::string& name, const control::reply<control::done>& to);
  void export_volume(const std::string& name, const std::string& listen,
                     const control::reply<control::export_place>& to);
  /// A volume came into being, or ceased to be.
  void record(const store::volume_entry& what, operation op);
  const open_volume* find(const std::string& name) const;
  void close_unused_image(image_id id);

  // ---- what images say of themselves (looks.cpp)
  /// Looks into an image beside all else, and tells its predictor what was found. What was found once is
  /// kept: while the image is the same, it is not looked into again.
  void look_into(image_id id);
  /// The files of a volume's image that are expected to be read most.
  void file_heat(const std::string& volume, std::uint32_t rows_max,
                 const control::reply<control::file_heat_map>& to);

  // ---- questions (questions.cpp)
  void status(const control::reply<control::node_status>& to);
  void list_actors(const control::reply<std::vector<control::actor_row>>& to);
  void list_volumes(std::function<void(std::vector<control::volume_row>)> then);
  void why(const std::string& volume, std::uint64_t block, const control::reply<control::why_row>& to);
  void heat(const std::string& volume, std::uint32_t rows_max, const control::reply<control::heat_map>& to);
  void predictions(const std::string& of, const control::reply<std::vector<control::prediction_row>>& to);
  void verify(const std::string& public_key, const control::reply<control::verify_report>& to);
  /// The check of the log that was asked for, if any, and all questions about it end soon and say
  /// `cancelled`.
  void cancel_questions();
  void drop_cache(const control::reply<control::cache_dropped>& to);
  void run(const std::string& volume, const std::optional<std::string>& begin_program,
           const control::reply<control::run_info>& to);

  // ---- recordings (imports.cpp)
  struct open_import {
    std::string volume; ///< Empty: none.
    image_id image{};   ///< 0: no model learns it.
    std::string program;
    wall_time last{}; ///< Of its entries.
    instant heard{};
  };
  void import_records(const std::shared_ptr<control::import_batch>& batch,
                      const control::reply<control::import_done>& to);
  /// Names the run of a first batch; for others finds it. Null, with the reason told: no such run, or no
  /// room.
  open_import* import_of(control::import_batch& batch, const control::reply<control::import_done>& to);
  void give_up_silent_import(std::uint64_t run);

  // ---- records of the log (records.cpp), and where they come from (lineage.cpp)
  void history(const std::string& volume, std::uint64_t block, std::uint32_t rows_max,
               const control::reply<std::vector<control::history_row>>& to);
  void records(const control::record_question& what,
               const control::reply<std::shared_ptr<control::record_stream>>& to);
  void last_records(const control::record_question& what, std::uint32_t max,
                    const control::reply<control::record_batch>& to);
  /// The filter, with the volume's number in it; nothing if there is no such volume.
  std::optional<provenance::filter> resolved(const control::record_question& what) const;
  void graph(const control::graph_question& what, const control::reply<provenance::graph>& to);
  void origins(const control::record_question& what, std::uint32_t max,
               const control::reply<provenance::read_origins>& to);
  /// Looks into the log with `work`, on the thread for long questions, and answers with what it returns
  /// (look.hpp). When the node ends, `work` meets `cancelled`.
  template <class T>
  void look(const control::reply<T>& to, std::function<result<T>(const provenance::log_view&)> work,
            provenance::sums with = provenance::sums::none);
  /// Answers a question of aggregates.hpp, or one about sums (log_questions.cpp).
  template <class Question, class Answer>
  void ask_log(const control::log_question<Question>& about, const control::reply<Answer>& to);

  /// Asks an actor and goes on with its answer, or with what it says when it has none.
  template <class Answer, class Handle, class... Args>
  void ask(place where, std::function<void(result<Answer>)> then, Args&&... args) {
    const auto who = on.others->find<Handle>(where);
    if (!who) {
      then(errc::unavailable);
      return;
    }
    self->request(who, answer_max, std::forward<Args>(args)...)
        .then([then](const Answer& answer) { then(answer); },
              [then](const caf::error& error) { then(code_of(error)); });
  }

  node_actor::pointer self;
  ground& on;
  supervisor children;
  std::map<std::string, open_volume> volumes;
  std::map<image_id, open_image> images;
  std::map<image_id, std::string> unread;       ///< Open images whose files are not known (yet), and why.
  std::map<std::uint64_t, open_import> imports; ///< By run; at most `imports_max`.
  std::uint64_t last_import = 0;
  std::map<std::string, std::string> unopened; ///< Volumes that could not be opened yet, and why.
  std::vector<std::string> addresses;          ///< The node's own.
  instant started;
  /// Of the check of the log: held by whoever has it to do, so it is gone when the question was lost.
  std::weak_ptr<std::atomic<bool>> check_cancelled;
  /// Questions about the log, shared with them, are not wanted any more.
  std::shared_ptr<std::atomic<bool>> ends = std::make_shared<std::atomic<bool>>(false);
};

inline control::failure provenance_off() {
  return {errc::unavailable, "provenance is off", "set provenance.enabled = true in the configuration"};
}

inline control::failure no_such_volume(const std::string& name) {
  return {errc::not_found, "there is no volume " + name, "`forerun volume list` shows those that there are"};
}

} // namespace forerun::actors
