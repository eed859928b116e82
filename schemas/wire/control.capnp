@0xfb151d57c6d8b155;
# How a tool talks to a node: Cap'n Proto RPC over a unix stream socket.
#
# The dialogue. The tool connects to the node's control socket (a file of mode 0600: who may open it may do
# everything) and asks for the bootstrap capability, which is a `Control`. Calls may be pipelined; answers come in
# the order in which they are ready. Every answer is either a value or a refusal in words. Nothing is pushed: of a
# stream the tool asks for one batch after the other, and so no faster than it can take them.
#
# A lost connection means that the answers of open calls are unknown; what they asked for may have happened.
# `createVolume`, `deleteVolume` and `beginRun` may be repeated: the second try is refused with `exists`,
# `notFound` or begins a new run, and does no other harm. A connection that is silent may be closed by the node
# when others need its place. Streams end with their connection; a new one goes on from the position that the last
# batch named.
#
# Limits, beyond which a node refuses or hangs up: 64 connections, 256 unanswered calls in all, 64 KiB for each
# message to the node, 8 MiB of answers that a tool has not read, 30 s for each answer (70 s for `graph` and
# `origins`, 30 min for `verify` and for questions about many records); 16 streams of a connection, 64 of a node, one
# unanswered `next` of each.
#
# Versions. Fields are only ever added; a tool ignores what it does not know, and shows an unset field as its
# default. A tool that calls a method which the node does not have gets the RPC error "unimplemented".

using Cxx = import "/capnp/c++.capnp";
using Values = import "control_values.capnp";
using Records = import "records.capnp";
using Lineage = import "lineage.capnp";
using Questions = import "questions.capnp";
$Cxx.namespace("forerun::wire");

struct Answer(Value) {
  union {
    value @0 :Value;
    refused @1 :Values.Refusal;
  }
}

interface Control {
  status @0 () -> (answer :Answer(Values.NodeStatus));
  # How the node does as a whole.

  actors @1 () -> (answer :Answer(List(Values.ActorRow)));
  # Every actor; at most 4096, the rest is cut off.

  volumes @2 () -> (answer :Answer(List(Values.VolumeRow)));
  # In order of name; at most 1024.

  createVolume @3 (spec :Values.VolumeSpec) -> (answer :Answer(Values.VolumeRow));
  # Refused with `exists`, `invalidArgument`, `unavailable` (the image cannot be reached), `noSpace`, or
  # `permissionDenied` (an address that others can reach, on a node that does not allow it).

  deleteVolume @4 (name :Text) -> (answer :Answer(Values.Done));
  # Its overlay, what was written to it, goes with it. Refused with `notFound`, or `busy` while a client is
  # connected.

  exportVolume @5 (name :Text, listen :Text) -> (answer :Answer(Values.ExportPlace));
  # How NBD clients reach a volume. `listen`, if set, is a further address to serve it on: "unix:PATH" or
  # "tcp:HOST:PORT". Refused with `notFound`, `invalidArgument`, `permissionDenied`, `busy` (address in use).

  dropCache @6 () -> (answer :Answer(Values.CacheDropped));
  # Forgets what is in memory and the clean blocks on disk, of all images. What was written stays.

  heat @7 (volume :Text, rowsMax :UInt32) -> (answer :Answer(Values.HeatMap));
  # Where a volume is expected to be read. At most `rowsMax` regions; 0 or more than 4096 means 4096.

  why @8 (volume :Text, block :UInt64) -> (answer :Answer(Values.WhyRow));
  # Where a block (of 4 KiB) is, and why it was moved there. Refused with `notFound`, `outOfRange`.

  history @9 (volume :Text, block :UInt64, rowsMax :UInt32) -> (answer :Answer(List(Values.HistoryRow)));
  # Who touched a block, newest first. At most `rowsMax` rows; 0 or more than 1024 means 1024.

  verify @10 (publicKey :Text) -> (answer :Answer(Values.VerifyReport));
  # Checks the provenance chain from its beginning, and that what was signed was signed by this key (64 hexadecimal
  # digits; empty: the node's own). Damage is a value, not a refusal. Refused with `invalidArgument`.

  beginRun @11 (volume :Text, program :Text) -> (answer :Answer(Values.RunInfo));
  # A program starts on the volume; prefetch for it may begin before a client connects. An empty `program` is the
  # one that the volume was made for. An open run of the volume ends.

  endRun @12 (volume :Text) -> (answer :Answer(Values.RunInfo));
  # Refused with `notFound` if no run is open.

