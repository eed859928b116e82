#include "runtime/config/reader.hpp"
#include "runtime/base/address.hpp"
#include "runtime/base/units.hpp"
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

namespace forerun::config {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto changed = diagonal + (a[i - 1] != b[j - 1] ? 1 : 0);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row.back();
}

/// As it may be shown on a terminal: short, and without control characters.
std::string shown(std::string_view text) {
  constexpr std::size_t bytes_max = 60;
  std::string out;
  for (const auto c : text.substr(0, bytes_max))
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return text.size() > bytes_max ? out + "..." : out;
}

} // namespace

std::string nearest(std::string_view name, const std::vector<std::string>& names) {
  if (name.size() > 64)
    return {};
  std::string best;
  auto best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const auto& candidate : names) {
    const auto distance = edit_distance(name, candidate);
    if (distance < best_distance && distance < candidate.size()) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

bool acceptable_address(std::string_view text, bool insecure, std::string& why, std::string& remedy) {
  const auto parsed = parse_address(text);
  if (!parsed) {
    why = fmt::format("\"{}\" is no address", shown(text));
    remedy = "write \"unix:/PATH\" (at most 107 bytes) or \"tcp:HOST:PORT\"";
    return false;
  }
  if (parsed.value().kind == address::family::unix_socket && !parsed.value().path.starts_with('/')) {
    why = fmt::format("\"{}\" has a relative path", shown(text));
    remedy = "write an absolute path: \"unix:/PATH\"";
    return false;
  }
  if (!insecure && !parsed.value().local()) {
    why = fmt::format("\"{}\" can be reached from other machines, without encryption or passwords",
                      shown(text));
    remedy = "use a unix socket or \"tcp:127.0.0.1:PORT\", or set insecure = true in [nbd]";
    return false;
  }
  return true;
}

void problems::add(const toml::source_region& where, std::string what, std::string remedy) {
  if (found_.size() < diagnostics_max)
    found_.push_back({file_, where.begin.line, where.begin.column, std::move(what), std::move(remedy)});
}

std::vector<diagnostic> problems::take() {
  std::stable_sort(found_.begin(), found_.end(), [](const diagnostic& a, const diagnostic& b) {
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
  return std::move(found_);
}

section::section(problems& found, const toml::table* table, std::string path)
    : found_(found), table_(table), path_(std::move(path)) {
}

std::string section::title(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("[{}] {}", path_, key);
}

const toml::node* section::find(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end())
    known_.emplace_back(key);
  return table_ == nullptr ? nullptr : table_->get(key);
}

void section::bad(std::string_view key, const toml::node& node, std::string_view why, std::string remedy) {
  // A reason of its own, as of one address of a list, follows a colon.
  found_.add(node.source(), fmt::format("{}{}{}", title(key), why.starts_with(':') ? "" : " ", why),
             std::move(remedy));
}

void section::boolean(std::string_view key, bool& target) {
  if (const auto* node = find(key)) {
    if (node->is_boolean())
      target = **node->as_boolean();
    else
      bad(key, *node, "is neither true nor false", "write true or false, without quotes");
  }
}

void section::count(std::string_view key, std::uint32_t& target, std::uint32_t least, std::uint32_t most) {
  const auto* node = find(key);
  if (node == nullptr)
    return;
  const auto value = node->is_integer() ? **node->as_integer() : -1;
  if (value < std::int64_t{least} || value > std::int64_t{most})
    bad(key, *node, "is out of its range", fmt::format("write a whole number from {} to {}", least, most));
  else
    target = static_cast<std::uint32_t>(value);
}

void section::bytes(std::string_view key, std::uint64_t& target, std::uint64_t least, std::uint64_t most) {
  const auto* node = find(key);
  if (node == nullptr)
    return;
  result<std::uint64_t> value = errc::invalid_argument;
  if (node->is_integer() && **node->as_integer() >= 0)
    value = static_cast<std::uint64_t>(**node->as_integer());
  else if (node->is_string())
    value = parse_bytes(**node->as_string());
  if (!value)
    bad(key, *node, "is no size", "write a size such as \"64 MiB\", or a number of bytes");
  else if (value.value() < least || value.value() > most)
    bad(key, *node, "is out of its range",
        fmt::format("write a size from \"{}\" to \"{}\"", format_bytes(least), format_bytes(most)));
  else
    target = value.value();
}

void section::time(std::string_view key, nanos& target, nanos least, nanos most) {
  const auto* node = find(key);
  if (node == nullptr)
    return;
  const auto value = node->is_string() ? parse_duration(**node->as_string()) : errc::invalid_argument;
  if (!value)
    bad(key, *node, "is no duration", "write a duration with its unit, such as \"10ms\" or \"600s\"");
  else if (value.value() < least || value.value() > most)
    bad(key, *node, "is out of its range",
        fmt::format("write a duration from \"{}ms\" to \"{}s\"", least / std::chrono::milliseconds{1},
                    most / std::chrono::seconds{1}));
  else
    target = value.value();
}

void section::number(std::string_view key, double& target, double least, double most) {
  const auto* node = find(key);
  if (node == nullptr)
    return;
  const auto value = node->value<double>();
  if (!node->is_number() || !value || !(*value >= least && *value <= most))
    bad(key, *node, "is out of its range", fmt::format("write a number from {} to {}", least, most));
  else
    target = *value;
}

void section::words(std::string_view key, std::string& target, std::size_t bytes_max) {
  const auto* node = find(key);
  if (node == nullptr)
    return;
  const auto* text = node->as_string();
  if (text == nullptr || (*text)->size() > bytes_max || (*text)->find('\0') != std::string::npos)
    bad(key, *node, "is no fitting text", fmt::format("write text in quotes, at most {} bytes", bytes_max));
  else
    target = **text;
}

void section::path(std::string_view key, std::string& target, const environment& env) {
  constexpr std::size_t path_bytes_max = 4000;
  const auto* node = find(key);
  if (node == nullptr)
    return;
  const auto* text = node->as_string();
  auto value = text == nullptr ? std::string{} : **text;
  if (value.starts_with("~/") && !env.home.empty())
    value = env.home + value.substr(1);
  if (!value.starts_with('/') || value.size() > path_bytes_max || value.find('\0') != std::string::npos)
    bad(key, *node, "is no absolute path", "write a path that begins with \"/\" or \"~/\"");
  else
    target = std::move(value);
}

void section::addresses(std::string_view key, std::vector<std::string>& target, bool insecure) {
  const auto* node = find(key);
  if (node == nullptr)
    return;
  const auto* list = node->as_array();
  if (list == nullptr || list->size() > listen_max) {
    bad(key, *node, "is no list of addresses",
        fmt::format("write at most {} addresses: [\"unix:/PATH\", \"tcp:127.0.0.1:PORT\"]", listen_max));
    return;
  }
  for (const auto& item : *list) {
    const auto text = item.is_string() ? **item.as_string() : std::string{};
    std::string why;
    std::string remedy;
    if (!acceptable_address(text, insecure, why, remedy))
      bad(key, item, ": " + why, remedy);
    else if (std::find(target.begin(), target.end(), text) != target.end())
      bad(key, item, fmt::format(": \"{}\" is there twice", shown(text)), "remove one of the two");
    else
      target.push_back(text);
  }
}

const toml::table* section::table(std::string_view key) {
  const auto* node = find(key);
  if (node == nullptr)
    return nullptr;
  if (!node->is_table())
    bad(key, *node, "is no section", fmt::format("write [{}] on a line of its own, then its keys", key));
  return node->as_table();
}

const toml::array* section::tables(std::string_view key) {
  const auto* node = find(key);
  if (node == nullptr)
    return nullptr;
  const auto* list = node->as_array();
  if (list == nullptr ||
      !std::all_of(list->begin(), list->end(), [](auto& each) { return each.is_table(); })) {
    bad(key, *node, "is no list of sections", fmt::format("write [[{}]] on a line of its own for each", key));
    return nullptr;
  }
  return list;
}

void section::finish() {
  if (table_ == nullptr)
    return;
  for (const auto& [key, value] : *table_) {
    const std::string name(key.str());
    if (std::find(known_.begin(), known_.end(), name) != known_.end())
      continue;
    const auto guess = nearest(name, known_);
    auto what = path_.empty() ? fmt::format("unknown key \"{}\"", shown(name))
                              : fmt::format("unknown key \"{}\" in [{}]", shown(name), path_);
    if (guess.empty())
      found_.add(key.source(), std::move(what), "remove it; docs/configuration.md has every key");
    else
      found_.add(key.source(), std::move(what), fmt::format("did you mean \"{}\"?", guess));
  }
}

} // namespace forerun::config
