#pragma once
#include "runtime/base/result.hpp"
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace forerun::cli {

/// A temporary file of bytes, which has no name and is gone with its last reader. Reading: any thread.
class spool_file {
public:
  /// In the folder that TMPDIR names, else /var/tmp. Errors: as of the system.
  static result<spool_file> open();

  spool_file(spool_file&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  spool_file& operator=(spool_file&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~spool_file();

  result<void> write(std::uint64_t at, std::span<const std::byte> bytes) const;
  /// All of them must have been written.
  result<void> read(std::uint64_t at, std::span<std::byte> bytes) const;

private:
  explicit spool_file(int fd) : fd_(fd) {}
  int fd_ = -1;
};

/// Values of one type in a temporary file, so that memory does not grow with the length of a trace.
template <class T> class spool {
  static_assert(std::is_trivially_copyable_v<T>);

public:
  explicit spool(spool_file file) : file_(std::move(file)) {}

  result<void> append(const T& one) {
    rest_.push_back(one);
    return rest_.size() < piece ? success() : flush();
  }
  /// Before the first `read`.
  result<void> flush() {
    auto done = write(size_, rest_);
    size_ += rest_.size();
    rest_.clear();
    return done;
  }
  result<void> write(std::uint64_t at, std::span<const T> some) const {
    return file_.write(at * sizeof(T), std::as_bytes(some));
  }
  result<void> read(std::uint64_t at, std::span<T> some) const {
    return file_.read(at * sizeof(T), std::as_writable_bytes(some));
  }
  std::uint64_t size() const { return size_; }
  static constexpr std::size_t piece = 8192; ///< Values to move at once.

private:
  spool_file file_;
  std::vector<T> rest_;
  std::uint64_t size_ = 0;
};

} // namespace forerun::cli
