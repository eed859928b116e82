@0xe3b7a9c45d20f186;
# Where data comes from, and what came of it: questions about the provenance log as a graph, and about who wrote what a
# read met. docs/formats/provenance-exports.md says what stands in the graph. Times are nanoseconds since the Unix epoch.

using Cxx = import "/capnp/c++.capnp";
using Records = import "records.capnp";
$Cxx.namespace("forerun::wire");

struct ElementVersion {
  # One element, from when it was written until it is written anew or removed.

  volume @0 :Text;
  # The name of the volume that the block `number` is of, instead of kind and space; empty: as they say.
  kind @1 :UInt8;
  # As docs/formats/provenance.md numbers them.
  space @2 :UInt32;
  number @3 :UInt64;
  # Below 2^62; for blocks, of 4 KiB.
  before @4 :UInt64 = 0xffffffffffffffff;
  # The version that a reader at this position of the log would meet: made by the last WRITE or DELETE that stands before
  # it. 0: the element as it began; 2^64 - 1: the newest version.
}

struct GraphQuestion {
  what @0 :What;
  of @1 :ElementVersion;
  # Whose ancestors or descendants; of `path`, the later end.
  from @2 :ElementVersion;
  # Of `path` only: the earlier end.

  # At any of these the search stops, and the graph is not `complete`. 0 is the default; more than the most is the most.
  nodesMax @3 :UInt32;
  # Default 1000, at most 4096. Edges: ten times as many.
  recordsMax @4 :UInt64;
  # That are looked at. Default 100 000, at most 1 000 000.
  depthMax @5 :UInt32;
  # Derivations between the version asked for and the farthest. Default 16, at most 4096.

  enum What {
    ancestors @0;
    # The run that made the version, what that run had used before, who made that, and so on.
    descendants @1;
    # The runs that used the version, what they made afterwards, who used that, and so on.
    path @2;
    # A shortest derivation.
  }
}

struct Graph {
  nodes @0 :List(GraphNode);
  # The first is what was asked for. None: there is no path, or none was found (not `complete`).
  edges @1 :List(GraphEdge);
  complete @2 :Bool;
  # Otherwise a limit was reached, or a place of the log does not hold. All that is here is true.
  records @3 :UInt64;
  # That were looked at.
}

struct GraphNode {
  union {
    version @0 :GraphVersion;
    run @1 :GraphRun;
    vm @2 :Text;
    program @3 :Text;
    user @4 :Text;
  }
}

struct GraphVersion {
  # What one WRITE or DELETE made.
  kind @0 :UInt8;
  space @1 :UInt32;
  first @2 :UInt64;
  count @3 :UInt32;
  # 0: all elements of the space, as they began.
  made @4 :Records.RecordRow;
  # Absent: nothing that is in the log made it. Its `context` means nothing.
  name @5 :Text;
  # Under which its elements came into being (ALLOCATE), if that was found. At most 128 bytes.
}

struct GraphRun {
  run @0 :UInt64;
  # 0: what the agent did outside runs.
  vm @1 :Text;
  program @2 :Text;
  user @3 :Text;
}

struct GraphEdge {
  # From the later to what it comes from.
  from @0 :UInt32;
  # Index into `nodes`, as is `to`.
  to @1 :UInt32;
  what @2 :Relation;
  position @3 :UInt64;
  # Of the first record that makes it true, as are the next three; of `associated` all are 0.
  atNs @4 :Int64;
  first @5 :UInt64;
  count @6 :UInt32;
  records @7 :UInt64;
  # So many that say the same were met.

  enum Relation {
    used @0;
    # run -> version
    generated @1;
    # version -> run
    invalidated @2;
    # version -> run
    associated @3;
    # run -> vm, program or user
    derived @4;
    # version -> version
  }
}

struct Origins {
  # Reads (and executions), and who wrote the versions that they met.

  contexts @0 :List(Records.RecordContext);
  records @1 :List(Records.RecordRow);
  # The reads and the writes, each once.
  reads @2 :List(ReadOrigin);
  # Oldest first.
  complete @3 :Bool;
  # Otherwise there may be older ones.
  fromPosition @4 :UInt64;
  # To go on with older ones: the next `positionTo`.
}

struct ReadOrigin {
  read @0 :UInt32;
  # Index into `records`.
  parts @1 :List(Part);
  # In order of elements; only those that were asked for.
  name @2 :Text;
  # As in GraphVersion.

  struct Part {
    first @0 :UInt64;
    count @1 :UInt32;
    made @2 :UInt32 = 0xffffffff;
    # Index into `records`; 2^32 - 1: nothing that is in the log wrote it.
  }
}
