#include "runtime/control/convert.hpp"
#include "runtime/control/words.hpp"

namespace forerun::control {
namespace {

std::vector<std::string> texts(capnp::List<capnp::Text>::Reader from) {
  constexpr std::size_t texts_max = 256;
  std::vector<std::string> to;
  for (auto each : from) {
    if (to.size() == texts_max)
      break;
    to.push_back(text(each));
  }
  return to;
}

void put(capnp::List<capnp::Text>::Builder to, const std::vector<std::string>& from) {
  for (capnp::uint i = 0; i < to.size(); ++i)
    to.set(i, text(from[i]));
}

capnp::uint size_of(const std::vector<std::string>& list) {
  return static_cast<capnp::uint>(list.size());
}

} // namespace

void write(wire::Refusal::Builder to, const failure& from) {
  to.setCode(static_cast<wire::Refusal::Code>(from.code));
  to.setWhat(text(from.what));
  to.setRemedy(text(from.remedy));
}

failure read(wire::Refusal::Reader from) {
  const auto code = known(from.getCode(), errc::permission_denied);
  return {code == errc{} ? errc::io_failed : code, text(from.getWhat()), text(from.getRemedy())};
}

void write(wire::Done::Builder, const done&) {
}

done read(wire::Done::Reader) {
  return {};
}

void write(wire::NodeStatus::Builder to, const node_status& from) {
  to.setVersion(text(from.version));
  to.setUptimeNs(from.uptime.count());
  to.setDataDir(text(from.data_dir));
  to.setPoolUsedBytes(from.pool_used_bytes);
  to.setPoolLimitBytes(from.pool_limit_bytes);
  to.setDiskUsedBytes(from.disk_used_bytes);
  to.setDiskLimitBytes(from.disk_limit_bytes);
  to.setOverlayBytes(from.overlay_bytes);
  to.setVolumes(from.volumes);
  to.setConnections(from.connections);
  to.setMetricsUrl(text(from.metrics_url));
  put(to.initNbdAddresses(size_of(from.nbd_addresses)), from.nbd_addresses);
  auto prefetch = to.initPrefetch();
  prefetch.setEnabled(from.prefetch.enabled);
  prefetch.setQueueDepth(from.prefetch.queue_depth);
  prefetch.setInFlightBytes(from.prefetch.in_flight_bytes);
  prefetch.setWindowBytes(from.prefetch.window_bytes);
  prefetch.setBandwidthBytesSecond(from.prefetch.bandwidth_bytes_second);
  prefetch.setDelayNs(from.prefetch.delay.count());
  prefetch.setThreshold(from.prefetch.threshold);
  auto provenance = to.initProvenance();
  provenance.setEnabled(from.provenance.enabled);
  provenance.setStrict(from.provenance.strict);
  provenance.setRecords(from.provenance.records);
  provenance.setBytes(from.provenance.bytes);
  provenance.setDropped(from.provenance.dropped);
  provenance.setHeadHash(text(from.provenance.head_hash));
  provenance.setPublicKey(text(from.provenance.public_key));
}

node_status read(wire::NodeStatus::Reader from) {
  const auto prefetch = from.getPrefetch();
  const auto provenance = from.getProvenance();
  return {.version = text(from.getVersion()),
          .uptime = nanos{from.getUptimeNs()},
          .data_dir = text(from.getDataDir()),
          .pool_used_bytes = from.getPoolUsedBytes(),
          .pool_limit_bytes = from.getPoolLimitBytes(),
          .disk_used_bytes = from.getDiskUsedBytes(),
          .disk_limit_bytes = from.getDiskLimitBytes(),
          .overlay_bytes = from.getOverlayBytes(),
          .volumes = from.getVolumes(),
          .connections = from.getConnections(),
          .prefetch = {.enabled = prefetch.getEnabled(),
                       .queue_depth = prefetch.getQueueDepth(),
                       .in_flight_bytes = prefetch.getInFlightBytes(),
                       .window_bytes = prefetch.getWindowBytes(),
                       .bandwidth_bytes_second = prefetch.getBandwidthBytesSecond(),
                       .delay = nanos{prefetch.getDelayNs()},
                       .threshold = prefetch.getThreshold()},
          .provenance = {.enabled = provenance.getEnabled(),
                         .strict = provenance.getStrict(),
                         .records = provenance.getRecords(),
                         .bytes = provenance.getBytes(),
                         .dropped = provenance.getDropped(),
                         .head_hash = text(provenance.getHeadHash()),
                         .public_key = text(provenance.getPublicKey())},
          .metrics_url = text(from.getMetricsUrl()),
          .nbd_addresses = texts(from.getNbdAddresses())};
}

void write(wire::ActorRow::Builder to, const actor_row& from) {
  to.setName(text(from.name));
  to.setId(from.id);
  to.setState(text(from.state));
  to.setRestarts(from.restarts);
  to.setMailbox(from.mailbox);
  to.setProcessed(from.processed);
  to.setLastError(text(from.last_error));
}

actor_row read(wire::ActorRow::Reader from) {
  return {.name = text(from.getName()),
          .id = from.getId(),
          .state = text(from.getState()),
          .restarts = from.getRestarts(),
          .mailbox = from.getMailbox(),
          .processed = from.getProcessed(),
          .last_error = text(from.getLastError())};
}

void write(wire::VolumeRow::Builder to, const volume_row& from) {
  to.setName(text(from.name));
  to.setBytes(from.bytes);
  to.setImage(text(from.image));
  to.setProgram(text(from.program));
  to.setUser(text(from.user));
  to.setReadOnly(from.read_only);
  to.setConnections(from.connections);
  to.setRun(from.run);
  to.setOverlayBytes(from.overlay_bytes);
  put(to.initAddresses(size_of(from.addresses)), from.addresses);
  auto counters = to.initCounters();
  counters.setReads(from.counters.reads);
  counters.setWrites(from.counters.writes);
  counters.setHits(from.counters.hits);
  counters.setLate(from.counters.late);
  counters.setMisses(from.counters.misses);
  counters.setPrefetchedBlocks(from.counters.prefetched_blocks);
  counters.setUsedBlocks(from.counters.used_blocks);
  counters.setWasteBlocks(from.counters.waste_blocks);
  counters.setStallSeconds(from.counters.stall_seconds);
  counters.setOriginBytes(from.counters.origin_bytes);
  counters.setDistinctReadBytes(from.counters.distinct_read_bytes);
  counters.setMissedBlocks(from.counters.missed_blocks);
  counters.setAccuracy(from.counters.accuracy);
  counters.setCoverage(from.counters.coverage);
  to.setAudit(static_cast<wire::Audit>(from.audit));
}

volume_row read(wire::VolumeRow::Reader from) {
  const auto counters = from.getCounters();
  return {.name = text(from.getName()),
          .bytes = from.getBytes(),
          .image = text(from.getImage()),
          .program = text(from.getProgram()),
          .user = text(from.getUser()),
          .read_only = from.getReadOnly(),
          .connections = from.getConnections(),
          .run = from.getRun(),
          .overlay_bytes = from.getOverlayBytes(),
          .addresses = texts(from.getAddresses()),
          .counters = {.reads = counters.getReads(),
                       .writes = counters.getWrites(),
                       .hits = counters.getHits(),
                       .late = counters.getLate(),
                       .misses = counters.getMisses(),
                       .prefetched_blocks = counters.getPrefetchedBlocks(),
                       .used_blocks = counters.getUsedBlocks(),
                       .waste_blocks = counters.getWasteBlocks(),
                       .stall_seconds = counters.getStallSeconds(),
                       .origin_bytes = counters.getOriginBytes(),
                       .distinct_read_bytes = counters.getDistinctReadBytes(),
                       .missed_blocks = counters.getMissedBlocks(),
                       .accuracy = counters.getAccuracy(),
                       .coverage = counters.getCoverage()},
          .audit = known(from.getAudit(), audit_policy_last)};
}

void write(wire::VolumeSpec::Builder to, const volume_spec& from) {
  to.setName(text(from.name));
  to.setImage(text(from.image));
  to.setBytes(from.bytes.value_or(0));
  to.setProgram(text(from.program));
  to.setListen(text(from.listen));
  to.setReadOnly(from.read_only);
  to.setAudit(static_cast<wire::Audit>(from.audit));
}

volume_spec read(wire::VolumeSpec::Reader from) {
  volume_spec to{.name = text(from.getName()),
                 .image = text(from.getImage()),
                 .bytes = std::nullopt,
                 .program = text(from.getProgram()),
                 .listen = text(from.getListen()),
                 .read_only = from.getReadOnly(),
                 .audit = known(from.getAudit(), audit_policy_last)};
  if (from.getBytes() != 0)
    to.bytes = from.getBytes();
  return to;
}

void write(wire::ExportPlace::Builder to, const export_place& from) {
  to.setName(text(from.name));
  put(to.initAddresses(size_of(from.addresses)), from.addresses);
  put(to.initUris(size_of(from.uris)), from.uris);
}

export_place read(wire::ExportPlace::Reader from) {
  return {text(from.getName()), texts(from.getAddresses()), texts(from.getUris())};
}

void write(wire::CacheDropped::Builder to, const cache_dropped& from) {
  to.setPoolBytes(from.pool_bytes);
  to.setDiskBytes(from.disk_bytes);
}

cache_dropped read(wire::CacheDropped::Reader from) {
  return {from.getPoolBytes(), from.getDiskBytes()};
}

void write(wire::HeatMap::Builder to, const heat_map& from) {
  to.setVolume(text(from.volume));
  to.setBlocks(from.blocks);
  auto rows = to.initRows(static_cast<capnp::uint>(std::min(from.rows.size(), heat_rows_max)));
  for (capnp::uint i = 0; i < rows.size(); ++i) {
    rows[i].setFirstBlock(from.rows[i].first_block);
    rows[i].setBlockCount(from.rows[i].block_count);
    rows[i].setProbability(from.rows[i].probability);
    rows[i].setResident(from.rows[i].resident);
    rows[i].setReads(from.rows[i].reads);
  }
}

heat_map read(wire::HeatMap::Reader from) {
  heat_map to{text(from.getVolume()), from.getBlocks(), {}};
  for (auto row : from.getRows()) {
    if (to.rows.size() == heat_rows_max)
      break;
    to.rows.push_back({.first_block = row.getFirstBlock(),
                       .block_count = row.getBlockCount(),
                       .probability = row.getProbability(),
                       .resident = row.getResident(),
                       .reads = row.getReads()});
  }
  return to;
}

void write(wire::PredictionRow::Builder to, const prediction_row& from) {
  to.setImage(text(from.image));
  to.setSource(text(from.source));
  to.setProposed(from.proposed);
  to.setCameTrue(from.came_true);
  to.setMoved(from.moved);
  to.setUsed(from.used);
  to.setError(from.error);
  to.setErrorMoved(from.error_moved);
  to.setBrier(from.brier);
  to.setLogLoss(from.log_loss);
  to.setJudged(from.judged);
  to.setDrifts(from.drifts);
  auto bins = to.initBins(static_cast<capnp::uint>(std::min(from.bins.size(), calibration_bins_max)));
  for (capnp::uint i = 0; i < bins.size(); ++i) {
    bins[i].setSaid(from.bins[i].said);
    bins[i].setCameTrue(from.bins[i].came_true);
    bins[i].setCount(from.bins[i].count);
  }
}

prediction_row read(wire::PredictionRow::Reader from) {
  prediction_row to{.image = text(from.getImage()),
                    .source = text(from.getSource()),
                    .proposed = from.getProposed(),
                    .came_true = from.getCameTrue(),
                    .moved = from.getMoved(),
                    .used = from.getUsed(),
                    .error = from.getError(),
                    .error_moved = from.getErrorMoved(),
                    .brier = from.getBrier(),
                    .log_loss = from.getLogLoss(),
                    .judged = from.getJudged(),
                    .drifts = from.getDrifts(),
                    .bins = {}};
  for (auto bin : from.getBins()) {
    if (to.bins.size() == calibration_bins_max)
      break;
    to.bins.push_back({bin.getSaid(), bin.getCameTrue(), bin.getCount()});
  }
  return to;
}

void write(wire::FileHeatMap::Builder to, const file_heat_map& from) {
  to.setVolume(text(from.volume));
  to.setFiles(from.files);
  auto rows = to.initRows(static_cast<capnp::uint>(std::min(from.rows.size(), file_rows_max)));
  for (capnp::uint i = 0; i < rows.size(); ++i) {
    rows[i].setPath(text(from.rows[i].path));
    rows[i].setBytes(from.rows[i].bytes);
    rows[i].setBlocks(from.rows[i].blocks);
    rows[i].setProbability(from.rows[i].probability);
    rows[i].setResident(from.rows[i].resident);
  }
}

file_heat_map read(wire::FileHeatMap::Reader from) {
  file_heat_map to{text(from.getVolume()), from.getFiles(), {}};
  for (auto row : from.getRows()) {
    if (to.rows.size() == file_rows_max)
      break;
    to.rows.push_back({.path = text(row.getPath()),
                       .bytes = row.getBytes(),
                       .blocks = row.getBlocks(),
                       .probability = row.getProbability(),
                       .resident = row.getResident()});
  }
  return to;
}

void write(wire::WhyRow::Builder to, const why_row& from) {
  to.setVolume(text(from.volume));
  to.setBlock(from.block);
  to.setPlace(static_cast<wire::WhyRow::Place>(from.place));
  to.setSettled(static_cast<wire::WhyRow::Settlement>(from.settled));
  to.setBy(static_cast<wire::Expert>(from.by));
  to.setDetail(text(from.detail));
  to.setTier(static_cast<wire::Tier>(from.tier));
  to.setProbability(from.probability);
  to.setPlannedAgoNs(from.planned_ago.count());
  to.setExpectedAfterNs(from.expected_after.count());
  to.setReadAfterNs(from.read_after ? from.read_after->count() : -1);
}

why_row read(wire::WhyRow::Reader from) {
  why_row to{.volume = text(from.getVolume()),
             .block = from.getBlock(),
             .place = known(from.getPlace(), block_place::zero),
             .settled = known(from.getSettled(), settlement::failed),
             .by = known(from.getBy(), expert::static_analysis),
             .detail = text(from.getDetail()),
             .tier = known(from.getTier(), prefetch_tier::background),
             .probability = from.getProbability(),
             .planned_ago = nanos{from.getPlannedAgoNs()},
             .expected_after = nanos{from.getExpectedAfterNs()},
             .read_after = std::nullopt};
  if (from.getReadAfterNs() >= 0)
    to.read_after = nanos{from.getReadAfterNs()};
  return to;
}

void write(wire::HistoryRow::Builder to, const history_row& from) {
  to.setAtNs(from.at.ns);
  to.setVm(text(from.vm));
  to.setProgram(text(from.program));
  to.setUser(text(from.user));
  to.setRun(from.run);
  to.setOperation(static_cast<wire::HistoryRow::Operation>(from.op));
  to.setFirstBlock(from.first_block);
  to.setBlockCount(from.block_count);
  to.setBytes(from.bytes);
  to.setOutcome(static_cast<wire::HistoryRow::Outcome>(from.how));
  to.setLatencyNs(from.latency.count());
  to.setDigest(text(from.digest));
  to.setPosition(from.position);
}

history_row read(wire::HistoryRow::Reader from) {
  return {.at = {from.getAtNs()},
          .vm = text(from.getVm()),
          .program = text(from.getProgram()),
          .user = text(from.getUser()),
          .run = from.getRun(),
          .op = known(from.getOperation(), operation_last),
          .first_block = from.getFirstBlock(),
          .block_count = from.getBlockCount(),
          .bytes = from.getBytes(),
          .how = known(from.getOutcome(), outcome::failed),
          .latency = nanos{from.getLatencyNs()},
          .digest = text(from.getDigest()),
          .position = from.getPosition()};
}

void write(wire::VerifyReport::Builder to, const verify_report& from) {
  to.setIntact(from.intact);
  to.setSegments(from.segments);
  to.setBlocks(from.blocks);
  to.setRecords(from.records);
  to.setHeadHash(text(from.head_hash));
  to.setDamage(text(from.damage));
  to.setDroppedSegments(from.dropped_segments);
  to.setDroppedDamaged(from.dropped_damaged);
  to.setDroppedRecords(from.dropped_records);
  to.setDroppedBytes(from.dropped_bytes);
  to.setDroppedUntilNs(from.dropped_until.ns);
  to.setAnchors(from.anchors);
  to.setLastAnchorNs(from.last_anchor.ns);
  to.setPublicKey(text(from.public_key));
}

verify_report read(wire::VerifyReport::Reader from) {
  return {.intact = from.getIntact(),
          .segments = from.getSegments(),
          .blocks = from.getBlocks(),
          .records = from.getRecords(),
          .head_hash = text(from.getHeadHash()),
          .damage = text(from.getDamage()),
          .dropped_segments = from.getDroppedSegments(),
          .dropped_damaged = from.getDroppedDamaged(),
          .dropped_records = from.getDroppedRecords(),
          .dropped_bytes = from.getDroppedBytes(),
          .dropped_until = {from.getDroppedUntilNs()},
          .anchors = from.getAnchors(),
          .last_anchor = {from.getLastAnchorNs()},
          .public_key = text(from.getPublicKey())};
}

void write(wire::RunInfo::Builder to, const run_info& from) {
  to.setVolume(text(from.volume));
  to.setProgram(text(from.program));
  to.setRun(from.run);
}

run_info read(wire::RunInfo::Reader from) {
  return {text(from.getVolume()), text(from.getProgram()), from.getRun()};
}

} // namespace forerun::control
