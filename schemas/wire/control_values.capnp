@0xba33ded27aa7713e;
# What a node tells over its control socket, and is told (control.capnp has the dialogue). Sizes and positions are
# in bytes, unless a name says blocks: these have 4096 bytes. Times named ...Ns are nanoseconds. Counters run from
# the start of the node. An absent text is empty.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("forerun::wire");

struct Refusal {
  code @0 :Code;
  what @1 :Text;
  # What went wrong, for a person.
  remedy @2 :Text;
  # What to do about it; may be empty.

  enum Code {
    unspecified @0;
    invalidArgument @1;
    notFound @2;
    exists @3;
    overloaded @4;
    # A bound is reached; nothing has changed; try later.
    outOfRange @5;
    readOnly @6;
    noSpace @7;
    ioFailed @8;
    timedOut @9;
    unavailable @10;
    changed @11;
    # An image is not what it was.
    corrupt @12;
    unsupported @13;
    busy @14;
    cancelled @15;
    permissionDenied @16;
  }
}

struct Done {}

struct NodeStatus {
  version @0 :Text;
  # Of the program, e.g. "0.1.0".
  uptimeNs @1 :Int64;
  dataDir @2 :Text;
  poolUsedBytes @3 :UInt64;
  # Blocks in shared memory, the first tier.
  poolLimitBytes @4 :UInt64;
  diskUsedBytes @5 :UInt64;
  # Clean image blocks on local disk, the second tier.
  diskLimitBytes @6 :UInt64;
  overlayBytes @7 :UInt64;
  # Written blocks, of all volumes.
  volumes @8 :UInt32;
  connections @9 :UInt32;
  # NBD clients.
  prefetch @10 :PrefetchStatus;
  provenance @11 :ProvenanceStatus;
  metricsUrl @12 :Text;
  # Empty if metrics are off.
  nbdAddresses @13 :List(Text);
  # Where all volumes are served: "unix:PATH" or "tcp:HOST:PORT".
}

struct PrefetchStatus {
  enabled @0 :Bool;
  queueDepth @1 :UInt64;
  # Plans that wait.
  inFlightBytes @2 :UInt64;
  windowBytes @3 :UInt64;
  # So much may be in flight for prefetch.
  bandwidthBytesSecond @4 :UInt64;
  # Measured at the origin; 0 if not yet known.
  delayNs @5 :Int64;
  # Measured at the origin; 0 if not yet known.
  threshold @6 :Float64;
  # Predictions of a lower probability are left alone; 0 to 1.
}

struct ProvenanceStatus {
  enabled @0 :Bool;
  strict @1 :Bool;
  # The default of its volumes: clients wait rather than that a record is lost.
  records @2 :UInt64;
  bytes @3 :UInt64;
  dropped @4 :UInt64;
  # Records that a full buffer lost.
  headHash @5 :Text;
  # The chain's newest SHA-256, in hex; empty while there is none.
  publicKey @6 :Text;
  # Who signs summaries and anchors, in hex; empty: nobody.
}

struct ActorRow {
  name @0 :Text;
  id @1 :UInt64;
  state @2 :Text;
  # "running", "restarting" or "stopped".
  restarts @3 :UInt32;
  mailbox @4 :UInt64;
  # Messages that wait.
  processed @5 :UInt64;
  lastError @6 :Text;
  # Empty if it never failed.
}

struct VolumeRow {
  name @0 :Text;
  bytes @1 :UInt64;
  image @2 :Text;
  # URL; empty if the volume has none and reads as zeroes where it was never written.
  program @3 :Text;
  user @4 :Text;
  readOnly @5 :Bool;
  connections @6 :UInt32;
  run @7 :UInt64;
  # The run that is open; 0 for none.
  overlayBytes @8 :UInt64;
  addresses @9 :List(Text);
  counters @10 :VolumeCounters;
  audit @11 :Audit;
  # As it is in force; `unset` if nothing is recorded, or by a node that does not say.
}

enum Audit {
  unset @0;
  # The node's default.
  relaxed @1;
  # Records that find no room are counted and lost.
  strict @2;
  # Clients wait rather than that a record is lost.
}

