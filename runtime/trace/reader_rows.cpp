#include "runtime/base/hash.hpp"
#include "runtime/trace/json_line.hpp"
#include "runtime/trace/reader.hpp"
#include "runtime/trace/text.hpp"
#include <algorithm>
#include <fmt/format.h>

// What the columns of each format mean; docs/formats/traces.md has it for people.

namespace forerun::trace {
namespace {

constexpr std::int64_t us = 1000;
constexpr std::int64_t ms = 1000 * us;

/// Words for operations, of stores and of the web.
constexpr std::string_view reads[] = {"get", "gets", "read", "head", "scan", "exists"};
constexpr std::string_view writes[] = {"set",    "put",     "write", "add",  "replace", "cas",  "append",
                                       "update", "prepend", "incr",  "decr", "post",    "patch"};
constexpr std::string_view removes[] = {"delete", "del", "remove", "unlink"};

std::optional<operation> operation_of(std::string_view word) {
  constexpr std::size_t word_bytes_max = 16;
  std::string small{word.substr(0, word_bytes_max)};
  for (auto& sign : small)
    sign = static_cast<char>(sign >= 'A' && sign <= 'Z' ? sign - 'A' + 'a' : sign);
  const auto among = [&](auto& words) {
    return std::find(std::begin(words), std::end(words), small) != std::end(words);
  };
  if (among(reads))
    return operation::read;
  if (among(writes))
    return operation::write;
  if (among(removes))
    return operation::remove;
  return std::nullopt;
}

} // namespace

std::string reader::parse_block(sink to) {
  row made;
  if (auto why = time(cell(0), us, made); !why.empty())
    return why;
  const auto letter = cell(2).size() == 1 ? cell(2).front() : '?';
  switch (letter) {
  case 'R':
    made.op = operation::read;
    break;
  case 'W':
    made.op = operation::write;
    break;
  case 'D':
  case 'Z':
    made.op = operation::remove;
    break;
  case 'F':
    ++rows_idle_;
    return {};
  default:
    return "no such operation: " + quoted(cell(2));
  }
  if (!number(cell(3), options_.limits.offset_bytes_max, made.offset))
    return "no offset, or past the limit: " + quoted(cell(3));
  if (!number(cell(4), options_.limits.length_bytes_max, made.bytes) || made.bytes == 0)
    return "no length, or past the limit: " + quoted(cell(4));
  if (auto why = label(cell(1), made.volume); !why.empty() || made.volume.empty())
    return "no name of a volume: " + quoted(cell(1));
  to(made);
  return {};
}

std::string reader::parse_kv(sink to) {
  row made{.kind = element_kind::key};
  const auto op = operation_of(cell(1));
  if (!op)
    return "no such operation: " + quoted(cell(1));
  made.op = *op;
  for (auto why : {time(cell(0), ms, made), name(cell(2), made.name), size(cell(3), made.bytes),
                   label(cell(4), made.user)})
    if (!why.empty())
      return why;
  if (made.name.empty())
    return "no key";
  to(made);
  return {};
}

std::string reader::parse_event(sink to) {
  row made{.kind = element_kind::resource};
  for (auto why : {time(cell(0), ms, made), label(cell(1), made.user), label(cell(2), made.program),
                   name(cell(3), made.name), size(cell(4), made.bytes)})
    if (!why.empty())
      return why;
  if (made.name.empty()) {
    ++rows_idle_;
    return {};
  }
  // Types that are no words for operations (a function's app, a kind of request) read what they are about.
  made.op = operation_of(made.program).value_or(operation::read);
  to(made);
  return {};
}

std::string reader::parse_query(std::string_view line, sink to) {
  for (auto& each : fields_)
    each.clear();
  // By name, since clang 14 lets no lambda have structured bindings.
  auto& id = fields_[0];
  auto& when = fields_[1];
  auto& text = fields_[2];
  auto& unpacked_name = fields_[3];
  json_line json;
  const bool whole = json.read(line, [&](std::string_view key, std::string_view value) {
    if (key == "id" || key == "path")
      id = value;
    else if (key == "ts")
      when = value;
    else if (key == "sql" || key == "text")
      text = value;
  });
  if (!whole)
    return "no JSON object: " + quoted(line);
  if (text.empty())
    return "no query: neither \"sql\" nor \"text\"";
  row made{.op = operation::execute, .kind = element_kind::program};
  made.timed = !options_.ordinal && date(when, made.at_ns);
  if (!made.timed)
    made.at_ns = static_cast<std::int64_t>(rows_);
  unpacked_name = id.empty() ? fmt::format("sql:{:016x}", element_of(text)) : "sql:" + id;
  if (auto why = name(unpacked_name, made.name); !why.empty())
    return why;
  made.value = text;
  made.bytes = static_cast<std::uint32_t>(text.size());
  to(made);
  return {};
}

std::string reader::parse_request(sink to) {
  row made{.op = operation::execute, .kind = element_kind::resource};
  if (!date(cell(0), made.at_ns))
    return "no date: " + quoted(cell(0));
  std::int64_t took = 0;
  if (!cell(3).empty() && !seconds(cell(3), took))
    return "no duration: " + quoted(cell(3));
  made.latency = nanos{took};
  for (auto why : {label(cell(1), made.program), label(cell(4), made.user), name(cell(5), made.name)})
    if (!why.empty())
      return why;
  if (made.name.empty()) {
    ++rows_idle_;
    return {};
  }
  made.how = cell(2) == "FAILED" ? outcome::failed : outcome::none;
  to(made);
  return {};
}

/// A pod comes into being, is told what it may use, runs when it was scheduled, and goes.
std::string reader::parse_pod(sink to) {
  row made{.op = operation::allocate, .kind = element_kind::resource};
  std::int64_t created = 0, deleted = 0, scheduled = 0;
  if (!seconds(cell(6), created) || (!cell(7).empty() && !seconds(cell(7), deleted)) ||
      (!cell(8).empty() && !seconds(cell(8), scheduled)))
    return "no times of creation, deletion and schedule: " + quoted(cell(6));
  if (auto why = name(cell(0), made.name); !why.empty() || made.name.empty())
    return "no name: " + quoted(cell(0));
  std::uint64_t amount = 0;
  for (std::size_t which = 1; which <= 4; ++which)
    if (!number(cell(which), std::uint64_t{1} << 40, amount))
      return "no amount: " + quoted(cell(which));
  if (auto why = label(cell(5), made.program); !why.empty())
    return why;
  made.at_ns = created;
  made.value = made.name;
  to(made);
  const auto asks =
      fmt::format("cpu_milli={} memory_mib={} num_gpu={} gpu_milli={}", cell(1), cell(2), cell(3), cell(4));
  made.op = operation::write;
  made.value = asks;
  to(made);
  made.value = {};
  if (!cell(8).empty()) {
    made.op = operation::execute;
    made.at_ns = scheduled;
    to(made);
  }
  if (!cell(7).empty()) {
    made.op = operation::release;
    made.at_ns = deleted;
    to(made);
  }
  return {};
}

} // namespace forerun::trace
