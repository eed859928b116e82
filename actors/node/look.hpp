#pragma once
#include "actors/node/state.hpp"

namespace forerun::actors {

/// Why a question about the log has no answer.
inline control::failure no_answer(errc why) {
  if (why == errc::timed_out)
    return {why, "looking through the log takes too long", "ask with lower limits, or for fewer elements"};
  if (why == errc::overloaded)
    return {why, "there is more to look at than one question may", "ask for fewer elements"};
  if (why == errc::cancelled)
    return {why, "the node ends", ""};
  return {why, std::string{to_string(why)}, ""};
}

template <class T>
void node_state::look(const control::reply<T>& to, std::function<result<T>(const provenance::log_view&)> work,
                      provenance::sums with) {
  const bool sent = on.others->tell<provenance_actor>(
      {role::provenance, 0},
      log_query{[to, work, with, ends = ends, asked = on.questions.get()](provenance::log& log) {
        auto view = log.view(with);
        view.give_up_unless([ends] { return !ends->load(); });
        const bool taken = asked->post([to, work, ends, view = std::move(view)] {
          auto got = ends->load() ? result<T>{errc::cancelled} : work(view);
          if (got)
            to(std::move(got.value()));
          else
            to.fail(no_answer(got.error()));
        });
        if (!taken)
          to.fail(errc::overloaded, "too many questions about the log wait", "try again later");
      }});
  if (!sent)
    to.fail(provenance_off());
}

} // namespace forerun::actors
