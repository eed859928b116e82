#include "runtime/study/successor.hpp"

namespace forerun::study {

void last_successor::observe(const access& seen, const residency&, const predict::link_figures&,
                             wishes& out) {
  if (begun_ && last_ != seen.where.first) {
    if (after_.size() >= requests_max)
      after_.clear();
    after_[last_] = seen.where;
  }
  begun_ = true;
  last_ = seen.where.first;
  if (const auto next = after_.find(last_); next != after_.end())
    out.fetch.push_back({.where = next->second});
}

} // namespace forerun::study