  records @13 (filter :Records.RecordFilter, follow :Bool, all :Bool) -> (answer :Answer(RecordStream));
  # Records of the provenance log from a position on. Without `follow` the stream ends where the log ends now; with
  # it, it goes on with what comes; then, without `all`, what lies more than 65536 positions behind is passed over and
  # counted in `missed`, and with it a slow tool gets everything, at its own pace, from the log. Refused with `notFound`
  # (volume), `overloaded`, `invalidArgument`, `unavailable` (provenance is off).

  last @14 (filter :Records.RecordFilter, max :UInt32) -> (answer :Answer(Records.RecordBatch));
  # The newest records, newest first. At most `max`; 0 or more than 1024 means 1024. Refused as `records`.

  importRecords @15 (batch :Values.ImportBatch) -> (answer :Answer(Values.ImportDone));
  # The next piece of a recording: what took place elsewhere or at another time goes to the provenance log and, with
  # a volume, teaches the models of its image as one finished run. Nothing is moved for it. The first batch of a
  # recording has run 0; its answer names the run, which all others of it say. A recording that is not heard of for a
  # minute ends there. At most 16 recordings at once, and 1024 entries, 256 contexts and 64 KiB in a batch.
  # Refused with `overloaded` (nothing was taken: try again after a pause), `notFound` (no such volume, or the
  # recording has ended), `invalidArgument`, `unavailable` (provenance is off and no volume is named). When the
  # connection is lost, or the answer is `timedOut`, the batch may have been taken.

  graph @16 (question :Lineage.GraphQuestion) -> (answer :Answer(Lineage.Graph));
  # Where a version comes from, what came of it, or how one came of the other. Such questions are answered one after the
  # other, and given up after 60 s. Refused with `notFound` (volume, or that version), `invalidArgument` (no such element can
  # be), `timedOut` (ask with lower limits), `overloaded`, `unavailable` (provenance is off), `ioFailed`.

  origins @17 (filter :Records.RecordFilter, max :UInt32) -> (answer :Answer(Lineage.Origins));
  # Who wrote the versions that these reads met: of the newest `max` that match; 0 or more than 1024 means 1024. Fewer
  # when the answer would be too long. The operations of the filter do not count. Refused as `records` and `graph`;
  # `overloaded`: one read has so many writers that they are too many for an answer; ask for fewer elements.

  # Questions about many records of the provenance log. They are answered one after the other. All are refused with
  # `notFound` (volume), `invalidArgument`, `overloaded` (too many wait), `unavailable` (provenance is off), `ioFailed`,
  # `cancelled` (the node ends).

  sums @18 (question :Questions.SumQuestion) -> (answer :Answer(Questions.SumAnswer));
  # How often, how much and how long. Of months it reads kilobytes, since sums are kept by minute and hour.

  top @19 (question :Questions.TopQuestion) -> (answer :Answer(Questions.TopAnswer));
  # The elements that were used most.

  arrivals @20 (question :Questions.ArrivalQuestion) -> (answer :Answer(Questions.ArrivalAnswer));
  # How long programs let pass from one access to the next.

  sequences @21 (question :Questions.SequenceQuestion) -> (answer :Answer(Questions.SequenceAnswer));
  # Which elements programs touch one after the other, and how often.

  workingSet @22 (question :Questions.WorkingSetQuestion) -> (answer :Answer(Questions.WorkingSetAnswer));
  # How many different elements were in use at a time.

  predictions @23 (of :Text) -> (answer :Answer(List(Values.PredictionRow)));
  # How true the experts' probabilities have been since the node started: of a volume's image, of an image by its URL,
  # or, if empty, of all. At most 4096 rows. Refused with `notFound`, `unavailable` (prefetch is off).

  fileHeat @24 (volume :Text, rowsMax :UInt32) -> (answer :Answer(Values.FileHeatMap));
  # Which files of a volume's image are expected to be read, the hottest first. At most `rowsMax`; 0 or more than 1024 means
  # 1024. Refused with `notFound` (volume), `unavailable` (the image's files cannot be read, or were not read yet).
}

interface RecordStream {
  # Dropping it ends the stream.

  next @0 (max :UInt32) -> (answer :Answer(Records.RecordBatch));
  # At most `max` rows; 0 or more than 1024 means 1024. Of a stream that follows it waits up to 5 s for news, and
  # then answers an empty batch. A batch may be empty at any other time, too: the search goes on. Refused with
  # `busy` (an earlier `next` of this stream is unanswered), `unavailable`, `ioFailed`: open a new stream.
}
