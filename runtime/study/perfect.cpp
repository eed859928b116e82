#include "runtime/study/perfect.hpp"

namespace forerun::study {

void perfect::coming(const request& what, std::uint64_t number) {
  next_.push_back({{what.first, what.count}, number});
}

void perfect::observe(const access&, const residency& here, const predict::link_figures&, wishes& out) {
  if (!next_.empty()) {
    if (asked_ > 0) {
      --asked_;
      asked_elements_ -= next_.front().where.count;
    }
    next_.pop_front(); // It is the one observed now.
  }
  for (; asked_ < next_.size(); ++asked_) {
    const auto& one = next_[asked_];
    if (asked_ > 0 && asked_elements_ + one.where.count > room_)
      break;
    asked_elements_ += one.where.count;
    for (auto block = one.where.first; block < one.where.end(); ++block)
      if (here.absent(block))
        limit_.coming({block}, one.number);
    out.fetch.push_back({.where = one.where});
  }
}

} // namespace forerun::study
