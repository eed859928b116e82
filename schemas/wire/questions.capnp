@0xd3a0c6be1f7e4b52;
# Questions about many records of the provenance log at once, and what they are answered with. Sums are kept ready by
# minute and hour; the others read the records that the filter wants, once, in order, in bounded memory. Times are
# nanoseconds since the Unix epoch.

using Cxx = import "/capnp/c++.capnp";
using Values = import "control_values.capnp";
using Records = import "records.capnp";
$Cxx.namespace("forerun::wire");

struct Survey {
  # How far a question came. All that was wanted is in the rows if it is complete, and nothing is damaged or left out.

  matched @0 :UInt64;
  # Records that the filter wants.
  nextPosition @1 :UInt64;
  # What was not looked at begins here; the same question from there on is about the rest.
  damaged @2 :UInt64;
  # Places of the log that cannot be read; `verify` names the first.
  examined @3 :UInt64;
  # Records that were looked at. What the indexes rule out is not.
  complete @4 :Bool;
  # False: the question came to a bound, 33554432 records looked at or 67108864 elements counted.
  leftOut @5 :UInt64;
  # Of `matched`, what is not or not wholly in the rows: records of more than 65536 elements, and of more programs or
  # intervals than an answer has.
}

struct Grouping {
  # What is not told apart is empty in the rows.

  byVm @0 :Bool;
  byProgram @1 :Bool;
  byUser @2 :Bool;
}

struct SumQuestion {
  filter @0 :Records.RecordFilter;
  # Without run, elements and positions. Times count in whole minutes: the first and the last one wholly.
  every @1 :Unit;
  by @2 :Grouping;
  bySpace @3 :Bool;
  # And by kind.
  byOperation @4 :Bool;

  enum Unit {
    minute @0;
    hour @1;
    all @2;
  }
}

struct SumAnswer {
  rows @0 :List(SumRow);
  # By time, then names; at most 4096.
  complete @1 :Bool;
  # False: there would be more rows, or damage was met.
  segmentsRead @2 :UInt32;
  # Files of the log of which records had to be read.
}

struct SumRow {
  unit @0 :Int64;
  # Minutes or hours since the Unix epoch, as was asked for; 0 if all is one.
  who @1 :Records.RecordContext;
  # Without run and node; what was not asked for is empty or 0.
  operation @2 :Values.HistoryRow.Operation;
  records @3 :UInt64;
  elements @4 :UInt64;
  bytes @5 :UInt64;
  latencyUs @6 :UInt64;
  outcomes @7 :List(UInt64);
  # How many had each outcome, in the order of Values.HistoryRow.Outcome.
}

struct TopQuestion {
  filter @0 :Records.RecordFilter;
  by @1 :Measure;
  rowsMax @2 :UInt32;
  # 0 or more than 4096 means 4096.

  enum Measure {
    records @0;
    bytes @1;
    latency @2;
  }
}

struct TopAnswer {
  rows @0 :List(TopRow);
  # The most first.
  othersMax @1 :UInt64;
  # No element that has no row has more than this, or than the last row. 0: all amounts are exact.
  total @2 :UInt64;
  # Of all elements.
  seen @3 :Survey;
}

struct TopRow {
  kind @0 :UInt8;
  space @1 :UInt32;
  element @2 :UInt64;
  amount @3 :UInt64;
  # Records, bytes or microseconds: never too few. Bytes and time of a record are shared out among its elements.
  over @4 :UInt64;
  # By so much it may be too many.
}

struct ArrivalQuestion {
  filter @0 :Records.RecordFilter;
  by @1 :Grouping;
}

struct ArrivalAnswer {
  rows @0 :List(ArrivalRow);
  # The most records first; at most 1024.
  seen @1 :Survey;
}

struct ArrivalRow {
  vm @0 :Text;
  program @1 :Text;
  user @2 :Text;
  records @3 :UInt64;
  backward @4 :UInt64;
  # Records whose time lies before that of the one before: no gap is known.
  gaps @5 :UInt64;
  # So many gaps are known. If there are none, what follows is 0.
  minNs @6 :Int64;
  meanNs @7 :Int64;
  p50Ns @8 :Int64;
  # Quantiles are at most a sixteenth too large and never too small.
  p90Ns @9 :Int64;
  p99Ns @10 :Int64;
  maxNs @11 :Int64;
  octaves @12 :List(UInt64);
  # How many gaps are shorter than 2^(n+1) ns and not shorter than 2^n, for n from 0; those of 0 ns come first.
}

struct SequenceQuestion {
  filter @0 :Records.RecordFilter;
  by @1 :Grouping;
  length @2 :UInt8 = 2;
  # Of a sequence: 2 or 3.
  rowsMax @3 :UInt32;
  # 0 or more than 4096 means 4096.
}

struct SequenceAnswer {
  rows @0 :List(SequenceRow);
  # The most frequent first.
  othersMax @1 :UInt64;
  # No sequence that has no row came more often than this, or than the last row. 0: all counts are exact.
  total @2 :UInt64;
  # Of all sequences.
  broken @3 :UInt64;
  # Runs that were forgotten for others: at most 4096 are followed at a time.
  seen @4 :Survey;
}

struct SequenceRow {
  vm @0 :Text;
  program @1 :Text;
  user @2 :Text;
  kind @3 :UInt8;
  space @4 :UInt32;
  elements @5 :List(UInt64);
  # In order; of a record with several, the first.
  count @6 :UInt64;
  # Never too few.
  over @7 :UInt64;
  # By so much it may be too many.
}

struct WorkingSetQuestion {
  filter @0 :Records.RecordFilter;
  everyNs @1 :Int64 = 3600000000000;
  # Length of an interval, more than 0. They begin at multiples of it.
}

struct WorkingSetAnswer {
  rows @0 :List(WorkingSetRow);
  # In order of time, only intervals with records; at most 4096.
  elements @1 :UInt64;
  # Different ones in all rows; estimated, as in each row, with a standard error of 1.6 %.
  seen @2 :Survey;
}

struct WorkingSetRow {
  fromNs @0 :Int64;
  elements @1 :UInt64;
  records @2 :UInt64;
  bytes @3 :UInt64;
}
