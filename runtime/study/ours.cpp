#include "runtime/study/ours.hpp"

namespace forerun::study {

void ours::begin_run() {
  if (running_)
    return;
  running_ = true;
  ++run_.value;
  mix_.begin_run();
  history_.begin(run_, {}).value();
}

void ours::train(const access& seen) {
  begin_run();
  history_.observe(run_, seen);
  mix_.recall(seen);
}

void ours::trained() {
  history_.end(run_);
  running_ = false;
  known_ = true;
}

predict::scores ours::proposed() const {
  auto all = mix_.scores().together.all;
  all.merge(history_.seen());
  return all;
}

void ours::observe(const access& seen, const residency& here, const predict::link_figures& link,
                   wishes& out) {
  // Without earlier runs there is nothing to follow, and a long trace would only fill the history.
  bool explained = false;
  if (known_) {
    begin_run();
    explained = history_.explains(run_, seen.where);
    history_.observe(run_, seen);
    if (auto news = history_.rank(run_, seen.arrived)) {
      ranked_ = std::move(news->ranked);
      ranked_at_ = 0;
    }
  }
  said_.fetch.clear();
  said_.keep.clear();
  mix_.observe(seen, explained, here, link, said_);
  out.fetch.insert(out.fetch.end(), said_.fetch.begin(), said_.fetch.end());
  out.keep.insert(out.keep.end(), said_.keep.begin(), said_.keep.end());
  for (std::size_t blocks = 0; ranked_at_ < ranked_.size() && blocks < ranked_step; ++ranked_at_) {
    out.fetch.push_back(ranked_[ranked_at_]);
    blocks += ranked_[ranked_at_].where.count;
  }
}

} // namespace forerun::study
