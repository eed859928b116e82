#include "apps/cli/json.hpp"
#include <cmath>
#include <fmt/format.h>

namespace forerun::cli {
namespace {

/// Length of the well-formed UTF-8 sequence at the front, or 0.
std::size_t sequence(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto lead = byte(0);
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                             : (lead & 0xf0) == 0xe0       ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
  if (length == 0 || text.size() < length)
    return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
  const auto overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  const auto surrogate = lead == 0xed && byte(1) >= 0xa0;
  const auto too_large = lead == 0xf4 && byte(1) >= 0x90;
  return overlong || surrogate || too_large ? 0 : length;
}

} // namespace

void json::new_line() {
  text_ += '\n';
  text_.append(open_.size() * 2, ' ');
}

void json::begin_value() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (open_.empty())
    return;
  if (!first_)
    text_ += ',';
  new_line();
  first_ = false;
}

json& json::open(char bracket) {
  begin_value();
  text_ += bracket;
  open_.push_back(bracket == '{' ? '}' : ']');
  first_ = true;
  return *this;
}

json& json::close() {
  const auto bracket = open_.back();
  open_.pop_back();
  if (!first_)
    new_line();
  text_ += bracket;
  first_ = false;
  return *this;
}

json& json::key(std::string_view name) {
  value(name);
  text_ += ": ";
  after_key_ = true;
  return *this;
}

json& json::raw(std::string_view token) {
  begin_value();
  text_ += token;
  return *this;
}

json& json::value(bool truth) {
  return raw(truth ? "true" : "false");
}

json& json::value(double number) {
  return std::isfinite(number) ? raw(fmt::format("{}", number)) : null();
}

json& json::value(std::string_view text) {
  begin_value();
  text_ += '"';
  while (!text.empty()) {
    const auto length = sequence(text);
    const auto sign = static_cast<unsigned char>(text.front());
    if (length == 0)
      text_ += "\\ufffd";
    else if (sign == '"' || sign == '\\')
      (text_ += '\\') += text.front();
    else if (sign < 0x20 || sign == 0x7f)
      text_ += fmt::format("\\u{:04x}", sign);
    else
      text_ += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  text_ += '"';
  return *this;
}

json& json::value(const std::vector<std::string>& texts) {
  open_array();
  for (const auto& each : texts)
    value(each);
  return close();
}

} // namespace forerun::cli
