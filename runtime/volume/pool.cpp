#include "runtime/volume/pool.hpp"
#include <sys/mman.h>
#include <unistd.h>

namespace forerun::volume {

result<std::unique_ptr<pool>> pool::make(std::uint64_t bytes) {
  const auto slots = static_cast<std::uint32_t>(bytes / block_bytes);
  if (slots == 0)
    return errc::invalid_argument;
  const int fd = memfd_create("forerun-pool", MFD_CLOEXEC);
  if (fd < 0)
    return errc::no_space;
  const auto length = std::size_t{slots} * block_bytes;
  void* memory = MAP_FAILED;
  if (ftruncate(fd, static_cast<off_t>(length)) == 0)
    memory = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (memory == MAP_FAILED) {
    close(fd);
    return errc::no_space;
  }
  return std::unique_ptr<pool>{new pool{fd, static_cast<std::byte*>(memory), slots}};
}

pool::pool(int fd, std::byte* memory, std::uint32_t slots) : fd_(fd), memory_(memory), slots_(slots) {
}

pool::~pool() {
  munmap(memory_, std::size_t{slots_} * block_bytes);
  close(fd_);
}

std::optional<std::uint32_t> pool::take() {
  std::lock_guard guard{mutex_};
  if (free_.empty() && unused_ == slots_ && readers_ != nullptr)
    reclaim(*readers_);
  if (!free_.empty()) {
    const auto slot = free_.back();
    free_.pop_back();
    return slot;
  }
  if (unused_ < slots_)
    return unused_++;
  return std::nullopt;
}

void pool::retire(std::span<const std::uint32_t> slots, const epochs& readers) {
  if (slots.empty())
    return;
  std::lock_guard guard{mutex_};
  readers_ = &readers;
  limbo_.push_back({readers.observe(), {slots.begin(), slots.end()}});
  reclaim(readers);
}

void pool::put_back(std::uint32_t slot) {
  std::lock_guard guard{mutex_};
  free_.push_back(slot);
}

std::uint32_t pool::available(const epochs& readers) {
  std::lock_guard guard{mutex_};
  reclaim(readers);
  return static_cast<std::uint32_t>(free_.size()) + (slots_ - unused_);
}

void pool::reclaim(const epochs& readers) {
  while (!limbo_.empty() && readers.passed(limbo_.front().since)) {
    const auto& slots = limbo_.front().slots;
    free_.insert(free_.end(), slots.begin(), slots.end());
    limbo_.pop_front();
  }
}

} // namespace forerun::volume
