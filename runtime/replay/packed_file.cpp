#include "runtime/replay/packed_file.hpp"
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

namespace forerun::replay {

void packed_file::closer::operator()(gzFile_s* file) const {
  ::gzclose(file);
}

result<packed_file> packed_file::open(const std::string& path) {
  const auto fd =
      path == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return errno == ENOENT ? errc::not_found : errno == EACCES ? errc::permission_denied : errc::io_failed;
  auto* file = ::gzdopen(fd, "rb");
  if (file == nullptr) {
    ::close(fd);
    return errc::io_failed;
  }
  return packed_file(file);
}

result<std::size_t> packed_file::read(std::span<char> into) {
  constexpr std::size_t step_max = 1u << 30; // zlib counts in 32 bits.
  const auto got = ::gzread(file_.get(), into.data(), static_cast<unsigned>(std::min(into.size(), step_max)));
  int why = Z_OK;
  // zlib hands files that are not gzip through as they are. A packed file that ends early shows only at the
  // end.
  if (got <= 0 && (got < 0 || ::gzdirect(file_.get()) == 0))
    ::gzerror(file_.get(), &why);
  if (got < 0)
    return why == Z_ERRNO ? errc::io_failed : errc::corrupt;
  if (got == 0 && why != Z_OK && why != Z_STREAM_END)
    return errc::corrupt;
  return static_cast<std::size_t>(got);
}

} // namespace forerun::replay
