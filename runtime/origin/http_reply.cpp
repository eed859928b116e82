#include "runtime/origin/http_reply.hpp"
#include "runtime/base/text.hpp"
#include <algorithm>
#include <charconv>

namespace forerun::origin {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

/// Takes digits off the front of `text`.
bool take_number(std::string_view& text, std::uint64_t& out) {
  const auto [at, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (failed != std::errc{})
    return false;
  text.remove_prefix(static_cast<std::size_t>(at - text.data()));
  return true;
}

bool take_sign(std::string_view& text, char sign) {
  if (!text.starts_with(sign))
    return false;
  text.remove_prefix(1);
  return true;
}

} // namespace

void http_reply::take(std::string_view line) {
  if (line.starts_with("HTTP/")) {
    *this = {};
    auto rest = line.substr(std::min(line.find(' '), line.size()));
    std::uint64_t number = 0;
    if (take_sign(rest, ' ') && take_number(rest, number) && number < 1000)
      status = static_cast<long>(number);
    return;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos)
    return;
  const auto name = line.substr(0, colon);
  const auto value = trimmed(line.substr(colon + 1), " \t\r\n");
  if (value.size() > value_bytes_max)
    return;
  if (same_name(name, "etag"))
    etag = value;
  else if (same_name(name, "last-modified"))
    modified = value;
  else if (same_name(name, "content-range"))
    range = value;
}

std::string http_reply::validator() const {
  if (!etag.empty())
    return "etag " + etag;
  return modified.empty() ? "" : "modified " + modified;
}

std::optional<content_range> parse_content_range(std::string_view text) {
  constexpr std::string_view unit = "bytes ";
  content_range out;
  if (!text.starts_with(unit))
    return std::nullopt;
  text.remove_prefix(unit.size());
  const auto well = take_number(text, out.first) && take_sign(text, '-') && take_number(text, out.last) &&
                    take_sign(text, '/') && take_number(text, out.total) && text.empty();
  if (!well || out.first > out.last || out.last >= out.total)
    return std::nullopt;
  return out;
}

std::optional<errc> fault_of(const http_reply& reply, const identity& about, std::uint64_t offset,
                             std::uint32_t length, std::size_t received) {
  switch (reply.status) {
  case 206:
    break;
  case 200: // The server sends all of it: our condition on the validator failed, or it forgot about ranges.
    return reply.validator() == about.validator ? errc::io_failed : errc::changed;
  case 404:
  case 410:
  case 429:
    return errc::unavailable;
  case 412:
  case 416: // There is no such range any more.
    return errc::changed;
  default:
    return reply.status >= 500 ? errc::unavailable : errc::io_failed;
  }
  const auto range = parse_content_range(reply.range);
  if (!range)
    return errc::io_failed;
  if (range->total != about.bytes || reply.validator() != about.validator)
    return errc::changed;
  if (range->first != offset || range->last - range->first + 1 != length || received != length)
    return errc::io_failed;
  return std::nullopt;
}

} // namespace forerun::origin
