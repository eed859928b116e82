#pragma once
#include "runtime/provenance/aggregates.hpp"
#include "runtime/provenance/log_view.hpp"
#include <string>

/// Questions about many records of the log at once.
namespace forerun::control {

inline constexpr std::size_t question_rows_max = 4096; ///< Of one answer.
/// So many records one question looks at; that takes seconds, and others wait for it.
inline constexpr std::uint64_t question_records_max = std::uint64_t{1} << 25;
static_assert(provenance::programs_max <= question_rows_max &&
              provenance::intervals_max <= question_rows_max);

/// A question of `runtime/provenance`, as somebody outside asks it.
template <class Question> struct log_question {
  Question what;      ///< Bounds are the node's, whatever its filter and its limits say.
  std::string volume; ///< Its name, instead of kind and space; empty: as the filter says.
};

using sum_question = log_question<provenance::sum_question>;
using top_question = log_question<provenance::top_question>;
using arrival_question = log_question<provenance::arrival_question>;
using sequence_question = log_question<provenance::sequence_question>;
using working_set_question = log_question<provenance::working_set_question>;

} // namespace forerun::control