struct VolumeCounters {
  reads @0 :UInt64;
  # Requests, as are writes, hits, late and misses.
  writes @1 :UInt64;
  hits @2 :UInt64;
  # Every block was local.
  late @3 :UInt64;
  # A block was already on its way.
  misses @4 :UInt64;
  prefetchedBlocks @5 :UInt64;
  usedBlocks @6 :UInt64;
  # Prefetched, then read.
  wasteBlocks @7 :UInt64;
  # Prefetched, then evicted, overwritten or overdue without a read.
  stallSeconds @8 :Float64;
  # Time that reads waited for the origin.
  originBytes @9 :UInt64;
  distinctReadBytes @10 :UInt64;
  accuracy @11 :Float64;
  # (hit + late) / prefetched, in blocks; 0 to 1.
  coverage @12 :Float64;
  # (hit + late) / (hit + late + demand misses); 0 to 1.
  missedBlocks @13 :UInt64;
  # Fetched from the origin while a read waited.
}

struct VolumeSpec {
  name @0 :Text;
  # 1 to 255 letters, digits, ".", "_", "-"; no "." at the beginning.
  image @1 :Text;
  # URL; may be empty if `bytes` is set.
  bytes @2 :UInt64;
  # Of an empty volume, or more than its image has; 0: the image's size.
  program @3 :Text;
  # Empty: the image's name.
  listen @4 :Text;
  # "unix:PATH" or "tcp:HOST:PORT" for this volume alone; may be empty.
  readOnly @5 :Bool;
  audit @6 :Audit;
}

struct ExportPlace {
  name @0 :Text;
  # The export name to ask for.
  addresses @1 :List(Text);
  uris @2 :List(Text);
  # The same as NBD URIs, for qemu and libnbd.
}

struct CacheDropped {
  poolBytes @0 :UInt64;
  diskBytes @1 :UInt64;
}

struct HeatMap {
  volume @0 :Text;
  blocks @1 :UInt64;
  # Of the volume.
  rows @2 :List(HeatRow);
  # In order of firstBlock.
}

struct HeatRow {
  firstBlock @0 :UInt64;
  blockCount @1 :UInt64;
  probability @2 :Float64;
  # Of a block of it being read in a run; 0 to 1.
  resident @3 :Float64;
  # Share of its blocks that is local; 0 to 1.
  reads @4 :UInt64;
}

struct FileHeatMap {
  volume @0 :Text;
  files @1 :UInt64;
  # Of the image, that have content.
  rows @2 :List(FileHeatRow);
  # The hottest first; only such as are expected at all.
}

struct FileHeatRow {
  path @0 :Text;
  # Begins with "pN:" when the image has several file systems.
  bytes @1 :UInt64;
  blocks @2 :UInt64;
  # Of the image that hold its content.
  probability @3 :Float64;
  # Of a block of it being read in a run; 0 to 1.
  resident @4 :Float64;
  # Share of its blocks that is local; 0 to 1.
}

enum Expert {
  none @0;
  # Demand: nobody predicted it.
  history @1;
  stream @2;
  association @3;
  neighbourhood @4;
  hint @5;
  # The client asked for it (NBD CACHE).
  staticAnalysis @6;
  # What the image's own files say.
}

enum Tier {
  critical @0;
  predictive @1;
  background @2;
}

struct WhyRow {
  volume @0 :Text;
  block @1 :UInt64;
  place @2 :Place;
  settled @3 :Settlement;
  by @4 :Expert;
  # This and all that follows means nothing if the block was never prefetched.
  detail @5 :Text;
  tier @6 :Tier;
  probability @7 :Float64;
  plannedAgoNs @8 :Int64;
  expectedAfterNs @9 :Int64;
  # From the plan to the time at which the read was expected.
  readAfterNs @10 :Int64 = -1;
  # From the plan to the first read; -1 if it was not read (yet).

  enum Place {
    absent @0;
    inFlight @1;
    memory @2;
    disk @3;
    overlay @4;
    zero @5;
    # Known to be zeroes; kept nowhere.
  }
  enum Settlement {
    neverPrefetched @0;
    pending @1;
    hit @2;
    # The first read found it local.
    late @3;
    # The first read found it in flight.
    evicted @4;
    # Waste, as the next two.
    overwritten @5;
    overdue @6;
    failed @7;
    # The origin did not deliver.
  }
}

