#pragma once
#include "runtime/base/access.hpp"
#include "runtime/base/prediction.hpp"
#include "runtime/cache/policy.hpp"
#include "runtime/control/api.hpp"
#include "runtime/origin/origin.hpp"
#include "runtime/predict/history.hpp"
#include "runtime/predict/mix.hpp"
#include "runtime/prefetch/fetch_table.hpp"
#include "runtime/prefetch/ledger.hpp"
#include "runtime/prefetch/scheduler.hpp"
#include "runtime/provenance/log.hpp"
#include "runtime/provenance/subscription.hpp"
#include "runtime/volume/backstage.hpp"
#include <caf/all.hpp>
#include <memory>
#include <string>
#include <vector>

/// What actors of one node say to each other. Large values travel by reference and are never changed after
/// they were sent; none of these leaves the process.
namespace forerun::actors {

// ---- the data path to an image

/// A request needs blocks that are not local.
struct fetch_request {
  std::shared_ptr<volume::demand> what;
};

/// Somebody looks into the image and wants these blocks: they are fetched behind all demand, for
/// `expert::static_analysis`. Answered as soon as nothing of them is on its way.
struct look_request {
  std::shared_ptr<volume::demand> what;
};

/// What I/O threads answered.
struct observed {
  volume::batch_ptr batch;
};

/// A read that is about to wait: models hear of it now, and not again when its answer is observed.
struct missed {
  image_id image{};
  run_id run{};
  access what{};
};

/// The origin answered, or did not.
struct origin_answer {
  prefetch::fetch_id id{};
  std::shared_ptr<result<origin::buffer>> data;
};

/// What to move now.
struct plan_batch {
  std::vector<plan> plans;
};

/// Blocks went to a tier, or left it.
struct admitted {
  image_id image{};
  extent where{};
  bool prefetched = false;
};
struct evicted {
  std::vector<std::uint64_t> blocks;
};
/// Local blocks that are likely read again.
struct kept {
  image_id image{};
  std::vector<std::uint64_t> blocks;
};

// ---- prediction and prefetch

struct run_begun {
  volume_id volume{};
  run_id run{};
  std::string program;
  bool announced = false; ///< By `forerun run begin`: prefetch may start before the first read.
};
struct run_ended {
  image_id image{};
  run_id run{};
};

/// A piece of a run that took place elsewhere or at another time: it is learned, and nothing is moved for it.
struct imported {
  run_id run{};
  std::string program;
  std::shared_ptr<const std::vector<access>> entries;
  bool ends = false; ///< It was the last piece.
};

/// What the image's own files say of a run; replaces what was said before.
struct foreseen {
  std::shared_ptr<const std::vector<prediction>> ranked;
};

/// A new order of what a run will read; replaces the run's former one.
struct forecast_made {
  image_id image{};
  std::shared_ptr<const forecast> what;
};

/// Predictions beside the forecast.
struct predicted {
  image_id image{};
  std::vector<prediction> what;
};

/// What left for the origin, and how it ended: the scheduler counts what is in flight and measures the link
/// by it.
struct demand_sent {
  image_id image{};
  std::uint64_t bytes = 0;
};
struct demand_done {
  image_id image{};
  std::uint64_t bytes = 0;
  bool ok = false;
  instant sent_at{};
};
struct plan_done {
  image_id image{};
  extent planned{};
  std::uint64_t bytes = 0;
  instant sent_at{};
};
/// The local disk has no room for what is fetched: prefetch pauses, reads go on.
struct storage_full {
  image_id image{};
};
/// The image's actor was restarted: nothing is on its way any more.
struct fetches_forgotten {
  image_id image{};
};

/// Blocks were needed: an expert is trusted as far as it has proved itself, so this is told at once.
struct proved {
  image_id image{};
  std::vector<std::pair<reason, std::uint32_t>> used; ///< Blocks, by why they had been moved.
  std::uint32_t missed_blocks = 0;                    ///< Fetched on demand, predicted by nobody.
};

/// How prefetch fared in the last period, for the feedback.
struct settled {
  image_id image{};
  prefetch::feedback fared;
};

/// What the path to an image's origin was measured to do.
struct link_measured {
  predict::link_figures link;
};

struct prefetch_figures {
  image_id image{};
  prefetch::scheduler_figures figures;
};

/// Asks for figures of equal regions of a volume, in order.
struct regions {
  std::uint64_t blocks_each = 1;
  std::size_t count = 0; ///< At most `control::heat_rows_max`.
};
/// Every block that is expected at all, in no useful order, and how likely a run will read it.
struct block_chances {
  std::shared_ptr<const std::vector<std::pair<std::uint64_t, float>>> values;
};
/// Mean probability of a region's blocks to be read in a run.
struct region_chances {
  std::vector<float> values;
};
/// Distinct blocks of a region that were read.
struct region_reads {
  std::vector<std::uint64_t> values;
};

// ---- provenance

/// Who is behind a volume.
struct identity {
  volume_id volume{};
  std::string vm;
  std::string program;
  std::string user;
  run_id run{};
  bool strict = false; ///< Of the volume: no record of it may be lost.
};

/// What was done, and who did it. Senders bound what they have under way: letting go of `entries` makes room.
struct record_batch {
  std::shared_ptr<const provenance::context> who;
  std::shared_ptr<const std::vector<access>> entries;
  std::vector<std::string> values; ///< One for each entry, or none at all.
  bool strict = false;             ///< Kept until it is on stable storage.
  std::uint64_t left_out = 0;      ///< Others, for which their sender had no room.
};

/// Work on the log, done on the thread of the actor that owns it.
struct log_query {
  std::function<void(provenance::log&)> work;
};

/// Asks to be told of the log's records; answered with `subscribed`. A subscription ends with `who`, or with
/// the batch that says so.
struct subscribe {
  caf::actor who;            ///< Understands `records_told`.
  provenance::filter wanted; ///< From `control::position_newest` on: what comes after this message.
  provenance::pace how = provenance::pace::live;
  bool follow = true; ///< Otherwise it ends where the log ends now.
};

struct subscribed {
  std::uint64_t subscription = 0;
  std::uint64_t position = 0; ///< The first one that will be told of.
};

/// So many more batches may be sent, of at most `rows_max` rows from now on.
struct grant {
  std::uint64_t subscription = 0;
  std::uint32_t batches = 1;
  std::size_t rows_max = provenance::batch_rows_max;
};

/// What a subscriber granted credit for; takes one batch of it.
struct records_told {
  std::uint64_t subscription = 0;
  std::shared_ptr<const provenance::batch>
      what; ///< Null: the log cannot be read, and the subscription ended.
};

/// A worker looked into the log for a subscription.
struct records_pulled {
  std::uint64_t subscription = 0;
  std::shared_ptr<result<std::optional<provenance::batch>>> what;
};

/// The next batch of a stream of the control socket.
struct next_records {
  std::uint32_t max = 0;
  control::reply<control::record_batch> to;
};

// ---- the node

struct node_state;

/// Work for the node's actor, done on its thread.
struct node_task {
  std::function<void(node_state&)> work;
};

// ---- figures

struct image_figures {
  prefetch::ledger_totals prefetched;
  std::uint64_t demand_blocks = 0; ///< Fetched because a read waited.
  std::uint64_t origin_bytes = 0;
  std::uint64_t origin_errors = 0;
  std::size_t waiting = 0;
};

struct predictor_figures {
  predict::history_figures history;
  predict::mix_figures mix;
  nanos learning{0}; ///< Time that learning the last run took.
  predict::mix_scores mixed{0};
  predict::scores ranked; ///< Of the history's forecasts.
};

struct volume_figures {
  run_id run{};
  std::string program;
  std::uint32_t connections = 0;
  std::uint64_t reads = 0, writes = 0, removes = 0, failed = 0;
  std::uint64_t hits = 0, late = 0, misses = 0;
  std::uint64_t first_use_blocks = 0;
  nanos stalled{0};
  std::uint64_t distinct_blocks = 0;
};

} // namespace forerun::actors

