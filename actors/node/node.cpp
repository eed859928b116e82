#include "actors/node/node.hpp"
#include "actors/common/system.hpp"
#include "actors/node/metrics.hpp"
#include "actors/node/state.hpp"
#include "actors/tier/tier.hpp"
#include <condition_variable>
#include <future>
#include <spdlog/spdlog.h>
#include <thread>

namespace forerun::actors {

namespace {

/// Works that wait for a disk; past it flushes fail and cached blocks are not kept on disk.
constexpr std::size_t blocking_works_max = 4096;
constexpr std::size_t blocking_threads = 2;
/// Questions about the log that wait for their turn.
constexpr std::size_t questions_max = 64;
constexpr auto drain_max = std::chrono::seconds{5};

caf::actor_system_config& configured(caf::actor_system_config& config) {
  // Sharing one queue costs nothing while nothing happens, and wakes a worker at once; stealing polls.
  // What each kind of actor has to do, for `forerun actors` and /metrics.
  config.set("caf.metrics-filters.actors.includes", std::vector<std::string>{"forerun.*"});
  config.set("caf.scheduler.policy", "sharing");
  config.set("caf.scheduler.max-threads", std::max(2u, std::min(8u, std::thread::hardware_concurrency())));
  return config;
}

} // namespace

struct node::parts {
  explicit parts(std::unique_ptr<ground> stands_on) : on(std::move(stands_on)), system(configured(config)) {}

  std::unique_ptr<ground> on;
  caf::actor_system_config config;
  caf::actor_system system;
  node_actor main;
  std::vector<std::string> addresses;
  bool stopped = false;

