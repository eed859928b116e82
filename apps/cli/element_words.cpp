#include "apps/cli/element_words.hpp"
#include "apps/cli/record_options.hpp"
#include "runtime/base/names.hpp"
#include <charconv>

namespace forerun::cli {
namespace {

template <class T> std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || wrong != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

/// Takes the version from the end of the text.
std::uint64_t version_behind(std::string_view& text) {
  constexpr auto newest = control::asked_version{}.before;
  const auto at = text.rfind('@');
  if (at == text.npos)
    return newest;
  const auto word = text.substr(at + 1);
  const auto position = number<std::uint64_t>(word);
  if (!position && word != "start")
    return newest;
  text = text.substr(0, at);
  return !position ? 0 : *position < newest ? *position + 1 : newest;
}

} // namespace

std::optional<element_words> parse_element(std::string_view text) {
  constexpr std::string_view named = "name:";
  constexpr std::string_view exported = "forerun:";
  if (text.starts_with(exported))
    text.remove_prefix(exported.size());
  element_words to;
  to.version.before = version_behind(text);
  if (text.starts_with(named)) {
    to.name = text.substr(named.size());
    return to.name.empty() || to.name.size() > name_bytes_max ? std::nullopt : std::optional{to};
  }
  const auto last = text.rfind('/');
  const auto element = last == text.npos ? std::nullopt : number<std::uint64_t>(text.substr(last + 1));
  if (!element || *element >= provenance::element_limit)
    return std::nullopt;
  to.version.of.number = *element;
  const auto place = text.substr(0, last);
  const auto middle = place.find('/');
  if (middle == place.npos) {
    to.version.volume = place;
    return is_volume_name(to.version.volume) ? std::optional{to} : std::nullopt;
  }
  const auto kind = kind_named(std::string{place.substr(0, middle)});
  const auto space = number<std::uint32_t>(place.substr(middle + 1));
  if (!kind || !space)
    return std::nullopt;
  to.version.of.kind = *kind;
  to.version.of.space = *space;
  return to;
}

} // namespace forerun::cli
