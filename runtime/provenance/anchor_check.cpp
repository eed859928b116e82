#include "runtime/provenance/anchor_check.hpp"
#include <algorithm>

namespace forerun::provenance {

anchor_check::anchor_check(read_anchors found, std::optional<ed25519_key> key)
    : key_(key), invalid_(found.invalid), all_(std::move(found.all)) {
  if (!key_ && !all_.empty())
    key_ = all_.front().key;
  std::stable_sort(all_.begin(), all_.end(), [](const read_anchor& a, const read_anchor& b) {
    return a.what.sequence < b.what.sequence;
  });
}

void anchor_check::begin(const chain& links) {
  while (next_ < all_.size() && all_[next_].what.sequence < links.sequence)
    ++next_;
  pass(links);
}

bool anchor_check::find_next() {
  for (; next_ < all_.size() && !next_holds_; next_ += next_holds_ ? 0 : 1) {
    const auto& it = all_[next_];
    next_holds_ = it.by(*key_);
    if (!next_holds_)
      invalid_ = std::min(invalid_.value_or(it.offset), it.offset);
  }
  return next_ < all_.size();
}

bool anchor_check::pass(const chain& links) {
  while (next_ < all_.size() && all_[next_].what.sequence <= links.sequence) {
    if (!next_holds_ && (!find_next() || all_[next_].what.sequence > links.sequence))
      break;
    const auto& it = all_[next_].what;
    if (it.sequence < links.sequence)
      return false;
    if (it.position != links.position || it.head != links.head)
      break; // The header of a segment may follow with the same sequence.
    last_ = it.at;
    ++passed_;
    ++next_;
    next_holds_ = false;
  }
  return true;
}

bool anchor_check::end() {
  return !find_next();
}

} // namespace forerun::provenance
