#include "actors/node/loads.hpp"
#include "actors/node/state.hpp"
#include "actors/tier/tier.hpp"
#include "runtime/anatomy/boot.hpp"
#include <fmt/format.h>

namespace forerun::actors {

namespace {

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

control::settlement shown(prefetch::settlement state) {
  switch (state) {
  case prefetch::settlement::pending:
    return control::settlement::pending;
  case prefetch::settlement::hit:
    return control::settlement::hit;
  case prefetch::settlement::late:
    return control::settlement::late;
  case prefetch::settlement::evicted:
    return control::settlement::evicted;
  case prefetch::settlement::overwritten:
    return control::settlement::overwritten;
  case prefetch::settlement::overdue:
    return control::settlement::overdue;
  case prefetch::settlement::failed:
    return control::settlement::failed;
  }
  return control::settlement::never_prefetched;
}

std::string described(const reason& why) {
  switch (why.by) {
  case expert::history:
    return fmt::format("earlier runs, group {}", why.detail);
  case expert::stream:
    return "a sequential or strided stream";
  case expert::association:
    return "it followed such a read before";
  case expert::neighbourhood:
    return "it lies near what was read";
  case expert::hint:
    return "the client asked for it";
  case expert::static_analysis:
    return why.tier == prefetch_tier::background
               ? std::string{"it was read to learn what the image holds"}
               : fmt::format("the image's files: {}", anatomy::to_string(static_cast<anatomy::boot_reason>(
                                                          std::min(why.detail, anatomy::boot_reasons - 1))));
  case expert::none:
    break;
  }
  return "";
}

control::verify_report report_of(const provenance::verification& found) {
  control::verify_report report;
  report.intact = !found.first_fault;
  report.segments = found.segments;
  report.blocks = found.blocks;
  report.records = found.records;
  report.head_hash = hex(found.head);
  if (const auto& fault = found.first_fault)
    report.damage = to_string(*fault);
  if (const auto& dropped = found.dropped) {
    report.dropped_segments = dropped->segments;
    report.dropped_damaged = dropped->damaged;
    report.dropped_records = dropped->records;
    report.dropped_bytes = dropped->bytes;
    report.dropped_until = dropped->last;
  }
  report.anchors = found.anchors;
  report.last_anchor = found.last_anchor.value_or(wall_time{});
  if (found.key)
    report.public_key = hex(*found.key);
  return report;
}

control::block_place place_of(const volume::image_plane* image, const store::overlay& overlay,
                              std::uint64_t block) {
  if (overlay.state(block) == store::block_state::data)
    return control::block_place::overlay;
  if (overlay.state(block) == store::block_state::zero || image == nullptr || block >= image->blocks())
    return control::block_place::zero;
  const auto word = image->map.at(block);
  if (word.slot())
    return control::block_place::memory;
  if (image->disk->present(block))
    return control::block_place::disk;
  return word.in_flight() ? control::block_place::in_flight : control::block_place::absent;
}

/// Collects answers that come one by one, and goes on when the last is there.
template <class T> struct gathering {
  explicit gathering(std::size_t expected, std::function<void(T)> then)
      : left(expected), done(std::move(then)) {}
  T all{};
  std::size_t left;
  std::function<void(T)> done;
  void one() {
    if (--left == 0)
      done(std::move(all));
  }
};

} // namespace

void node_state::list_volumes(std::function<void(std::vector<control::volume_row>)> then) {
  using rows = std::vector<control::volume_row>;
  if (volumes.empty()) {
    then({});
    return;
  }
  auto gather = std::make_shared<gathering<rows>>(volumes.size() * 3, std::move(then));
  gather->all.resize(volumes.size());
  std::size_t at = 0;
  for (const auto& [name_, volume] : volumes) {
    const auto row_number = at++;
    auto& row = gather->all[row_number];
    row.name = name_;
    row.bytes = volume.entry.bytes;
    row.image = volume.image_url;
    row.program = volume.entry.program;
    row.user = on.user;
    row.read_only = volume.entry.read_only;
    row.audit = audit_of(on, volume.entry);
    row.overlay_bytes = volume.device->overlay().data_bytes();
    row.addresses = addresses;
    row.addresses.insert(row.addresses.end(), volume.addresses.begin(), volume.addresses.end());
    ask<volume_figures, vm_actor>(
        {role::vm, volume.entry.id.value},
        [gather, row_number](result<volume_figures> got) {
          if (got) {
            const auto& figures = got.value();
            auto& to = gather->all[row_number];
            to.run = figures.run.value;
            to.program = figures.program;
            auto& counters = to.counters;
            counters.reads = figures.reads;
            counters.writes = figures.writes;
            counters.hits = figures.hits;
            counters.late = figures.late;
            counters.misses = figures.misses;
            counters.stall_seconds = std::chrono::duration<double>(figures.stalled).count();
            counters.distinct_read_bytes = figures.distinct_blocks * block_bytes;
          }
          gather->one();
        },
        caf::get_atom_v);
    ask<std::uint32_t, volume_actor>(
        {role::volume, volume.entry.id.value},
        [gather, row_number](result<std::uint32_t> clients) {
          gather->all[row_number].connections = clients ? clients.value() : 0;
          gather->one();
        },
        caf::get_atom_v);
    ask<image_figures, image_actor>(
        {role::image, volume.entry.image.value},
        [gather, row_number](result<image_figures> got) {
          if (got) {
            const auto& totals = got.value().prefetched;
            auto& counters = gather->all[row_number].counters;
            const auto used = totals.hit + totals.late;
            counters.prefetched_blocks = totals.prefetched;
            counters.used_blocks = used;
            counters.waste_blocks = totals.waste;
            counters.missed_blocks = got.value().demand_blocks;
            counters.origin_bytes = got.value().origin_bytes;
            counters.accuracy = share(used, totals.prefetched);
            counters.coverage = share(used, used + got.value().demand_blocks);
          }
          gather->one();
        },
        caf::get_atom_v);
  }
}

void node_state::status(const control::reply<control::node_status>& to) {
  control::node_status now_;
  now_.version = FORERUN_VERSION;
  now_.uptime = on.time->now() - started;
  now_.data_dir = on.config.data_dir;
  now_.pool_limit_bytes = on.config.memory.pool_bytes;
  now_.pool_used_bytes = std::uint64_t{on.pool->slots() - on.pool->available(on.epochs)} * block_bytes;
  now_.disk_limit_bytes = on.config.disk.cache_bytes;
  for (const auto& [id, image] : images)
    now_.disk_used_bytes += image.plane->disk->bytes();
  for (const auto& [name_, volume] : volumes)
    now_.overlay_bytes += volume.device->overlay().data_bytes();
  now_.volumes = static_cast<std::uint32_t>(volumes.size() + unopened.size());
  now_.connections = static_cast<std::uint32_t>(on.server->count().connections_open);
  now_.nbd_addresses = addresses;
  now_.prefetch.enabled = on.config.prefetch.enabled;
  now_.provenance.enabled = on.config.provenance.enabled;
  ask<std::vector<prefetch_figures>, prefetcher_actor>(
      {role::prefetcher, 0},
      [this, to, now_](result<std::vector<prefetch_figures>> got) mutable {
        if (got)
          for (const auto& [image, figures] : got.value()) {
            now_.prefetch.queue_depth += figures.queue_depth + figures.forecast_depth;
            now_.prefetch.in_flight_bytes += figures.in_flight_bytes;
            now_.prefetch.window_bytes += figures.window_bytes;
            now_.prefetch.bandwidth_bytes_second =
                std::max(now_.prefetch.bandwidth_bytes_second, static_cast<std::uint64_t>(figures.bandwidth));
            now_.prefetch.delay = std::max(now_.prefetch.delay, figures.delay);
            now_.prefetch.threshold = static_cast<double>(figures.threshold);
          }
        ask<control::provenance_status, provenance_actor>(
            {role::provenance, 0},
            [this, to, now_](result<control::provenance_status> status) mutable {
              if (status) {
                now_.provenance = status.value();
                for (const auto& [name_, volume] : volumes)
                  now_.provenance.dropped += volume.device->dropped();
              }
              to(now_);
            },
            caf::get_atom_v);
      },
      caf::get_atom_v);
}

void node_state::list_actors(const control::reply<std::vector<control::actor_row>>& to) {
  std::vector<control::actor_row> rows;
  const auto loads = actor_loads(self->system());
  for (const auto& [where, child] : children.children()) {
    control::actor_row row;
    row.name = child.name;
    row.id = child.running ? child.who->id() : 0;
    row.state = child.running ? "running" : "restarting";
    row.restarts = child.restarts;
    row.last_error = child.last_error;
    // CAF counts by kind: actors of one kind show the same figures.
    if (const auto load = loads.find(child.name.substr(0, child.name.find(' '))); load != loads.end()) {
      row.mailbox = load->second.mailbox;
      row.processed = load->second.processed;
    }
    rows.push_back(std::move(row));
  }
  to(std::move(rows));
}

void node_state::why(const std::string& volume, std::uint64_t block,
                     const control::reply<control::why_row>& to) {
  const auto* found = find(volume);
  if (found == nullptr) {
    to.fail(no_such_volume(volume));
    return;
  }
  if (block >= blocks_of(found->entry.bytes)) {
    to.fail(errc::out_of_range, fmt::format("volume {} has {} blocks", volume, blocks_of(found->entry.bytes)),
            "blocks are 4 KiB and count from 0");
    return;
  }
  control::why_row row;
  row.volume = volume;
  row.block = block;
  row.place = place_of(found->device->image().get(), found->device->overlay(), block);
  ask<prefetch::ledger_entry, image_actor>(
      {role::image, found->entry.image.value},
      [to, row, now_ = on.time->now()](result<prefetch::ledger_entry> got) mutable {
        if (got) {
          const auto& entry = got.value();
          row.settled = shown(entry.state);
          row.by = entry.why.by;
          row.detail = described(entry.why);
          row.tier = entry.why.tier;
          row.probability = static_cast<double>(entry.why.probability);
          row.planned_ago = now_ - entry.why.planned;
          row.expected_after = entry.why.deadline - entry.why.planned;
          if (entry.state == prefetch::settlement::hit || entry.state == prefetch::settlement::late)
            row.read_after = entry.settled - entry.why.planned;
        }
        to(std::move(row));
      },
      why_atom_v, block);
}

void node_state::heat(const std::string& volume, std::uint32_t rows_max,
                      const control::reply<control::heat_map>& to) {
  const auto* found = find(volume);
  if (found == nullptr) {
    to.fail(no_such_volume(volume));
    return;
  }
  const auto image = found->device->image();
  control::heat_map map;
  map.volume = volume;
  map.blocks = blocks_of(found->entry.bytes);
  const auto rows = std::clamp<std::uint64_t>(rows_max, 1, control::heat_rows_max);
  const auto per_row = std::max<std::uint64_t>(1, (map.blocks + rows - 1) / rows);
  for (std::uint64_t first = 0; first < map.blocks; first += per_row) {
    control::heat_row row;
    row.first_block = first;
    row.block_count = std::min(per_row, map.blocks - first);
    std::uint64_t local = 0;
    for (auto block = first; block < first + row.block_count; ++block) {
      const auto where = place_of(image.get(), found->device->overlay(), block);
      local += where != control::block_place::absent && where != control::block_place::in_flight;
    }
    row.resident = share(local, row.block_count);
    map.rows.push_back(row);
  }
  const regions wanted{per_row, map.rows.size()};
  ask<region_chances, predictor_actor>(
      {role::predictor, found->entry.image.value},
      [this, to, map, wanted, id = found->entry.id.value](result<region_chances> chances) mutable {
        if (chances)
          for (std::size_t i = 0; i < map.rows.size(); ++i)
            map.rows[i].probability = static_cast<double>(chances.value().values[i]);
        ask<region_reads, vm_actor>(
            {role::vm, id},
            [to, map](result<region_reads> reads) mutable {
              if (reads)
                for (std::size_t i = 0; i < map.rows.size(); ++i)
                  map.rows[i].reads = reads.value().values[i];
              to(std::move(map));
            },
            wanted);
      },
      wanted);
}

void node_state::verify(const std::string& public_key, const control::reply<control::verify_report>& to) {
  const auto key = parse_ed25519_key(public_key);
  if (!key && !public_key.empty()) {
    to.fail(errc::invalid_argument, "that is no public key", "write its 64 hexadecimal digits, or none");
    return;
  }
  // One at a time, and on a thread for slow work: the log goes on meanwhile.
  if (!check_cancelled.expired()) {
    to.fail(errc::overloaded, "the log is being checked already", "ask again when that has ended");
    return;
  }
  auto held = std::make_shared<std::atomic<bool>>(false);
  check_cancelled = held;
  const bool sent = on.others->tell<provenance_actor>(
      {role::provenance, 0},
      log_query{[to, key, held = std::move(held), workers = on.workers.get()](provenance::log& log) mutable {
        auto verifier = log.verifier(key, [cancelled = held.get()] { return !cancelled->load(); });
        const bool posted =
            workers->post([to, held = std::move(held), verifier = std::move(verifier)]() mutable {
              const auto got = verifier();
              held.reset(); // Who hears the answer may ask again.
              if (!got)
                to.fail(got.error());
              else
                to(report_of(got.value()));
            });
        if (!posted)
          to.fail(errc::overloaded);
      }});
  if (!sent)
    to.fail(provenance_off());
}

void node_state::cancel_questions() {
  ends->store(true);
  if (const auto held = check_cancelled.lock())
    held->store(true);
}

void node_state::drop_cache(const control::reply<control::cache_dropped>& to) {
  ask<std::uint64_t, tier_actor>(
      {role::tier, tier_disk},
      [this, to](result<std::uint64_t> disk) {
        ask<std::uint64_t, tier_actor>(
            {role::tier, tier_memory},
            [to, disk](result<std::uint64_t> memory) {
              if (!disk || !memory)
                to.fail(errc::unavailable);
              else
                to({memory.value() * block_bytes, disk.value() * block_bytes});
            },
            drop_atom_v);
      },
      drop_atom_v);
}

void node_state::run(const std::string& volume, const std::optional<std::string>& begin_program,
                     const control::reply<control::run_info>& to) {
  const auto* found = find(volume);
  if (found == nullptr) {
    to.fail(no_such_volume(volume));
    return;
  }
  const auto id = found->entry.id.value;
  const auto program = begin_program && !begin_program->empty() ? *begin_program : found->entry.program;
  auto answer = [to, volume, program](result<run_id> run) {
    if (run)
      to({volume, program, run.value().value});
    else if (run.error() == errc::not_found)
      to.fail(errc::not_found, fmt::format("no run is open on volume {}", volume),
              "begin one with `forerun run begin`");
    else
      to.fail(run.error());
  };
  if (begin_program)
    ask<run_id, volume_actor>({role::volume, id}, answer, begin_atom_v, program);
  else
    ask<run_id, volume_actor>({role::volume, id}, answer, end_atom_v);
}

} // namespace forerun::actors
