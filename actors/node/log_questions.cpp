#include "actors/node/look.hpp"

namespace forerun::actors {
namespace {

result<provenance::sum_answer> answer_to(const provenance::sum_question& about,
                                         const provenance::log_view& log) {
  return log.sum(about);
}
result<provenance::top_answer> answer_to(const provenance::top_question& about,
                                         const provenance::log_view& log) {
  return top(log, about);
}
result<provenance::arrival_answer> answer_to(const provenance::arrival_question& about,
                                             const provenance::log_view& log) {
  return arrivals(log, about);
}
result<provenance::sequence_answer> answer_to(const provenance::sequence_question& about,
                                              const provenance::log_view& log) {
  return sequences(log, about);
}
result<provenance::working_set_answer> answer_to(const provenance::working_set_question& about,
                                                 const provenance::log_view& log) {
  return working_set(log, about);
}

} // namespace

template <class Question, class Answer>
void node_state::ask_log(const control::log_question<Question>& about, const control::reply<Answer>& to) {
  auto wanted = resolved({.wanted = about.what.wanted, .volume = about.volume});
  if (!wanted) {
    to.fail(no_such_volume(about.volume));
    return;
  }
  auto what = about.what;
  what.wanted = std::move(*wanted);
  what.wanted.examined_max = control::question_records_max;
  look<Answer>(
      to, [what](const provenance::log_view& log) { return answer_to(what, log); }, provenance::sums::known);
}

template void node_state::ask_log(const control::sum_question&,
                                  const control::reply<provenance::sum_answer>&);
template void node_state::ask_log(const control::top_question&,
                                  const control::reply<provenance::top_answer>&);
template void node_state::ask_log(const control::arrival_question&,
                                  const control::reply<provenance::arrival_answer>&);
template void node_state::ask_log(const control::sequence_question&,
                                  const control::reply<provenance::sequence_answer>&);
template void node_state::ask_log(const control::working_set_question&,
                                  const control::reply<provenance::working_set_answer>&);

} // namespace forerun::actors
