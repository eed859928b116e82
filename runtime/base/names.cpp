#include "runtime/base/names.hpp"
#include <algorithm>

namespace forerun {
namespace {

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

} // namespace

bool is_volume_name(std::string_view text) {
  return !text.empty() && text.size() <= name_bytes_max && text.front() != '.' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                  c == '_' || c == '-';
         });
}

bool is_image_url(std::string_view text) {
  if (text.size() > url_bytes_max || std::any_of(text.begin(), text.end(), is_control))
    return false;
  for (const std::string_view scheme : {"file:", "nbd://", "nbd+unix://", "http://", "https://"})
    if (text.starts_with(scheme))
      return text.size() > scheme.size();
  return false;
}

bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= name_bytes_max && std::none_of(text.begin(), text.end(), is_control);
}

} // namespace forerun
