#include "runtime/trace/json_line.hpp"
#include "runtime/trace/text.hpp"
#include <algorithm>
#include <utility>

namespace forerun::trace {
namespace {

constexpr unsigned depth_max = 16;

void put_utf8(std::string& out, unsigned code) {
  const auto put = [&out](unsigned byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

bool is_bare(char sign) {
  return (sign >= '0' && sign <= '9') || (sign >= 'a' && sign <= 'z') || sign == '-' || sign == '+' ||
         sign == '.' || sign == 'E';
}

} // namespace

void json_line::skip_space() {
  const auto at = left_.find_first_not_of(" \t\r\n");
  left_.remove_prefix(at == std::string_view::npos ? left_.size() : at);
}

bool json_line::accept(char sign) {
  skip_space();
  if (!left_.starts_with(sign))
    return false;
  left_.remove_prefix(1);
  return true;
}

bool json_line::open() {
  first_ = true;
  ended_ = false;
  return accept('{');
}

bool json_line::next() {
  if (accept('}')) {
    skip_space();
    ended_ = left_.empty();
    return false;
  }
  if (!std::exchange(first_, false) && !accept(','))
    return false;
  skip_space();
  return text(key_) && accept(':') && value();
}

bool json_line::text(std::string& out) {
  out.clear();
  if (!left_.starts_with('"'))
    return false;
  left_.remove_prefix(1);
  while (!left_.empty()) {
    const auto plain = std::min(left_.find_first_of("\"\\"), left_.size());
    out += left_.substr(0, plain);
    left_.remove_prefix(plain);
    if (left_.empty())
      return false;
    const auto sign = left_.front();
    left_.remove_prefix(1);
    if (sign == '"')
      return true;
    if (!escape(out))
      return false;
  }
  return false;
}

bool json_line::unit(unsigned& out) {
  const auto* end = left_.data() + std::min<std::size_t>(4, left_.size());
  const auto [at, failed] = std::from_chars(left_.data(), end, out, 16);
  if (failed != std::errc{} || at != left_.data() + 4)
    return false;
  left_.remove_prefix(4);
  return true;
}

bool json_line::escape(std::string& out) {
  if (left_.empty())
    return false;
  const auto sign = left_.front();
  left_.remove_prefix(1);
  constexpr std::string_view signs = "\"\\/bfnrt";
  constexpr std::string_view means = "\"\\/\b\f\n\r\t";
  if (const auto at = signs.find(sign); at != std::string_view::npos) {
    out += means[at];
    return true;
  }
  unsigned code = 0;
  if (sign != 'u' || !unit(code))
    return false;
  unsigned low = 0;
  if (code >= 0xd800 && code < 0xdc00 && left_.starts_with("\\u")) {
    left_.remove_prefix(2);
    if (!unit(low) || low < 0xdc00 || low > 0xdfff)
      return false;
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  } else if (code >= 0xd800 && code < 0xe000) {
    code = 0xfffd;
  }
  put_utf8(out, code);
  return true;
}

bool json_line::value() {
  skip_space();
  value_.clear();
  if (left_.empty())
    return false;
  if (left_.front() == '"')
    return text(value_);
  if (left_.front() == '{' || left_.front() == '[')
    return skip_nested();
  std::size_t length = 0;
  while (length < left_.size() && is_bare(left_[length]))
    ++length;
  const auto bare = left_.substr(0, length);
  left_.remove_prefix(length);
  if (bare == "true" || bare == "false" || bare == "null")
    return true;
  value_ = bare;
  return !bare.empty() && (bare.front() == '-' || (bare.front() >= '0' && bare.front() <= '9'));
}

bool json_line::skip_nested() {
  unsigned depth = 0;
  std::string ignored;
  do {
    const auto at = left_.find_first_of("{}[]\"");
    if (at == std::string_view::npos)
      return false;
    left_.remove_prefix(at);
    if (left_.front() == '"') {
      if (!text(ignored))
        return false;
      continue;
    }
    const bool opens = left_.front() == '{' || left_.front() == '[';
    left_.remove_prefix(1);
    if (opens && ++depth > depth_max)
      return false;
    depth -= opens ? 0 : 1;
  } while (depth > 0);
  return true;
}

} // namespace forerun::trace
