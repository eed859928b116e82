#include "actors/node/state.hpp"
#include "tests/actors/stage.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::actors;

namespace {

/// A node that has a log, and a test in the place of the actor that keeps it.
struct node_stage : actor_stage {
  node_stage() {
    on.time = std::make_shared<manual_clock>();
    on.pool = volume::pool::make(64 * block_bytes).value();
    on.workers = std::make_unique<store::blocking_pool>(1, 8);
    on.questions = std::make_unique<store::blocking_pool>(1, 8);
    on.others = others;
    log = provenance::log::open(disk, *on.time).value();
    keeper = listener({role::provenance, 0});
    node = keep({role::vm, 0}, system.spawn<node_actor::stateful_impl<node_state>>(std::ref(on)));
    scheduler.run();
  }
  ~node_stage() {
    tell(node, node_task{[](node_state& state) { state.children.stop_all(); }});
  }

  using said = std::shared_ptr<std::optional<control::answer<control::verify_report>>>;
  /// Asks for a check; what was answered, once something was.
  said verify() {
    auto answer = std::make_shared<std::optional<control::answer<control::verify_report>>>();
    control::reply<control::verify_report> to{[answer](auto what) { *answer = std::move(what); }};
    tell(node, node_task{[to = std::move(to)](node_state& state) { state.verify("", to); }});
    return answer;
  }
  static errc error_of(const auto& answer) { return std::get<control::failure>(answer->value()).code; }
  /// What the actor does with the question, up to the check's end.
  void check() {
    const auto question = last<log_query>(keeper);
    keeper->clear();
    question.work(*log);
    std::promise<void> done;
    on.workers->post([&] { done.set_value(); });
    done.get_future().wait();
  }

  using drawn = std::shared_ptr<std::optional<control::answer<provenance::graph>>>;
  /// Asks for a graph; what was answered, once something was.
  drawn graph() {
    auto answer = std::make_shared<std::optional<control::answer<provenance::graph>>>();
    control::reply<provenance::graph> to{[answer](auto what) { *answer = std::move(what); }};
    tell(node, node_task{[to = std::move(to)](node_state& state) { state.graph({}, to); }});
    return answer;
  }
  /// What the actor does with the question, up to its answer.
  void look() {
    const auto question = last<log_query>(keeper);
    keeper->clear();
    question.work(*log);
    std::promise<void> done;
    on.questions->post([&] { done.set_value(); });
    done.get_future().wait();
  }

  ground on;
  std::unique_ptr<provenance::log> log;
  heard keeper;
  node_actor node;
};

} // namespace

TEST_CASE("the log is checked once at a time, and again when the check is over or was lost") {
  node_stage stage;
  auto first = stage.verify();
  CHECK_FALSE(first->has_value());
  CHECK(node_stage::error_of(stage.verify()) == errc::overloaded);
  REQUIRE(all<log_query>(stage.keeper).size() == 1);

  // The actor ends with the question in its mailbox.
  stage.keeper->clear();
  CHECK(node_stage::error_of(first) == errc::unavailable);

  auto second = stage.verify();
  stage.check();
  CHECK(std::get<control::verify_report>(second->value()).intact);
  CHECK_FALSE(stage.verify()->has_value());
}

TEST_CASE("a check of the log can be cancelled") {
  node_stage stage;
  REQUIRE(stage.log->append({}, std::array<forerun::access, 1>{}));
  REQUIRE(stage.log->commit(provenance::durability::written));
  const auto answer = stage.verify();
  stage.tell(stage.node, node_task{[](node_state& state) { state.cancel_questions(); }});
  stage.check();
  CHECK(node_stage::error_of(answer) == errc::cancelled);
}

TEST_CASE(
    "a question about lineage is given up when its time is over, also while it waits, or the node ends") {
  node_stage stage;
  auto answer = stage.graph();
  stage.look();
  CHECK(std::get<provenance::graph>(answer->value()).nodes.size() == 1);

  answer = stage.graph();
  static_cast<manual_clock&>(*stage.on.time).advance(control::lineage_time_max + nanos{1});
  stage.look();
  CHECK(node_stage::error_of(answer) == errc::timed_out);

  answer = stage.graph();
  stage.tell(stage.node, node_task{[](node_state& state) { state.cancel_questions(); }});
  stage.look();
  CHECK(node_stage::error_of(answer) == errc::cancelled);
}
