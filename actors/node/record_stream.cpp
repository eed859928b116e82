#include "actors/node/record_stream.hpp"
#include "actors/common/errors.hpp"
#include <algorithm>

namespace forerun::actors {

namespace {

constexpr auto subscribe_max = std::chrono::seconds{5};

class stream_of_actor final : public control::record_stream {
public:
  explicit stream_of_actor(record_stream_actor who) : who_(std::move(who)) {}
  ~stream_of_actor() override { caf::anon_send_exit(who_, caf::exit_reason::user_shutdown); }
  void next(std::uint32_t max, control::reply<control::record_batch> to) override {
    caf::anon_send(who_, next_records{max, std::move(to)});
  }

private:
  record_stream_actor who_;
};

/// A batch that is handed out in pieces.
class held_batch {
public:
  explicit held_batch(std::shared_ptr<const provenance::batch> what) : what_(std::move(what)) {}

  /// The next so many rows.
  provenance::batch take(std::size_t max) {
    const auto& rows = what_->rows;
    const auto count = std::min(max, rows.size() - at_);
    provenance::batch part;
    part.rows.assign(rows.begin() + static_cast<std::ptrdiff_t>(at_),
                     rows.begin() + static_cast<std::ptrdiff_t>(at_ + count));
    part.missed = at_ == 0 ? what_->missed : 0;
    at_ += count;
    part.next_position = empty() ? what_->next_position : rows[at_].what.position;
    part.ended = empty() && what_->ended;
    return part;
  }
  bool empty() const { return at_ == what_->rows.size(); }

private:
  std::shared_ptr<const provenance::batch> what_;
  std::size_t at_ = 0;
};

struct stream_state {
  static inline const char* name = "forerun.stream";

  stream_state(record_stream_actor::pointer me, provenance_actor from, subscribe wanted,
               control::reply<std::shared_ptr<control::record_stream>> to)
      : self(me), log(std::move(from)), what(std::move(wanted)), opened(std::move(to)) {}

  record_stream_actor::behavior_type make_behavior() {
    // A log actor that is made anew knows no subscriptions: whoever waits here is told when this one ends.
    self->set_down_handler([this](const caf::down_msg&) { self->quit(); });
    self->monitor(log);
    auto mine = what;
    mine.who = caf::actor_cast<caf::actor>(self);
    self->request(log, subscribe_max, std::move(mine))
        .then(
            [this](const subscribed& done) {
              subscription = done.subscription;
              position = done.position;
              opened(std::make_shared<stream_of_actor>(caf::actor_cast<record_stream_actor>(self)));
              opened = {};
            },
            [this](const caf::error& problem) {
              opened.fail(code_of(problem), "the log's records cannot be streamed now",
                          "try again later, or end other streams");
              self->quit();
            });
    return {
        [this](const next_records& next) { ask(next); },
        [this](const records_told& told) {
          granted = false;
          if (!told.what) {
            if (waiting)
              waiting->fail(errc::io_failed, "the log cannot be read", "see the node's log");
            self->quit();
            return;
          }
          held.emplace(told.what);
          answer();
        },
        [this](tick_atom, std::uint64_t call) {
          if (waiting && call == calls)
            give({.rows = {}, .next_position = position, .ended = ended});
        },
    };
  }

  void ask(const next_records& next) {
    if (waiting) {
      next.to.fail(errc::busy);
      return;
    }
    waiting = next.to;
    max = std::clamp<std::size_t>(next.max, 1, control::record_rows_max);
    ++calls;
    if (held) {
      answer();
    } else if (ended) {
      give({.rows = {}, .next_position = position, .ended = true});
    } else {
      allow();
      if (what.follow)
        self->delayed_send(self, control::record_wait, tick_atom_v, calls);
    }
  }

  /// What came, if somebody waits for it; what is more than was asked for is kept. When all of it is given,
  /// the log may be looked at for the next ones while the tool uses these.
  void answer() {
    if (!waiting)
      return;
    auto part = held->take(max);
    position = part.next_position;
    ended = part.ended;
    if (held->empty()) {
      held.reset();
      if (!ended)
        allow();
    }
    give(std::move(part));
  }

  void allow() {
    if (!std::exchange(granted, true))
      self->send(log, grant{subscription, 1, provenance::batch_rows_max});
  }

  void give(provenance::batch what_came) {
    std::exchange(waiting, std::nullopt).value()(std::move(what_came));
  }

  record_stream_actor::pointer self;
  provenance_actor log;
  subscribe what;
  control::reply<std::shared_ptr<control::record_stream>> opened;
  std::uint64_t subscription = 0;
  std::optional<control::reply<control::record_batch>> waiting;
  std::size_t max = 1;
  std::uint64_t calls = 0;
  bool granted = false;
  std::optional<held_batch> held; ///< At most one: it is granted one at a time.
  std::uint64_t position = 0;
  bool ended = false;
};

} // namespace

void open_record_stream(caf::actor_system& system, const provenance_actor& log, subscribe what,
                        control::reply<std::shared_ptr<control::record_stream>> to) {
  system.spawn<record_stream_actor::stateful_impl<stream_state>>(log, std::move(what), std::move(to));
}

} // namespace forerun::actors
