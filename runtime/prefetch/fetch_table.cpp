#include "runtime/prefetch/fetch_table.hpp"
#include <algorithm>

namespace forerun::prefetch {

namespace {

extent overlap(extent a, extent b) {
  const auto first = std::max(a.first, b.first);
  const auto end = std::min(a.end(), b.end());
  return {first, end > first ? static_cast<std::uint32_t>(end - first) : 0};
}

void append(std::vector<extent>& list, std::uint64_t block) {
  if (!list.empty() && list.back().end() == block)
    ++list.back().count;
  else
    list.push_back({block, 1});
}

} // namespace

order fetch_table::start(extent where, bool demand) {
  const fetch_id id{next_++};
  for (auto block = where.first; block < where.end(); ++block)
    blocks_[block] = id;
  fetches_[id.value] = {where, demand, {}, {}};
  return {id, where, demand};
}

void fetch_table::join(fetch& what, waiter_id who, extent where) {
  if (what.wanted.empty())
    what.wanted.resize(what.where.count);
  const auto common = overlap(what.where, where);
  for (auto block = common.first; block < common.end(); ++block)
    what.wanted[block - what.where.first] = true;
  what.waiters.push_back(who);
}

result<fetch_table::wanted> fetch_table::want(waiter_id who, extent where, const residency& local) {
  wanted answer;
  std::vector<extent> absent;
  std::vector<fetch_id> joined;
  for (auto block = where.first; block < where.end(); ++block) {
    if (!local.absent(block))
      continue;
    ++answer.missing;
    if (const auto found = blocks_.find(block); found != blocks_.end()) {
      if (joined.empty() || joined.back() != found->second)
        joined.push_back(found->second);
      if (!fetches_[found->second.value].demand)
        append(answer.late, block);
    } else if (!absent.empty() && absent.back().end() == block &&
               absent.back().count < limits_.order_blocks_max) {
      ++absent.back().count;
    } else {
      absent.push_back({block, 1});
    }
  }
  if (answer.missing == 0)
    return answer;
  if (waiters_.size() >= limits_.waiters_max || fetches_.size() + absent.size() > limits_.fetches_max)
    return errc::overloaded;
  std::sort(joined.begin(), joined.end());
  joined.erase(std::unique(joined.begin(), joined.end()), joined.end());
  answer.how = absent.empty() && !answer.late.empty() ? outcome::late : outcome::miss;
  for (const auto id : joined)
    join(fetches_[id.value], who, where);
  for (const auto piece : absent) {
    answer.orders.push_back(start(piece, true));
    join(fetches_[answer.orders.back().id.value], who, where);
  }
  waiters_[who.value] = static_cast<std::uint32_t>(joined.size() + absent.size());
  return answer;
}

fetch_table::admitted fetch_table::admit(std::span<const plan> plans, const residency& local) {
  admitted answer;
  for (const auto& item : plans) {
    std::vector<extent> absent;
    for (auto block = item.where.first; block < item.where.end(); ++block)
      if (!blocks_.contains(block) && local.absent(block))
        append(absent, block);
    for (const auto piece : absent) {
      if (fetches_.size() >= limits_.fetches_max)
        return answer;
      answer.orders.push_back(start(piece, false));
      answer.plans.push_back({piece, item.why});
    }
  }
  return answer;
}

result<fetch_table::arrival> fetch_table::arrived(fetch_id id) {
  const auto found = fetches_.find(id.value);
  if (found == fetches_.end())
    return errc::not_found;
  auto done = std::move(found->second);
  fetches_.erase(found);
  for (auto block = done.where.first; block < done.where.end(); ++block)
    blocks_.erase(block);
  arrival answer{done.where, done.demand, {}, std::move(done.wanted)};
  answer.read_already.resize(done.where.count);
  for (const auto who : done.waiters) {
    const auto waiter = waiters_.find(who.value);
    if (waiter == waiters_.end())
      continue; // It failed with another fetch.
    const bool complete = --waiter->second == 0;
    answer.waiters.push_back({who, complete});
    if (complete)
      waiters_.erase(waiter);
  }
  return answer;
}

result<fetch_table::failure> fetch_table::failed(fetch_id id) {
  const auto found = fetches_.find(id.value);
  if (found == fetches_.end())
    return errc::not_found;
  auto lost = std::move(found->second);
  fetches_.erase(found);
  failure answer{lost.where, lost.demand, {}, {}};
  if (lost.demand || lost.waiters.empty()) {
    for (auto block = lost.where.first; block < lost.where.end(); ++block)
      blocks_.erase(block);
    for (const auto who : lost.waiters)
      if (waiters_.erase(who.value) != 0)
        answer.failed.push_back(who);
    return answer;
  }
  // Who joined a prefetch must not fail with it: the same blocks are asked for again, as demand.
  auto retry = start(lost.where, true);
  auto& entry = fetches_[retry.id.value];
  entry.waiters = std::move(lost.waiters);
  entry.wanted = std::move(lost.wanted);
  answer.again.push_back(retry);
  return answer;
}

} // namespace forerun::prefetch
