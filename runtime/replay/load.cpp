#include "runtime/replay/load.hpp"
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <unistd.h>
#include <zlib.h>

namespace forerun::replay {
namespace {

struct closer {
  void operator()(gzFile file) const { ::gzclose(file); }
};

/// All of the file's text. zlib hands files that are not gzip through as they are.
result<std::string> unpack(gzFile file) {
  constexpr std::size_t step = 1u << 20;
  std::string text;
  while (true) {
    const auto have = text.size();
    text.resize(have + step);
    const auto got = ::gzread(file, text.data() + have, step);
    if (got < 0) {
      int why = 0;
      ::gzerror(file, &why);
      return why == Z_ERRNO ? errc::io_failed : errc::corrupt;
    }
    text.resize(have + static_cast<std::size_t>(got));
    if (text.size() > trace_text_bytes_max)
      return errc::out_of_range;
    if (got == 0)
      return text;
  }
}

} // namespace

result<trace::boot_trace> load_trace(const std::string& path, const trace::trace_limits& limits) {
  const auto fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return errno == ENOENT ? errc::not_found : errno == EACCES ? errc::permission_denied : errc::io_failed;
  const std::unique_ptr<gzFile_s, closer> file(::gzdopen(fd, "rb"));
  if (!file) {
    ::close(fd);
    return errc::io_failed;
  }
  auto text = unpack(file.get());
  // A packed file that ends early shows only at the end.
  if (text && ::gzdirect(file.get()) == 0) {
    int why = Z_OK;
    ::gzerror(file.get(), &why);
    if (why != Z_OK && why != Z_STREAM_END)
      return errc::corrupt;
  }
  if (!text)
    return text.error();
  return trace::parse(text.value(), limits);
}

} // namespace forerun::replay
