#include "runtime/origin/open.hpp"
#include "runtime/base/units.hpp"
#include "runtime/origin/file.hpp"
#include "runtime/origin/http.hpp"
#include "runtime/origin/nbd.hpp"
#include "runtime/origin/pattern.hpp"
#include <charconv>
#include <fmt/format.h>
#include <string_view>

namespace forerun::origin {
namespace {

/// `SIZE[?seed=N]`
opened open_pattern(const std::string& url, std::string_view rest) {
  const trouble wrong{errc::invalid_argument,
                      fmt::format("{}: not a pattern; write pattern:SIZE or pattern:SIZE?seed=NUMBER, "
                                  "e.g. pattern:560M?seed=7",
                                  url)};
  std::uint64_t seed = 0;
  const auto mark = rest.find('?');
  if (mark != std::string_view::npos) {
    constexpr std::string_view key = "seed=";
    auto text = rest.substr(mark + 1);
    if (!text.starts_with(key))
      return wrong;
    text.remove_prefix(key.size());
    const auto* end = text.data() + text.size();
    const auto [at, failed] = std::from_chars(text.data(), end, seed);
    if (failed != std::errc{} || at != end)
      return wrong;
  }
  const auto bytes = parse_bytes(rest.substr(0, mark));
  if (!bytes || bytes.value() == 0)
    return wrong;
  return std::shared_ptr<source>(std::make_shared<pattern_source>(bytes.value(), seed));
}

} // namespace

opened open_source(const std::string& url, const source_options& options) {
  if (url.size() > url_bytes_max || url.find('\0') != std::string::npos)
    return trouble{errc::invalid_argument,
                   fmt::format("{:.64}…: longer than {} bytes or holds a zero byte; shorten the URL", url,
                               url_bytes_max)};
  const std::string_view text = url;
  const auto scheme = text.substr(0, text.find(':'));
  const auto rest = text.substr(std::min(scheme.size() + 1, text.size()));
  if (scheme == "file")
    return open_file(std::string(rest), options);
  if (scheme == "nbd" || scheme == "nbd+unix")
    return open_nbd(url, options);
  if (scheme == "http" || scheme == "https")
    return open_http(url, options);
  if (scheme == "pattern")
    return open_pattern(url, rest);
  return trouble{errc::unsupported,
                 fmt::format("{}: unknown kind of source; use file:/path, nbd://host/export, "
                             "nbd+unix:///export?socket=/path, http://…, https://… or pattern:SIZE",
                             url)};
}

} // namespace forerun::origin
