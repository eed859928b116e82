#include "runtime/base/json.hpp"
#include "runtime/base/utf8.hpp"
#include <cmath>
#include <fmt/format.h>

namespace forerun {

void json::new_line() {
  if (layout_ == layout::one_line)
    return;
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
  text_ += layout_ == layout::one_line ? ":" : ": ";
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
    const auto length = utf8_sequence(text);
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

} // namespace forerun
