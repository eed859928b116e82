#pragma once
#include "runtime/nbd/device.hpp"
#include <atomic>

namespace forerun::nbd {

/// An answer on its way to its connection.
struct late_answer {
  ticket to;
  result<answer> how;
  owned_bytes data;
  late_answer* next = nullptr;
};

/// Many threads put, one takes all: a list whose head is exchanged. Bounded by the requests that are open.
class inbox {
public:
  inbox() = default;
  inbox(const inbox&) = delete;
  inbox& operator=(const inbox&) = delete;
  ~inbox() { free_all(take()); }

  /// True: it was empty, so the taker has to be woken.
  bool put(std::unique_ptr<late_answer> what) {
    auto* node = what.release();
    node->next = head_.load(std::memory_order_relaxed);
    // `next` is ours until the exchange has worked; then the taker may have freed the node.
    auto* before = node->next;
    while (!head_.compare_exchange_weak(before, node, std::memory_order_release, std::memory_order_relaxed))
      node->next = before;
    return before == nullptr;
  }

  bool filled() const { return head_.load(std::memory_order_relaxed) != nullptr; }

  /// Calls `use` for each answer, oldest first.
  template <class F> void take_all(F use) {
    late_answer* oldest = nullptr;
    for (auto* node = take(); node != nullptr;) {
      auto* next = node->next;
      node->next = oldest;
      oldest = node;
      node = next;
    }
    while (oldest != nullptr) {
      const std::unique_ptr<late_answer> owned{oldest};
      oldest = owned->next;
      use(*owned);
    }
  }

private:
  late_answer* take() {
    // Most turns find nothing, and a load leaves the line where it is.
    if (head_.load(std::memory_order_relaxed) == nullptr)
      return nullptr;
    return head_.exchange(nullptr, std::memory_order_acquire);
  }
  static void free_all(late_answer* node) {
    while (node != nullptr) {
      const std::unique_ptr<late_answer> owned{node};
      node = owned->next;
    }
  }

  std::atomic<late_answer*> head_{nullptr};
};

} // namespace forerun::nbd