struct HistoryRow {
  atNs @0 :Int64;
  # Since the Unix epoch.
  vm @1 :Text;
  program @2 :Text;
  user @3 :Text;
  run @4 :UInt64;
  operation @5 :Operation;
  firstBlock @6 :UInt64;
  blockCount @7 :UInt32;
  bytes @8 :UInt32;
  outcome @9 :Outcome;
  latencyNs @10 :Int64;
  digest @11 :Text;
  # Of what was written: the first 16 bytes of its SHA-256, in hex; empty if none was kept.
  position @12 :UInt64;
  # The record's number in the log, from 0.

  enum Operation {
    read @0;
    write @1;
    remove @2;
    execute @3;
    prefetch @4;
    evict @5;
    allocate @6;
    release @7;
  }
  enum Outcome {
    none @0;
    # Writes and removes.
    hit @1;
    late @2;
    miss @3;
    failed @4;
  }
}

struct VerifyReport {
  intact @0 :Bool;
  segments @1 :UInt64;
  blocks @2 :UInt64;
  records @3 :UInt64;
  headHash @4 :Text;
  damage @5 :Text;
  # If not intact: what, and where.
  droppedSegments @6 :UInt32;
  # By retention, ever; the check begins behind them. If there are any:
  droppedDamaged @7 :UInt32;
  # So many of them did not hold when they were dropped.
  droppedRecords @8 :UInt64;
  droppedBytes @9 :UInt64;
  droppedUntilNs @10 :Int64;
  # The latest of these records.
  anchors @11 :UInt32;
  # The chain passes through so many signed heads.
  lastAnchorNs @12 :Int64;
  # When the last of these was signed; 0 if there is none.
  publicKey @13 :Text;
  # Of who signed, in hex; empty if nobody did.
}

struct RunInfo {
  volume @0 :Text;
  program @1 :Text;
  run @2 :UInt64;
}

struct ImportContext {
  vm @0 :Text;
  # Empty: not known, as are program and user. At most 255 bytes each, without control characters.
  program @1 :Text;
  user @2 :Text;
  kind @3 :UInt8;
  # As in docs/formats/provenance.md.
  space @4 :UInt32;
  # Of blocks that belong to no named volume the highest bit is set.
}

struct ImportEntry {
  atNs @0 :Int64;
  # Since the Unix epoch.
  first @1 :UInt64;
  # Element; first + count is at most 2^62.
  count @2 :UInt32;
  bytes @3 :UInt32;
  # Of the request; 0 if it is not known.
  latencyUs @4 :UInt32;
  # 0 if it is not known.
  context @5 :UInt16;
  # Index into the batch's contexts.
  operation @6 :HistoryRow.Operation;
  # Not prefetch or evict: those are forerun's own.
  failed @7 :Bool;
  isDigest @8 :Bool;
  # `value` is the first 16 bytes of the SHA-256 of the value, which is too long to be kept.
  value @9 :Data;
  # At most 128 bytes; of `allocate`, the element's name.
}

struct ImportBatch {
  volume @0 :Text;
  # The volume whose blocks these are, and whose models learn them; empty: none.
  run @1 :UInt64;
  ends @2 :Bool;
  contexts @3 :List(ImportContext);
  entries @4 :List(ImportEntry);
}

struct ImportDone {
  run @0 :UInt64;
  records @1 :UInt64;
  leftOut @2 :UInt64;
  # Entries past the end of the volume.
  learns @3 :Bool;
}

struct PredictionRow {
  # One source of probabilities on one image. Shares and errors fade: what was lately counts most.
  image @0 :Text;
  source @1 :Text;
  # An expert, "together" for all of the mix, or "first boot".
  proposed @2 :UInt64;
  # Blocks proposed whose truth is known, moved or only written down.
  cameTrue @3 :UInt64;
  moved @4 :UInt64;
  # Of the proposed ones.
  used @5 :UInt64;
  # Of the moved ones.
  error @6 :Float64;
  # Expected calibration error over the proposed ones, 0 to 1; `judged` says if it means anything.
  errorMoved @7 :Float64;
  brier @8 :Float64;
  logLoss @9 :Float64;
  judged @10 :Bool;
  # False: it states no probabilities that could be judged, and there are only counts.
  drifts @11 :UInt64;
  # Of "together": so often the rules changed, and what was learned before faded.
  bins @12 :List(CalibrationBin);
  # The reliability diagram of the proposed ones, by rising probability; empty bins are left out. At most 64.
}

struct CalibrationBin {
  said @0 :Float64;
  # Mean of the probabilities, 0 to 1.
  cameTrue @1 :Float64;
  # Share that came true.
  count @2 :Float64;
  # Faded.
}