// clang-format off
CAF_BEGIN_TYPE_ID_BLOCK(forerun, caf::first_custom_type_id)
CAF_ADD_TYPE_ID(forerun, (forerun::actors::fetch_request))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::look_request))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::observed))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::missed))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::origin_answer))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::plan_batch))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::admitted))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::evicted))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::link_measured))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::kept))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::run_begun))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::run_ended))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::imported))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::foreseen))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::forecast_made))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::predicted))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::demand_sent))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::demand_done))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::plan_done))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::fetches_forgotten))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::storage_full))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::proved))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::settled))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::record_batch))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::region_reads))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::region_chances))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::block_chances))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::regions))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::log_query))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::subscribe))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::subscribed))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::grant))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::records_told))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::records_pulled))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::next_records))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::node_task))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::image_figures))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::volume_figures))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::prefetch_figures))
CAF_ADD_TYPE_ID(forerun, (forerun::actors::predictor_figures))
CAF_ADD_TYPE_ID(forerun, (std::vector<forerun::actors::prefetch_figures>))
CAF_ADD_TYPE_ID(forerun, (forerun::prefetch::ledger_entry))
CAF_ADD_TYPE_ID(forerun, (forerun::control::provenance_status))
CAF_ADD_TYPE_ID(forerun, (forerun::run_id))
CAF_ADD_ATOM(forerun, forerun::actors, tick_atom)
CAF_ADD_ATOM(forerun, forerun::actors, news_atom)
CAF_ADD_ATOM(forerun, forerun::actors, why_atom)
CAF_ADD_ATOM(forerun, forerun::actors, chances_atom)
CAF_ADD_ATOM(forerun, forerun::actors, drop_atom)
CAF_ADD_ATOM(forerun, forerun::actors, attach_atom)
CAF_ADD_ATOM(forerun, forerun::actors, detach_atom)
CAF_ADD_ATOM(forerun, forerun::actors, begin_atom)
CAF_ADD_ATOM(forerun, forerun::actors, end_atom)
CAF_ADD_ATOM(forerun, forerun::actors, save_atom)
CAF_ADD_ATOM(forerun, forerun::actors, sync_atom)
CAF_ADD_ATOM(forerun, forerun::actors, record_atom)
CAF_ADD_ATOM(forerun, forerun::actors, retain_atom)
CAF_ADD_ATOM(forerun, forerun::actors, anchor_atom)
CAF_END_TYPE_ID_BLOCK(forerun)
// clang-format on

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::fetch_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::look_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::observed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::missed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::origin_answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::plan_batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::admitted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::evicted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::link_measured)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::kept)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::run_begun)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::run_ended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::imported)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::foreseen)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::forecast_made)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::predicted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::demand_sent)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::demand_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::plan_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::fetches_forgotten)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::storage_full)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::proved)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::settled)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::regions)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::region_chances)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::block_chances)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::region_reads)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::record_batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::log_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::subscribe)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::subscribed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::grant)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::records_told)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::records_pulled)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::next_records)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::node_task)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::image_figures)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::volume_figures)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::prefetch_figures)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::actors::predictor_figures)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<forerun::actors::prefetch_figures>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::prefetch::ledger_entry)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::control::provenance_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(forerun::run_id)
