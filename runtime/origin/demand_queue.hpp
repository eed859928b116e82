#pragma once
#include "runtime/origin/origin.hpp"
#include <deque>
#include <optional>
#include <utility>

namespace forerun::origin {

/// Waiting requests: every demand goes before every prefetch, each in order of arrival. Not thread-safe.
/// The owner bounds it.
template <class T> class demand_queue {
public:
  void push(priority how, T what) { of(how).push_back(std::move(what)); }
  /// Puts back what could not be sent; it is the next of its kind.
  void push_front(priority how, T what) { of(how).push_front(std::move(what)); }

  std::optional<T> pop() {
    auto& from = demand_.empty() ? prefetch_ : demand_;
    if (from.empty())
      return std::nullopt;
    std::optional<T> what(std::move(from.front()));
    from.pop_front();
    return what;
  }

  std::size_t size() const { return demand_.size() + prefetch_.size(); }
  bool empty() const { return demand_.empty() && prefetch_.empty(); }

private:
  std::deque<T>& of(priority how) { return how == priority::demand ? demand_ : prefetch_; }
  std::deque<T> demand_;
  std::deque<T> prefetch_;
};

} // namespace forerun::origin
