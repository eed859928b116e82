#include "runtime/sim/sim_disk.hpp"
#include "runtime/sim/sim_inode.hpp"
#include <map>
#include <mutex>
#include <optional>

namespace forerun::sim {

using names = std::map<std::string, std::shared_ptr<inode>, std::less<>>;

struct sim_disk::state {
  explicit state(std::uint64_t seed) : chance(seed) {}

  /// Counts an operation; the error that it must end with, if any.
  std::optional<errc> begin() {
    const auto number = operations++;
    if (power_lost_at && number >= *power_lost_at)
      return errc::io_failed;
    if (const auto found = faults.find(number); found != faults.end())
      return found->second;
    return std::nullopt;
  }
  /// Nothing happens any more, not even in part.
  bool dark() const { return power_lost_at && operations > *power_lost_at + 1; }
  std::uint64_t space_used() const {
    std::map<const inode*, std::uint64_t> each; // A file may have lost its name and be open still.
    for (const auto& weak : inodes)
      if (const auto found = weak.lock())
        each[found.get()] = found->space_used();
    std::uint64_t sum = 0;
    for (const auto& [file, bytes] : each)
      sum += bytes;
    return sum;
  }
  void names_changed() { history.push_back(now); }

  std::mutex mutex;
  std::function<void(std::uint64_t)> hook;
  dice chance;
  names now;
  std::vector<names> history{names{}}; ///< As of the last sync_names, and after each change since.
  std::vector<std::weak_ptr<inode>> inodes;
  std::uint64_t operations = 0;
  std::map<std::uint64_t, errc> faults;
  std::optional<std::uint64_t> power_lost_at;
  std::uint64_t space_max = ~std::uint64_t{0};
};

/// One operation: counts it, holds the lock, and calls the hook when both are over.
class sim_disk::turn {
public:
  explicit turn(state& of) : of_(of), lock_(of.mutex), number_(of.operations), fault(of.begin()) {}
  turn(const turn&) = delete;
  turn& operator=(const turn&) = delete;
  ~turn() {
    lock_.unlock();
    if (of_.hook)
      of_.hook(number_);
  }

private:
  state& of_;
  std::unique_lock<std::mutex> lock_;
  const std::uint64_t number_;

public:
  const std::optional<errc> fault;
};

class sim_disk::file final : public disk_file {
public:
  file(std::shared_ptr<state> of, std::shared_ptr<inode> content)
      : state_(std::move(of)), inode_(std::move(content)) {}

  result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) override {
    const turn now{*state_};
    if (now.fault)
      return *now.fault;
    return inode_->read(offset, into);
  }
  result<void> write(std::uint64_t offset, std::span<const std::byte> data) override {
    const turn now{*state_};
    if (now.fault) {
      if (!state_->dark())
        inode_->write_torn(offset, data, state_->chance);
      return *now.fault;
    }
    const auto needed = inode_->holes_in(offset, data.size()) * sector_bytes;
    if (needed > 0 && state_->space_max != ~std::uint64_t{0} &&
        state_->space_used() + needed > state_->space_max)
      return errc::no_space;
    inode_->write(offset, data);
    return success();
  }
  result<void> sync_data() override {
    const turn now{*state_};
    if (now.fault) {
      if (!state_->dark())
        inode_->sync_badly(state_->chance);
      return *now.fault;
    }
    inode_->sync();
    return success();
  }
  result<void> punch(std::uint64_t offset, std::uint64_t length) override {
    return change([&] { inode_->punch(offset, length); });
  }
  result<void> resize(std::uint64_t length) override {
    return change([&] { inode_->resize(length); });
  }
  result<std::uint64_t> size() override {
    const turn now{*state_};
    if (now.fault)
      return *now.fault;
    return inode_->size();
  }

private:
  template <class Change> result<void> change(Change work) {
    const turn now{*state_};
    if (now.fault)
      return *now.fault;
    work();
    return success();
  }

  std::shared_ptr<state> state_;
  std::shared_ptr<inode> inode_;
};

