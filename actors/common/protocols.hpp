#pragma once
#include "actors/common/directory.hpp"
#include "actors/common/messages.hpp"

/// Who understands what. One typed handle for each role; the rooms beside say how each is made.
namespace forerun::actors {

using image_actor = caf::typed_actor<
    caf::result<void>(fetch_request), caf::result<void>(look_request), caf::result<void>(observed),
    caf::result<void>(origin_answer), caf::result<void>(plan_batch), caf::result<void>(evicted),
    caf::result<void>(record_atom), caf::result<void>(tick_atom), caf::result<image_figures>(caf::get_atom),
    caf::result<prefetch::ledger_entry>(why_atom, std::uint64_t)>;

using tier_actor =
    caf::typed_actor<caf::result<void>(admitted), caf::result<void>(observed), caf::result<void>(kept),
                     caf::result<void>(record_atom), caf::result<std::uint64_t>(drop_atom)>;

using vm_actor =
    caf::typed_actor<caf::result<void>(run_begun), caf::result<void>(run_ended), caf::result<void>(observed),
                     caf::result<volume_figures>(caf::get_atom), caf::result<region_reads>(regions)>;

using volume_actor =
    caf::typed_actor<caf::result<void>(attach_atom), caf::result<void>(detach_atom),
                     caf::result<run_id>(begin_atom, std::string), caf::result<run_id>(end_atom),
                     caf::result<std::uint32_t>(caf::get_atom)>;

using provenance_actor = caf::typed_actor<
    caf::result<void>(record_batch), caf::result<void>(tick_atom), caf::result<void>(sync_atom),
    caf::result<void>(retain_atom), caf::result<void>(anchor_atom), caf::result<void>(log_query),
    caf::result<control::provenance_status>(caf::get_atom), caf::result<subscribed>(subscribe),
    caf::result<void>(grant), caf::result<void>(records_pulled), caf::result<void>(news_atom)>;

/// A stream of the control socket: a subscriber that asks for one batch at a time.
using record_stream_actor = caf::typed_actor<caf::result<void>(next_records), caf::result<void>(records_told),
                                             caf::result<void>(tick_atom, std::uint64_t)>;

using predictor_actor =
    caf::typed_actor<caf::result<void>(run_begun), caf::result<void>(run_ended), caf::result<void>(missed),
                     caf::result<void>(observed), caf::result<void>(evicted),
                     caf::result<void>(link_measured), caf::result<void>(save_atom),
                     caf::result<void>(foreseen), caf::result<bool>(imported),
                     caf::result<predictor_figures>(caf::get_atom), caf::result<block_chances>(chances_atom),
                     caf::result<region_chances>(regions)>;

using prefetcher_actor =
    caf::typed_actor<caf::result<void>(forecast_made), caf::result<void>(predicted),
                     caf::result<void>(observed), caf::result<void>(missed), caf::result<void>(demand_sent),
                     caf::result<void>(demand_done), caf::result<void>(plan_done),
                     caf::result<void>(fetches_forgotten), caf::result<void>(storage_full),
                     caf::result<void>(proved), caf::result<void>(settled), caf::result<void>(run_ended),
                     caf::result<void>(tick_atom), caf::result<std::vector<prefetch_figures>>(caf::get_atom)>;

} // namespace forerun::actors
