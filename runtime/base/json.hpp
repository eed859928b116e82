#pragma once
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace forerun {

/// Writes one JSON value, indented by two spaces or all on one line. The caller keeps its order right: keys
/// in objects only, one value for each key. Text that is not UTF-8 is mended with U+FFFD; numbers that are
/// none become null.
class json {
public:
  enum class layout : std::uint8_t { indented, one_line };

  explicit json(layout how = layout::indented) : layout_(how) {}

  json& open_object() { return open('{'); }
  json& open_array() { return open('['); }
  /// Ends what was opened last.
  json& close();
  json& key(std::string_view name);

  json& value(std::string_view text);
  json& value(const char* text) { return value(std::string_view(text)); }
  json& value(bool truth);
  json& value(double number);
  json& value(std::unsigned_integral auto number) { return raw(std::to_string(number)); }
  json& value(std::signed_integral auto number) { return raw(std::to_string(number)); }
  json& value(const std::vector<std::string>& texts);
  json& null() { return raw("null"); }

  template <class T> json& field(std::string_view name, const T& what) { return key(name).value(what); }

  const std::string& text() const { return text_; }

private:
  json& open(char bracket);
  json& raw(std::string_view token);
  void begin_value();
  void new_line();

  layout layout_;
  std::string text_;
  std::vector<char> open_; ///< The closing brackets that are due.
  bool first_ = true;      ///< Nothing stands yet in the innermost one.
  bool after_key_ = false;
};

} // namespace forerun