sim_disk::sim_disk(std::uint64_t seed) : state_(std::make_shared<state>(seed)) {
}
sim_disk::~sim_disk() = default;

result<std::unique_ptr<disk_file>> sim_disk::open(std::string_view name, bool create) {
  const turn now{*state_};
  if (now.fault)
    return *now.fault;
  auto found = state_->now.find(name);
  if (found == state_->now.end()) {
    if (!create)
      return errc::not_found;
    found = state_->now.emplace(std::string{name}, std::make_shared<inode>()).first;
    state_->inodes.push_back(found->second);
    state_->names_changed();
  }
  found->second->reopened();
  return std::unique_ptr<disk_file>{std::make_unique<file>(state_, found->second)};
}

result<std::unique_ptr<disk_file>> sim_disk::open_to_read(std::string_view name) {
  const turn now{*state_};
  if (now.fault)
    return *now.fault;
  const auto found = state_->now.find(name);
  if (found == state_->now.end())
    return errc::not_found;
  return std::unique_ptr<disk_file>{std::make_unique<file>(state_, found->second)};
}

result<void> sim_disk::remove(std::string_view name) {
  const turn now{*state_};
  if (now.fault)
    return *now.fault;
  const auto found = state_->now.find(name);
  if (found == state_->now.end())
    return errc::not_found;
  state_->now.erase(found);
  state_->names_changed();
  return success();
}

result<void> sim_disk::rename(std::string_view from, std::string_view to) {
  const turn now{*state_};
  if (now.fault)
    return *now.fault;
  const auto found = state_->now.find(from);
  if (found == state_->now.end())
    return errc::not_found;
  auto content = std::move(found->second);
  state_->now.erase(found);
  state_->now.insert_or_assign(std::string{to}, std::move(content));
  state_->names_changed();
  return success();
}

result<void> sim_disk::sync_names() {
  const turn now{*state_};
  if (now.fault)
    return *now.fault;
  state_->history.assign(1, state_->now);
  return success();
}

result<std::vector<std::string>> sim_disk::list() {
  const turn now{*state_};
  if (now.fault)
    return *now.fault;
  std::vector<std::string> all;
  for (const auto& [name, content] : state_->now)
    all.push_back(name);
  return all;
}

std::uint64_t sim_disk::operations() const {
  std::lock_guard guard{state_->mutex};
  return state_->operations;
}

void sim_disk::fail_at(std::uint64_t operation, errc how) {
  std::lock_guard guard{state_->mutex};
  state_->faults[operation] = how;
}

void sim_disk::lose_power_at(std::uint64_t operation) {
  std::lock_guard guard{state_->mutex};
  state_->power_lost_at = operation;
}

void sim_disk::set_hook(std::function<void(std::uint64_t)> hook) {
  std::lock_guard guard{state_->mutex};
  state_->hook = std::move(hook);
}

void sim_disk::set_space(std::uint64_t bytes_max) {
  std::lock_guard guard{state_->mutex};
  state_->space_max = bytes_max;
}

std::uint64_t sim_disk::space_used() const {
  std::lock_guard guard{state_->mutex};
  return state_->space_used();
}

result<void> sim_disk::damage(std::string_view name, std::uint64_t offset) {
  std::lock_guard guard{state_->mutex};
  const auto found = state_->now.find(name);
  if (found == state_->now.end() || !found->second->damage(offset))
    return errc::not_found;
  return success();
}

std::unique_ptr<sim_disk> sim_disk::crash(std::uint64_t seed) const {
  std::lock_guard guard{state_->mutex};
  dice chance{seed};
  auto after = std::make_unique<sim_disk>(chance.next());
  const auto& kept = state_->history[chance.below(state_->history.size())];
  for (const auto& [name, content] : kept) {
    auto left = std::make_shared<inode>(content->crashed(chance));
    after->state_->inodes.push_back(left);
    after->state_->now.emplace(name, std::move(left));
  }
  after->state_->history.assign(1, after->state_->now);
  after->state_->space_max = state_->space_max;
  return after;
}

} // namespace forerun::sim
