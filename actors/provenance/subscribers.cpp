#include "actors/provenance/subscribers.hpp"
#include <algorithm>

namespace forerun::actors {

result<subscribed> subscribers::add(const subscribe& what) {
  if (all_.size() >= subscribers_max)
    return errc::overloaded;
  auto wanted = what.wanted;
  if (wanted.position_from == control::position_newest)
    wanted.position_from = log_.records();
  if (!what.follow)
    wanted.position_to = std::min(wanted.position_to, log_.records());
  subscriber it;
  it.who = what.who;
  it.reader = std::make_shared<provenance::subscription>(std::move(wanted), what.how);
  self_->monitor(it.who);
  const subscribed answer{next_++, it.reader->next_position()};
  all_.emplace(answer.subscription, std::move(it));
  return answer;
}

void subscribers::grant(const actors::grant& what) {
  const auto found = all_.find(what.subscription);
  if (found == all_.end())
    return;
  auto& it = found->second;
  it.credit += std::min(what.batches, credit_max - it.credit);
  it.rows_max = what.rows_max;
  look(found->first, it);
}

void subscribers::look(std::uint64_t id, subscriber& it) {
  if (it.pulling || it.credit == 0 || !(it.reader->behind(log_.records()) || it.reader->ended()))
    return;
  // Who reads everything finishes what it saw before it looks again; live is measured against the present.
  if (!it.view || it.reader->how() == provenance::pace::live ||
      it.reader->next_position() >= it.view->records())
    it.view = std::make_shared<const provenance::log_view>(log_.view());
  it.pulling = workers_.post([me = caf::actor_cast<provenance_actor>(self_), id, reader = it.reader,
                              view = it.view, rows = it.rows_max] {
    auto got = std::make_shared<result<std::optional<provenance::batch>>>(reader->pull(*view, rows));
    caf::anon_send(me, records_pulled{id, std::move(got)});
  });
  if (!it.pulling)
    appended(); // The workers have too much to do: again in a moment.
}

void subscribers::pulled(const records_pulled& what) {
  const auto found = all_.find(what.subscription);
  if (found == all_.end())
    return;
  auto& it = found->second;
  it.pulling = false;
  auto& got = *what.what;
  if (!got)
    tell(found, nullptr);
  else if (!got.value())
    look(found->first, it);
  else
    tell(found, std::make_shared<const provenance::batch>(std::move(*got.value())));
}

void subscribers::tell(subscriptions::iterator it, std::shared_ptr<const provenance::batch> what) {
  const bool over = what == nullptr || what->ended;
  caf::anon_send(it->second.who, records_told{it->first, std::move(what)});
  if (over) {
    all_.erase(it);
    return;
  }
  --it->second.credit;
  look(it->first, it->second);
}

void subscribers::appended() {
  if (news_due_ || all_.empty())
    return;
  news_due_ = true;
  self_->delayed_send(self_, news_pause, news_atom_v);
}

void subscribers::news() {
  news_due_ = false;
  for (auto& [id, it] : all_)
    look(id, it);
}

void subscribers::gone(const caf::down_msg& who) {
  std::erase_if(all_, [&](const auto& each) { return each.second.who.address() == who.source; });
}

} // namespace forerun::actors
