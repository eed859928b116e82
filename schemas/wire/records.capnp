@0xc1f28f0a6d5b9e37;
# Records of the provenance log: which are wanted, and how they travel (docs/formats/provenance.md says what the log
# keeps). Times are nanoseconds since the Unix epoch. Positions number the records of a log from 0.

using Cxx = import "/capnp/c++.capnp";
using Values = import "control_values.capnp";
$Cxx.namespace("forerun::wire");

struct RecordFilter {
  # What is not set does not restrict. An unset text is any; an empty one is the empty name.

  positionFrom @0 :UInt64;
  # 2^64 - 1: behind the last record that there is when the question arrives.
  positionTo @1 :UInt64 = 0xffffffffffffffff;
  # Exclusive.
  fromNs @2 :Int64 = -0x8000000000000000;
  toNs @3 :Int64 = 0x7fffffffffffffff;
  # Inclusive.
  kind @4 :Int16 = -1;
  # Of the elements, as the format page numbers them; negative: any.
  space @5 :Int64 = -1;
  # Negative: any.
  elementFirst @6 :UInt64;
  elementLast @7 :UInt64 = 0xffffffffffffffff;
  # Inclusive; a record that touches any element of the range counts.
  ofRun @8 :Bool;
  # Whether `run` restricts; 0 is the records of no run.
  run @9 :UInt64;
  vm @10 :Text;
  program @11 :Text;
  user @12 :Text;
  operations @13 :UInt32 = 0xffffffff;
  # The bit 2^n for the operation n of Values.HistoryRow.Operation.
  volume @14 :Text;
  # Its name, instead of kind and space: the blocks of that volume.
}

struct RecordBatch {
  # A piece of the log. Batches of a stream follow each other without gap or overlap: a new stream from
  # `nextPosition` on misses nothing and gets nothing twice, also after a lost connection.

  contexts @0 :List(RecordContext);
  # What rows have in common; each is named by a row.
  rows @1 :List(RecordRow);
  # In order of position; of `last` newest first.
  missed @2 :UInt64;
  # So many positions just before the first row were passed over, whatever they held: their segments are gone or
  # damaged, or the tool was too slow for a stream that is not `all`.
  nextPosition @3 :UInt64;
  # All before it is told, missed, or not wanted.
  ended @4 :Bool;
  # Nothing more will come.
}

struct RecordContext {
  vm @0 :Text;
  program @1 :Text;
  user @2 :Text;
  node @3 :UInt64;
  run @4 :UInt64;
  kind @5 :UInt8;
  space @6 :UInt32;
}

struct RecordRow {
  position @0 :UInt64;
  atNs @1 :Int64;
  first @2 :UInt64;
  # Element, or for blocks the first 4 KiB block.
  count @3 :UInt32;
  bytes @4 :UInt32;
  latencyUs @5 :UInt64;
  context @6 :UInt32;
  # Index into `contexts`.
  operation @7 :Values.HistoryRow.Operation;
  outcome @8 :Values.HistoryRow.Outcome;
  digest @9 :Data;
  # The first 16 bytes of the SHA-256 of what was written; empty if none was kept.
  version @10 :UInt64;
  # Of the element, as its source counts; 0: it does not.
  value @11 :Data;
  # What was read or written, if it is short; of an ALLOCATE, the element's name. At most 128 bytes.
}
