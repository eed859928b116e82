#pragma once
#include "runtime/control/server.hpp"
#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>
#include <thread>

/// A node that is none: it answers from a thread of its own, as actors do, with figures that a test can know.
namespace forerun::control {

class fake_node final : public control_api {
public:
  fake_node() : worker_([this] { work(); }) {}
  ~fake_node() override {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    wake_.notify_one();
    worker_.join();
  }

  void status(reply<node_status> to) override {
    later([to] {
      to({.version = "0.1.0",
          .uptime = std::chrono::seconds{200},
          .data_dir = "/state",
          .pool_used_bytes = 32u << 20,
          .pool_limit_bytes = 64u << 20,
          .disk_used_bytes = 1u << 30,
          .disk_limit_bytes = 10ull << 30,
          .overlay_bytes = 4096,
          .volumes = 1,
          .connections = 2,
          .prefetch = {.enabled = true,
                       .queue_depth = 7,
                       .in_flight_bytes = 1u << 20,
                       .window_bytes = 2u << 20,
                       .bandwidth_bytes_second = 125'000'000,
                       .delay = std::chrono::milliseconds{10},
                       .threshold = 0.25},
          .provenance = {.enabled = true,
                         .strict = true,
                         .records = 12,
                         .bytes = 4096,
                         .dropped = 1,
                         .head_hash = "ab12",
                         .public_key = "c0de"},
          .metrics_url = "",
          .nbd_addresses = {"unix:/state/nbd.sock"}});
    });
  }
  void actors(reply<std::vector<actor_row>> to) override {
    later([to] {
      to({{.name = "forerun.volume",
           .id = 12,
           .state = "running",
           .restarts = 1,
           .mailbox = 3,
           .processed = 400,
           .last_error = "io failed"}});
    });
  }
  void volumes(reply<std::vector<volume_row>> to) override {
    later([to, this] { to({row("debian")}); });
  }
  void create_volume(volume_spec what, reply<volume_row> to) override {
    later([this, what, to] {
      if (what.name == "debian") {
        to.fail(errc::exists, "there is a volume named debian", "delete it, or choose another name");
        return;
      }
      created = what;
      auto made = row(what.name);
      made.image = what.image;
      made.bytes = what.bytes.value_or(1u << 30);
      to(made);
    });
  }
  void delete_volume(std::string name, reply<done> to) override {
    if (known(name, to))
      later([to] { to(done{}); });
  }
  void export_volume(std::string name, std::string listen, reply<export_place> to) override {
    if (known(name, to))
      later([=] {
        export_place place{name, {"unix:/state/nbd.sock"}, {"nbd+unix:///debian?socket=/state/nbd.sock"}};
        if (!listen.empty())
          place.addresses.push_back(listen);
        to(place);
      });
  }
  void drop_cache(reply<cache_dropped> to) override {
    later([to] { to({.pool_bytes = 1u << 20, .disk_bytes = 2u << 20}); });
  }
  void heat(std::string volume, std::uint32_t rows_max, reply<heat_map> to) override {
    if (known(volume, to))
      later([=] {
        heat_map map{volume, 262144, {}};
        for (std::uint32_t i = 0; i < rows_max; ++i)
          map.rows.push_back({i * 64ull, 64, 0.5, 0.25, i});
        to(map);
      });
  }
  void predictions(std::string of, reply<std::vector<prediction_row>> to) override {
    if (of.empty() || known(of, to))
      later([=] {
        to({{.image = "http://images/debian.raw",
             .source = "together",
             .proposed = 1000,
             .came_true = 600,
             .moved = 500,
             .used = 450,
             .error = 0.0125,
             .error_moved = 0.02,
             .brier = 0.11,
             .log_loss = 0.35,
             .judged = true,
             .drifts = 2,
             .bins = {{0.1, 0.2, 400}, {0.9, 0.85, 600}}},
            {.image = "http://images/debian.raw", .source = "first boot", .proposed = 70, .moved = 70}});
      });
  }
  void file_heat(std::string volume, std::uint32_t rows_max, reply<file_heat_map> to) override {
    if (known(volume, to))
      later([=] {
        file_heat_map map{volume, 14434, {}};
        for (std::uint32_t i = 0; i < rows_max; ++i)
          map.rows.push_back({"/usr/bin/" + std::to_string(i), 5000, 2, 0.5, 0.25});
        to(map);
      });
  }
  void why(std::string volume, std::uint64_t block, reply<why_row> to) override {
    if (known(volume, to))
      later([=] {
        to({.volume = volume,
            .block = block,
            .place = block_place::memory,
            .settled = settlement::hit,
            .by = expert::history,
            .detail = "run group 3",
            .tier = prefetch_tier::critical,
            .probability = 0.97,
            .planned_ago = std::chrono::seconds{5},
            .expected_after = std::chrono::milliseconds{40},
            .read_after = std::chrono::milliseconds{38}});
      });
  }
  void history(std::string volume, std::uint64_t block, std::uint32_t rows_max,
               reply<std::vector<history_row>> to) override {
    if (known(volume, to))
      later([=] {
        to(std::vector<history_row>(rows_max, {.at = {1'700'000'000'123'456'789},
                                               .vm = "vm-1",
                                               .program = "gcc",
                                               .user = "alice",
                                               .run = 9,
                                               .op = operation::write,
                                               .first_block = block,
                                               .block_count = 2,
                                               .bytes = 8192,
                                               .how = outcome::none,
                                               .latency = std::chrono::microseconds{12},
                                               .digest = "00ff",
                                               .position = 4096}));
      });
  }
  void records(record_question what, reply<std::shared_ptr<record_stream>> to) override {
    later([this, what, to] {
      asked = what;
      if (what.volume.empty() || known(what.volume, to))
        to(std::make_shared<fake_stream>(*this));
    });
  }
  void last_records(record_question what, std::uint32_t max, reply<record_batch> to) override {
    later([this, what, max, to] {
      asked = what;
      auto batch = batches.empty() ? record_batch{} : batches.front();
      batch.rows.resize(std::min<std::size_t>(batch.rows.size(), max));
      to(std::move(batch));
    });
  }
  void graph(graph_question what, reply<provenance::graph> to) override {
    later([this, what, to] {
      asked_graph = what;
      if (what.of.volume.empty() || known(what.of.volume, to))
        to(drawn);
    });
  }
  void origins(record_question what, std::uint32_t max, reply<provenance::read_origins> to) override {
    later([this, what, max, to] {
      asked = what;
      asked_reads = max;
      to(met);
    });
  }
  void sums(sum_question what, reply<provenance::sum_answer> to) override { tell(what, told.sums, to); }
  void top(top_question what, reply<provenance::top_answer> to) override { tell(what, told.top, to); }
  void arrivals(arrival_question what, reply<provenance::arrival_answer> to) override {
    tell(what, told.arrivals, to);
  }
  void sequences(sequence_question what, reply<provenance::sequence_answer> to) override {
    tell(what, told.sequences, to);
  }
  void working_set(working_set_question what, reply<provenance::working_set_answer> to) override {
    tell(what, told.working_set, to);
  }
  void verify(std::string public_key, reply<verify_report> to) override {
    later([to, this, public_key] {
      to({.intact = intact,
          .segments = 2,
          .blocks = 20,
          .records = 2000,
          .head_hash = "ab12",
          .damage = intact ? "" : "segment 1, offset 4096: the hash does not hold",
          .dropped_segments = 4,
          .dropped_damaged = 1,
          .dropped_records = 5000,
          .dropped_bytes = 1u << 20,
          .dropped_until = {1'700'000'000'000'000'000},
          .anchors = 3,
          .last_anchor = {1'700'000'600'000'000'000},
          .public_key = public_key.empty() ? "c0de" : public_key});
    });
  }
  void begin_run(std::string volume, std::string program, reply<run_info> to) override {
    if (known(volume, to))
      later([=] { to({volume, program.empty() ? "gcc" : program, 10}); });
  }
  void end_run(std::string volume, reply<run_info> to) override {
    if (known(volume, to))
      later([=] { to({volume, "gcc", 10}); });
  }
  void import_records(import_batch what, reply<import_done> to) override {
    if (!what.volume.empty() && !known(what.volume, to))
      return;
    later([this, what = std::move(what), to] {
      if (overloads > 0) {
        --overloads;
        to.fail(errc::overloaded, "the log has no room", "try again later");
        return;
      }
      imported.push_back(what);
      to({.run = 77, .records = what.entries.size(), .left_out = 0, .learns = !what.volume.empty()});
    });
  }
  void metrics_text(reply<std::string> to) override {
    later([to] { to("forerun_reads_total 5\n"); });
  }

