#pragma once
#include "runtime/base/bytes.hpp"
#include "runtime/provenance/record.hpp"
#include <absl/container/flat_hash_map.h>
#include <string_view>
#include <vector>

namespace forerun::provenance {

/// Numbers for names, so that each is written once. The names must outlive it.
class name_table {
public:
  std::uint64_t number(std::string_view name) {
    const auto [found, added] = number_of_.try_emplace(name, names_.size());
    if (added)
      names_.push_back(name);
    return found->second;
  }
  /// Vm, program, user, node, run, kind, space: each a varint.
  void put(byte_writer<>& out, const context& who) {
    for (const auto* name : {&who.by.vm, &who.by.program, &who.by.user})
      out.put_varint(number(*name));
    for (const auto value :
         {who.by.node, who.run.value, static_cast<std::uint64_t>(who.kind), std::uint64_t{who.space}})
      out.put_varint(value);
  }
  /// How many, then each with its length.
  void write(byte_writer<>& out) const {
    out.put_varint(names_.size());
    for (const auto name : names_) {
      out.put_varint(name.size());
      out.put_bytes(std::as_bytes(std::span{name}));
    }
  }

private:
  absl::flat_hash_map<std::string_view, std::uint64_t> number_of_;
  std::vector<std::string_view> names_;
};

/// What `write` wrote, at most `names_max`; they live as long as the bytes. Errors: `corrupt`.
inline result<std::vector<std::string_view>> take_names(byte_reader<>& in, std::size_t names_max) {
  const auto count = in.take_varint();
  if (count > names_max)
    return errc::corrupt;
  std::vector<std::string_view> names;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const auto length = in.take_varint();
    if (length > name_bytes_max)
      return errc::corrupt;
    const auto bytes = in.take_bytes(length);
    names.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  if (!in.ok())
    return errc::corrupt;
  return names;
}

/// What `put` wrote. Errors: `corrupt`.
inline result<context> take_context(byte_reader<>& in, std::span<const std::string_view> names) {
  context who;
  for (auto* name : {&who.by.vm, &who.by.program, &who.by.user}) {
    const auto number = in.take_varint();
    if (number >= names.size())
      return errc::corrupt;
    *name = names[number];
  }
  who.by.node = in.take_varint();
  who.run = {in.take_varint()};
  const auto kind = in.take_varint(), space = in.take_varint();
  if (!in.ok() || kind > 0xff || space > 0xffffffff)
    return errc::corrupt;
  who.kind = static_cast<element_kind>(kind);
  who.space = static_cast<std::uint32_t>(space);
  return who;
}

} // namespace forerun::provenance
