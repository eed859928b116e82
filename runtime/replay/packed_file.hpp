#pragma once
#include "runtime/base/result.hpp"
#include <cstddef>
#include <memory>
#include <span>
#include <string>

struct gzFile_s;

namespace forerun::replay {

/// A file that is read from its beginning to its end, packed by gzip or plain; a pipe, too. One thread.
class packed_file {
public:
  /// "-" is standard input. Errors: `not_found`, `permission_denied`, `io_failed` (a folder, for one).
  static result<packed_file> open(const std::string& path);

  /// The next bytes; 0 at the end. Errors: `io_failed`, `corrupt` (a checksum of gzip, or it ends early).
  result<std::size_t> read(std::span<char> into);

private:
  struct closer {
    void operator()(gzFile_s* file) const;
  };
  explicit packed_file(gzFile_s* file) : file_(file) {}
  std::unique_ptr<gzFile_s, closer> file_;
};

} // namespace forerun::replay