  volume_spec created; ///< What was last asked for.
  std::vector<import_batch> imported;
  int overloads = 0;                 ///< So many batches are refused first.
  record_question asked;             ///< The same.
  graph_question asked_graph;        ///< The same.
  std::uint32_t asked_reads = 0;     ///< The same.
  provenance::graph drawn;           ///< What it answers.
  provenance::read_origins met;      ///< The same.
  std::vector<record_batch> batches; ///< What a stream tells; then it is silent, or has ended.
  std::atomic<int> streams = 0;      ///< Alive.
  /// Questions about many records: what was last asked for, and what is answered.
  std::variant<sum_question, top_question, arrival_question, sequence_question, working_set_question> many;
  struct {
    provenance::sum_answer sums;
    provenance::top_answer top;
    provenance::arrival_answer arrivals;
    provenance::sequence_answer sequences;
    provenance::working_set_answer working_set;
  } told;
  bool intact = true;
  bool silent = false;  ///< Keeps every reply and answers none.
  bool forgets = false; ///< Drops every reply unanswered.

private:
  class fake_stream final : public record_stream {
  public:
    explicit fake_stream(fake_node& of) : node_(of) { ++node_.streams; }
    ~fake_stream() override { --node_.streams; }
    void next(std::uint32_t max, reply<record_batch> to) override {
      node_.later([&node = node_, at = at_, max, to] { // The stream may be dropped by then.
        if (at->next == node.batches.size()) {
          at->kept = to;
          return;
        }
        auto batch = node.batches[at->next++];
        batch.rows.resize(std::min<std::size_t>(batch.rows.size(), max));
        to(std::move(batch));
      });
    }

