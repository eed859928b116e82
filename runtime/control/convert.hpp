#pragma once
#include "runtime/control/api.hpp"
#include "schemas/wire/control.capnp.h"
#include <algorithm>

/// Inside runtime/control only: values to words and back. Reading never trusts an enumerator: one that this
/// build does not know becomes the first.
namespace forerun::control {

void write(wire::Refusal::Builder to, const failure& from);
void write(wire::Done::Builder to, const done& from);
void write(wire::NodeStatus::Builder to, const node_status& from);
void write(wire::ActorRow::Builder to, const actor_row& from);
void write(wire::VolumeRow::Builder to, const volume_row& from);
void write(wire::VolumeSpec::Builder to, const volume_spec& from);
void write(wire::ExportPlace::Builder to, const export_place& from);
void write(wire::CacheDropped::Builder to, const cache_dropped& from);
void write(wire::HeatMap::Builder to, const heat_map& from);
void write(wire::PredictionRow::Builder to, const prediction_row& from);
void write(wire::FileHeatMap::Builder to, const file_heat_map& from);
void write(wire::WhyRow::Builder to, const why_row& from);
void write(wire::HistoryRow::Builder to, const history_row& from);
void write(wire::VerifyReport::Builder to, const verify_report& from);
void write(wire::RunInfo::Builder to, const run_info& from);
void write(wire::ImportBatch::Builder to, const import_batch& from);
void write(wire::ImportDone::Builder to, const import_done& from);
/// All but `follow` and `all`, which travel beside the filter.
void write(wire::RecordFilter::Builder to, const record_question& from);
void write(wire::RecordContext::Builder to, const provenance::context& from);
/// At most `record_rows_max` rows.
void write(wire::RecordBatch::Builder to, const record_batch& from);
/// The context of a row travels beside it.
void write(wire::RecordRow::Builder to, const provenance::record& from);
void write(wire::GraphQuestion::Builder to, const graph_question& from);
void write(wire::Graph::Builder to, const provenance::graph& from);
void write(wire::Origins::Builder to, const provenance::read_origins& from);

failure read(wire::Refusal::Reader from);
done read(wire::Done::Reader from);
node_status read(wire::NodeStatus::Reader from);
actor_row read(wire::ActorRow::Reader from);
volume_row read(wire::VolumeRow::Reader from);
volume_spec read(wire::VolumeSpec::Reader from);
export_place read(wire::ExportPlace::Reader from);
cache_dropped read(wire::CacheDropped::Reader from);
heat_map read(wire::HeatMap::Reader from);
prediction_row read(wire::PredictionRow::Reader from);
file_heat_map read(wire::FileHeatMap::Reader from);
why_row read(wire::WhyRow::Reader from);
history_row read(wire::HistoryRow::Reader from);
verify_report read(wire::VerifyReport::Reader from);
run_info read(wire::RunInfo::Reader from);
import_done read(wire::ImportDone::Reader from);

/// Of what a tool hands over nothing is taken as it is: a batch, or why it is none.
std::variant<import_batch, failure> read(wire::ImportBatch::Reader from);
/// Errors: `invalid_argument`.
answer<record_question> read(wire::RecordFilter::Reader from);
provenance::context read(wire::RecordContext::Reader from);
record_batch read(wire::RecordBatch::Reader from);
provenance::record read(wire::RecordRow::Reader from);
/// Errors: `invalid_argument`.
answer<graph_question> read(wire::GraphQuestion::Reader from);
/// Edges between nodes that are not there are left out.
provenance::graph read(wire::Graph::Reader from);
provenance::read_origins read(wire::Origins::Reader from);

// Questions about many records, and their answers of at most `question_rows_max` rows
// (convert_questions.cpp). Errors of questions: `invalid_argument`.
void write(wire::SumQuestion::Builder to, const sum_question& from);
void write(wire::SumAnswer::Builder to, const provenance::sum_answer& from);
void write(wire::TopQuestion::Builder to, const top_question& from);
void write(wire::TopAnswer::Builder to, const provenance::top_answer& from);
void write(wire::ArrivalQuestion::Builder to, const arrival_question& from);
void write(wire::ArrivalAnswer::Builder to, const provenance::arrival_answer& from);
void write(wire::SequenceQuestion::Builder to, const sequence_question& from);
void write(wire::SequenceAnswer::Builder to, const provenance::sequence_answer& from);
void write(wire::WorkingSetQuestion::Builder to, const working_set_question& from);
void write(wire::WorkingSetAnswer::Builder to, const provenance::working_set_answer& from);
answer<sum_question> read(wire::SumQuestion::Reader from);
provenance::sum_answer read(wire::SumAnswer::Reader from);
answer<top_question> read(wire::TopQuestion::Reader from);
provenance::top_answer read(wire::TopAnswer::Reader from);
answer<arrival_question> read(wire::ArrivalQuestion::Reader from);
provenance::arrival_answer read(wire::ArrivalAnswer::Reader from);
answer<sequence_question> read(wire::SequenceQuestion::Reader from);
provenance::sequence_answer read(wire::SequenceAnswer::Reader from);
answer<working_set_question> read(wire::WorkingSetQuestion::Reader from);
provenance::working_set_answer read(wire::WorkingSetAnswer::Reader from);

/// What a row count of a call means: 0 is the most.
inline std::uint32_t bounded(std::uint32_t asked, std::size_t most) {
  return asked == 0 || asked > most ? static_cast<std::uint32_t>(most) : asked;
}

/// Of one message; both sides refuse more.
inline constexpr std::size_t answer_bytes_max = 16u << 20;

/// How many rows of a listing travel.
template <class Row> inline constexpr std::size_t rows_max = 0;
template <> inline constexpr std::size_t rows_max<actor_row> = actors_max;
template <> inline constexpr std::size_t rows_max<volume_row> = volumes_max;
template <> inline constexpr std::size_t rows_max<history_row> = history_rows_max;
template <> inline constexpr std::size_t rows_max<prediction_row> = prediction_rows_max;

template <class Answer, class T> void write_answer(Answer to, const answer<T>& from) {
  if (const auto* why = std::get_if<1>(&from))
    write(to.initRefused(), *why);
  else
    write(to.initValue(), std::get<0>(from));
}

template <class Answer, class Row> void write_answer(Answer to, const answer<std::vector<Row>>& from) {
  if (const auto* why = std::get_if<1>(&from)) {
    write(to.initRefused(), *why);
    return;
  }
  const auto& rows = std::get<0>(from);
  const auto count = static_cast<capnp::uint>(std::min(rows.size(), rows_max<Row>));
  auto list = to.initValue(count);
  for (capnp::uint i = 0; i < count; ++i)
    write(list[i], rows[i]);
}

template <class T> struct answer_reader {
  template <class Answer> static answer<T> of(Answer from) {
    if (from.isRefused())
      return read(from.getRefused());
    return read(from.getValue());
  }
};

template <class Row> struct answer_reader<std::vector<Row>> {
  template <class Answer> static answer<std::vector<Row>> of(Answer from) {
    if (from.isRefused())
      return read(from.getRefused());
    std::vector<Row> rows;
    for (auto row : from.getValue()) {
      if (rows.size() == rows_max<Row>)
        break;
      rows.push_back(read(row));
    }
    return rows;
  }
};

} // namespace forerun::control
