#pragma once
#include <cstddef>
#include <new>
#include <sys/mman.h>
#include <utility>

namespace forerun::store {

/// An array of zeroes that takes no memory until it is written, page by page: what a table over all blocks of
/// a volume needs. T is all right as zero bytes and needs no destructor.
template <class T> class zero_pages {
public:
  zero_pages() = default;
  /// Throws std::bad_alloc.
  explicit zero_pages(std::size_t count) : bytes_((count == 0 ? 1 : count) * sizeof(T)) {
    void* memory =
        mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
      throw std::bad_alloc{};
    items_ = static_cast<T*>(memory);
  }
  zero_pages(zero_pages&& other) noexcept
      : items_(std::exchange(other.items_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  zero_pages& operator=(zero_pages&& other) noexcept {
    std::swap(items_, other.items_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~zero_pages() {
    if (items_ != nullptr)
      munmap(items_, bytes_);
  }
  T& operator[](std::size_t at) const { return items_[at]; }

private:
  T* items_ = nullptr;
  std::size_t bytes_ = 0;
};

} // namespace forerun::store