  private:
    struct place {
      std::size_t next = 0;
      reply<record_batch> kept;
    };
    fake_node& node_;
    std::shared_ptr<place> at_ = std::make_shared<place>();
  };

  template <class Question, class Answer>
  void tell(const Question& what, const Answer& answer, const reply<Answer>& to) {
    if (what.volume.empty() || known(what.volume, to))
      later([this, what, &answer, to] {
        many = what;
        to(answer);
      });
  }
  template <class T> bool known(const std::string& name, const reply<T>& to) {
    if (name != "debian")
      to.fail(errc::not_found, "there is no volume named " + name, "`forerun volume list` names them");
    return name == "debian";
  }
  static volume_row row(const std::string& name) {
    return {.name = name,
            .bytes = 1u << 30,
            .image = "file:/images/debian.img",
            .program = "gcc",
            .user = "alice",
            .read_only = false,
            .connections = 1,
            .run = 9,
            .overlay_bytes = 8192,
            .addresses = {"unix:/state/nbd.sock"},
            .counters = {.reads = 100,
                         .writes = 4,
                         .hits = 90,
                         .late = 4,
                         .misses = 6,
                         .prefetched_blocks = 1000,
                         .used_blocks = 950,
                         .waste_blocks = 50,
                         .stall_seconds = 1.25,
                         .origin_bytes = 5u << 20,
                         .distinct_read_bytes = 4u << 20,
                         .accuracy = 0.95,
                         .coverage = 0.94},
            .audit = audit_policy::relaxed};
  }
  template <class Task> void later(Task task) {
    {
      const std::lock_guard lock(mutex_);
      if (forgets)
        return;
      if (silent)
        kept_.push_back(std::move(task));
      else
        tasks_.push_back(std::move(task));
    }
    wake_.notify_one();
  }
  void work() {
    std::unique_lock lock(mutex_);
    while (!ended_ || !tasks_.empty()) {
      wake_.wait(lock, [this] { return ended_ || !tasks_.empty(); });
      while (!tasks_.empty()) {
        const auto task = std::move(tasks_.front());
        tasks_.pop_front();
        lock.unlock();
        task();
        lock.lock();
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  std::deque<std::function<void()>> kept_;
  bool ended_ = false;
  std::thread worker_;
};

/// A folder that goes away, with a path short enough for sockets.
class scratch_folder {
public:
  scratch_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "forerun-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      throw std::runtime_error("no scratch folder");
    path_ = name;
  }
  ~scratch_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

private:
  std::string path_;
};

/// A fake node that is served on a socket of its own.
struct served_node {
  explicit served_node(std::string metrics = "") {
    auto started = control_server::start({folder / "control.sock", std::move(metrics), {}}, node);
    if (auto* why = std::get_if<1>(&started))
      throw std::runtime_error(why->what);
    server = std::move(std::get<0>(started));
  }
  std::string socket() const { return folder / "control.sock"; }

  scratch_folder folder;
  fake_node node;
  std::unique_ptr<control_server> server;
};

} // namespace forerun::control
