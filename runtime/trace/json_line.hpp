#pragma once
#include <string>
#include <string_view>

namespace forerun::trace {

/// Reads one JSON object of one line and calls `field(key, value)` for each of its texts and numbers; of
/// others (true, null, lists, objects) the value is empty. Returns false, maybe after some fields, when it is
/// no object, or one that is nested deeper than 16. Texts are unescaped into UTF-8; the views last until the
/// next field.
class json_line {
public:
  template <class F> bool read(std::string_view line, F&& field) {
    left_ = line;
    if (!open())
      return false;
    while (next())
      field(std::string_view{key_}, std::string_view{value_});
    return ended_;
  }

private:
  bool open();
  bool next();
  bool text(std::string& out);
  bool escape(std::string& out);
  bool unit(unsigned& out);
  bool value();
  bool skip_nested();
  void skip_space();
  bool accept(char sign);

  std::string_view left_;
  std::string key_;
  std::string value_;
  bool first_ = true;
  bool ended_ = false; ///< The object was closed and nothing follows.
};

} // namespace forerun::trace