  void post(std::function<void(node_state&)> work) { caf::anon_send(main, node_task{std::move(work)}); }
  /// Runs `work` on the node's thread and waits for what it returns.
  template <class T> T call(std::function<T(node_state&)> work) {
    auto done = std::make_shared<std::promise<T>>();
    auto answer = done->get_future();
    post([work, done](node_state& state) { done->set_value(work(state)); });
    return answer.get();
  }
};

node::node(std::unique_ptr<ground> on) : parts_(std::make_unique<parts>(std::move(on))) {
  auto& ground = *parts_->on;
  ground.workers = std::make_unique<store::blocking_pool>(blocking_threads, blocking_works_max);
  ground.questions = std::make_unique<store::blocking_pool>(1, questions_max);
  ground.looks = std::make_unique<store::blocking_pool>(1, store::images_max);
  ground.backstage = std::make_unique<actor_backstage>(ground.others, *ground.workers);
  nbd::server_options options;
  options.io_threads = ground.config.nbd.io_threads;
  options.connections_max = ground.config.nbd.connections_max;
  options.session.bytes_open_max = ground.config.nbd.inflight_bytes_max;
  options.beyond_loopback = ground.config.nbd.insecure;
  ground.server = std::make_unique<nbd::server>(ground.exports, *ground.time, options);
  parts_->main = parts_->system.spawn<node_actor::stateful_impl<node_state>, caf::detached>(std::ref(ground));
}

node::~node() {
  stop();
}

const std::vector<std::string>& node::addresses() const {
  return parts_->addresses;
}

std::optional<control::failure> node::listen() {
  auto& ground = *parts_->on;
  auto wanted = ground.config.nbd.listen;
  wanted.insert(wanted.begin(), "unix:" + ground.config.nbd_socket);
  for (const auto& text : wanted) {
    auto added = actors::listen(ground, text, "");
    if (auto* failed = std::get_if<control::failure>(&added))
      return *failed;
    const auto real = ground.server->where(std::get<nbd::listener_id>(added));
    parts_->addresses.push_back(real ? real.value().text() : text);
  }
  parts_->post([addresses = parts_->addresses](node_state& state) { state.addresses = addresses; });
  return std::nullopt;
}

void node::open_volumes() {
  parts_->post([](node_state& state) { state.open_volumes(); });
}

bool node::stop() {
  if (std::exchange(parts_->stopped, true))
    return true;
  auto& ground = *parts_->on;
  // Clients are answered and leave first; that ends their runs, and the models learn them.
  ground.server->stop(drain_max);
  const bool well = end_actors();
  parts_->system.await_all_actors_done();
  if (!ground.log)
    return well;
  const auto done = ground.config.provenance.anchor_every > nanos{0}
                        ? ground.log->set_anchor()
                        : ground.log->commit(provenance::durability::synced);
  if (!done)
    spdlog::error("the end of the provenance log could not be written: {}", to_string(done.error()));
  return well && done;
}

/// Ends them in the order in which nothing is lost: volumes, then models, then all that only serves.
bool node::end_actors() {
  auto& ground = *parts_->on;
  caf::scoped_actor self{parts_->system};
  using lists = std::pair<std::vector<open_volume>, std::vector<image_id>>;
  const auto [volumes, images] = parts_->call<lists>([](node_state& state) {
    lists all;
    for (const auto& [name, volume] : state.volumes)
      all.first.push_back(volume);
    for (const auto& [id, image] : state.images)
      all.second.push_back(id);
    return all;
  });
  bool well = true;
  for (const auto& volume : volumes) {
    // Whatever was detached is in the mailbox before this question.
    if (const auto who = ground.others->find<volume_actor>({role::volume, volume.entry.id.value}))
      self->request(who, answer_max, end_atom_v).receive([](run_id) {}, [](const caf::error&) {});
    if (const auto done = volume.device->overlay().close(); !done) {
      spdlog::error("volume {} could not be flushed: {}", volume.entry.name, to_string(done.error()));
      well = false;
    }
  }
  // What they still have for the log is in its mailbox before the last question.
  const auto ask = [&](auto who, auto what, auto answer) {
    if (who)
      self->request(who, answer_max, what).receive(answer, [](const caf::error&) {});
  };
  for (const auto& volume : volumes)
    ask(ground.others->find<vm_actor>({role::vm, volume.entry.id.value}), caf::get_atom_v,
        [](const volume_figures&) {});
  for (const auto id : images)
    ask(ground.others->find<image_actor>({role::image, id.value}), record_atom_v, [] {});
  for (const auto tier : {tier_memory, tier_disk})
    ask(ground.others->find<tier_actor>({role::tier, tier}), record_atom_v, [] {});
  ask(ground.others->find<provenance_actor>({role::provenance, 0}), caf::get_atom_v,
      [](const control::provenance_status&) {});
  for (const auto id : images)
    if (const auto who = ground.others->find<predictor_actor>({role::predictor, id.value}))
      self->request(who, answer_max, save_atom_v).receive([] {}, [&](const caf::error&) { well = false; });
  parts_->call<bool>([](node_state& state) {
    state.children.stop_all();
    state.cancel_questions(); // The workers are waited for below.
    for (auto& [id, image] : state.images)
      if (const auto saved = image.plane->disk->save(); !saved)
        spdlog::warn("the local blocks of {} are forgotten: {}", image.entry.url, to_string(saved.error()));
    return true;
  });
  ground.looks->drain();
  ground.questions->drain();
  ground.workers->drain();
  ground.others->clear();
  caf::anon_send_exit(parts_->main, caf::exit_reason::user_shutdown);
  self->wait_for(parts_->main);
  parts_->main = nullptr;
  return well;
}

void node::status(control::reply<control::node_status> to) {
  parts_->post([to](node_state& state) { state.status(to); });
}

void node::actors(control::reply<std::vector<control::actor_row>> to) {
  parts_->post([to](node_state& state) { state.list_actors(to); });
}

void node::volumes(control::reply<std::vector<control::volume_row>> to) {
  parts_->post([to](node_state& state) { state.list_volumes(to); });
}

void node::create_volume(control::volume_spec what, control::reply<control::volume_row> to) {
  parts_->post([what = std::move(what), to](node_state& state) { state.create_volume(what, to); });
}

void node::delete_volume(std::string name, control::reply<control::done> to) {
  parts_->post([name = std::move(name), to](node_state& state) { state.delete_volume(name, to); });
}

void node::export_volume(std::string name, std::string listen, control::reply<control::export_place> to) {
  parts_->post([name = std::move(name), listen = std::move(listen), to](node_state& state) {
    state.export_volume(name, listen, to);
  });
}

void node::drop_cache(control::reply<control::cache_dropped> to) {
  parts_->post([to](node_state& state) { state.drop_cache(to); });
}

void node::heat(std::string volume, std::uint32_t rows_max, control::reply<control::heat_map> to) {
  parts_->post(
      [volume = std::move(volume), rows_max, to](node_state& state) { state.heat(volume, rows_max, to); });
}

void node::predictions(std::string of, control::reply<std::vector<control::prediction_row>> to) {
  parts_->post([of = std::move(of), to](node_state& state) { state.predictions(of, to); });
}

void node::file_heat(std::string volume, std::uint32_t rows_max, control::reply<control::file_heat_map> to) {
  parts_->post([volume = std::move(volume), rows_max, to](node_state& state) {
    state.file_heat(volume, rows_max, to);
  });
}

void node::why(std::string volume, std::uint64_t block, control::reply<control::why_row> to) {
  parts_->post([volume = std::move(volume), block, to](node_state& state) { state.why(volume, block, to); });
}

void node::history(std::string volume, std::uint64_t block, std::uint32_t rows_max,
                   control::reply<std::vector<control::history_row>> to) {
  parts_->post([volume = std::move(volume), block, rows_max, to](node_state& state) {
    state.history(volume, block, rows_max, to);
  });
}

void node::records(control::record_question what,
                   control::reply<std::shared_ptr<control::record_stream>> to) {
  parts_->post([what = std::move(what), to](node_state& state) { state.records(what, to); });
}

void node::last_records(control::record_question what, std::uint32_t max,
                        control::reply<control::record_batch> to) {
  parts_->post([what = std::move(what), max, to](node_state& state) { state.last_records(what, max, to); });
}

void node::graph(control::graph_question what, control::reply<provenance::graph> to) {
  parts_->post([what = std::move(what), to](node_state& state) { state.graph(what, to); });
}

void node::origins(control::record_question what, std::uint32_t max,
                   control::reply<provenance::read_origins> to) {
  parts_->post([what = std::move(what), max, to](node_state& state) { state.origins(what, max, to); });
}

void node::sums(control::sum_question what, control::reply<provenance::sum_answer> to) {
  parts_->post([what = std::move(what), to](node_state& state) { state.ask_log(what, to); });
}

void node::top(control::top_question what, control::reply<provenance::top_answer> to) {
  parts_->post([what = std::move(what), to](node_state& state) { state.ask_log(what, to); });
}

void node::arrivals(control::arrival_question what, control::reply<provenance::arrival_answer> to) {
  parts_->post([what = std::move(what), to](node_state& state) { state.ask_log(what, to); });
}

void node::sequences(control::sequence_question what, control::reply<provenance::sequence_answer> to) {
  parts_->post([what = std::move(what), to](node_state& state) { state.ask_log(what, to); });
}

void node::working_set(control::working_set_question what,
                       control::reply<provenance::working_set_answer> to) {
  parts_->post([what = std::move(what), to](node_state& state) { state.ask_log(what, to); });
}

void node::verify(std::string public_key, control::reply<control::verify_report> to) {
  parts_->post([public_key = std::move(public_key), to](node_state& state) { state.verify(public_key, to); });
}

void node::begin_run(std::string volume, std::string program, control::reply<control::run_info> to) {
  parts_->post([volume = std::move(volume), program = std::move(program), to](node_state& state) {
    state.run(volume, program, to);
  });
}

void node::end_run(std::string volume, control::reply<control::run_info> to) {
  parts_->post([volume = std::move(volume), to](node_state& state) { state.run(volume, std::nullopt, to); });
}

void node::import_records(control::import_batch what, control::reply<control::import_done> to) {
  parts_->post([what = std::make_shared<control::import_batch>(std::move(what)), to](node_state& state) {
    state.import_records(what, to);
  });
}

void node::metrics_text(control::reply<std::string> to) {
  parts_->post([to](node_state& state) {
    state.status(control::reply<control::node_status>{[&state,
                                                       to](control::answer<control::node_status> got) {
      if (const auto* failed = std::get_if<control::failure>(&got)) {
        to.fail(*failed);
        return;
      }
      state.list_volumes([&state, to, status = std::get<0>(got)](std::vector<control::volume_row> volumes) {
        state.list_actors(control::reply<std::vector<control::actor_row>>{
            [&state, to, status, volumes](control::answer<std::vector<control::actor_row>> actors) {
              to(actors::metrics_text(state.self->system(), status, volumes, std::get<0>(actors)));
            }});
      });
    }});
  });
}

} // namespace forerun::actors
