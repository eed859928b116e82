#include "runtime/origin/http_reply.hpp"
#include <cstdlib>

// A hostile server's head, line by line: no crash, and nothing but the range that was asked for is accepted.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace forerun;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  origin::http_reply reply;
  while (!text.empty()) {
    const auto end = text.find('\n');
    reply.take(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  const auto range = origin::parse_content_range(reply.range);
  const origin::identity about{100, "etag \"a\""};
  if (!origin::fault_of(reply, about, 10, 20, 20) &&
      (reply.status != 206 || !range || range->first != 10 || range->last != 29 || range->total != 100 ||
       reply.etag != "\"a\""))
    std::abort();
  return 0;
}
