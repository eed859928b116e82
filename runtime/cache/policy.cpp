#include "runtime/cache/policy.hpp"
#include "runtime/cache/arc.hpp"
#include "runtime/cache/lfu.hpp"
#include "runtime/cache/lru.hpp"
#include "runtime/cache/s3_fifo.hpp"
#include <algorithm>

namespace forerun::cache {

std::string_view to_string(policy_kind kind) {
  switch (kind) {
  case policy_kind::s3_fifo:
    return "s3-fifo";
  case policy_kind::lru:
    return "lru";
  case policy_kind::lfu:
    return "lfu";
  case policy_kind::arc:
    return "arc";
  }
  return "unknown";
}

result<policy_kind> policy_named(std::string_view name) {
  for (auto kind : {policy_kind::s3_fifo, policy_kind::lru, policy_kind::lfu, policy_kind::arc})
    if (name == to_string(kind))
      return kind;
  return errc::invalid_argument;
}

std::unique_ptr<policy> make_policy(policy_kind kind, std::size_t capacity) {
  capacity = std::clamp<std::size_t>(capacity, 1, no_slot - 1);
  switch (kind) {
  case policy_kind::lru:
    return std::make_unique<lru>(capacity);
  case policy_kind::lfu:
    return std::make_unique<lfu>(capacity);
  case policy_kind::arc:
    return std::make_unique<arc>(capacity);
  case policy_kind::s3_fifo:
    break;
  }
  return std::make_unique<s3_fifo>(capacity);
}

} // namespace forerun::cache
