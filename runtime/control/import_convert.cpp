#include "runtime/base/names.hpp"
#include "runtime/control/convert.hpp"

namespace forerun::control {
namespace {

using microseconds = std::chrono::microseconds;

/// Of 1823 to 2116: differences of such times have room in 64 bits.
constexpr std::int64_t time_ns_max = std::int64_t{1} << 62;

std::string text(capnp::Text::Reader from) {
  return {from.begin(), from.size()};
}

kj::StringPtr text(const std::string& from) {
  return {from.c_str(), from.size()};
}

kj::ArrayPtr<const capnp::byte> bytes(const void* from, std::size_t size) {
  return {static_cast<const capnp::byte*>(from), size};
}

failure refuse(std::string what) {
  return {errc::invalid_argument, "a batch of a recording has " + std::move(what),
          "use the same version of forerun for tool and node"};
}

std::optional<failure> read(wire::ImportContext::Reader from, bool of_volume, import_context& to) {
  to = {text(from.getVm()), text(from.getProgram()), text(from.getUser()), {}, from.getSpace()};
  for (const auto* name : {&to.vm, &to.program, &to.user})
    if (!name->empty() && !is_label(*name))
      return refuse("a name of more than 255 bytes, or with control characters");
  if (from.getKind() > static_cast<unsigned>(element_kind_last))
    return refuse("a kind of element that is not known");
  to.kind = static_cast<element_kind>(from.getKind());
  const bool is_block = to.kind == element_kind::block || to.kind == element_kind::image_block;
  if (of_volume && to.kind != element_kind::block)
    return refuse("elements that are no blocks of its volume");
  // Else it could write the history of a volume without saying so.
  if (!of_volume && is_block && (to.space & import_space_bit) == 0)
    return refuse("blocks of a disk that could be a volume of this node");
  return std::nullopt;
}

/// Of a program; what forerun does itself nobody else tells it.
bool importable(wire::HistoryRow::Operation op) {
  return static_cast<unsigned>(op) <= static_cast<unsigned>(operation_last) &&
         op != wire::HistoryRow::Operation::PREFETCH && op != wire::HistoryRow::Operation::EVICT;
}

std::optional<failure> read(wire::ImportEntry::Reader from, access& to, std::string& value) {
  if (from.getAtNs() < -time_ns_max || from.getAtNs() > time_ns_max)
    return refuse("a time beyond all bounds");
  if (from.getFirst() >= import_element_max || from.getFirst() + from.getCount() > import_element_max)
    return refuse("an element past the limit");
  if (!importable(from.getOperation()))
    return refuse("an operation that is not known, or is forerun's own");
  to.at = {from.getAtNs()};
  to.where = {from.getFirst(), from.getCount()};
  to.bytes = from.getBytes();
  to.latency = microseconds{from.getLatencyUs()};
  to.op = static_cast<operation>(from.getOperation());
  to.how = from.getFailed() ? outcome::failed : outcome::none;
  const auto kept = from.getValue();
  if (from.getIsDigest()) {
    if (kept.size() != to.written.size())
      return refuse("a digest of a wrong length");
    std::copy(kept.begin(), kept.end(), to.written.begin());
    return std::nullopt;
  }
  if (kept.size() > import_value_bytes_max)
    return refuse("a value that is too long");
  value.assign(kept.asChars().begin(), kept.size());
  return std::nullopt;
}

} // namespace

std::variant<import_batch, failure> read(wire::ImportBatch::Reader from) {
  const auto contexts = from.getContexts();
  const auto entries = from.getEntries();
  if (contexts.size() > import_contexts_max || entries.size() > import_entries_max)
    return refuse("too many entries or contexts");
  import_batch to;
  to.volume = text(from.getVolume());
  to.run = from.getRun();
  to.ends = from.getEnds();
  to.contexts.resize(contexts.size());
  for (capnp::uint i = 0; i < contexts.size(); ++i)
    if (auto bad = read(contexts[i], !to.volume.empty(), to.contexts[i]))
      return *bad;
  to.entries.resize(entries.size());
  to.values.resize(entries.size());
  to.context_of.resize(entries.size());
  for (capnp::uint i = 0; i < entries.size(); ++i) {
    if (auto bad = read(entries[i], to.entries[i], to.values[i]))
      return *bad;
    to.context_of[i] = entries[i].getContext();
    if (to.context_of[i] >= contexts.size())
      return refuse("an entry without a context");
  }
  return to;
}

void write(wire::ImportBatch::Builder to, const import_batch& from) {
  to.setVolume(text(from.volume));
  to.setRun(from.run);
  to.setEnds(from.ends);
  auto contexts = to.initContexts(static_cast<capnp::uint>(from.contexts.size()));
  for (capnp::uint i = 0; i < contexts.size(); ++i) {
    const auto& each = from.contexts[i];
    contexts[i].setVm(text(each.vm));
    contexts[i].setProgram(text(each.program));
    contexts[i].setUser(text(each.user));
    contexts[i].setKind(static_cast<std::uint8_t>(each.kind));
    contexts[i].setSpace(each.space);
  }
  auto entries = to.initEntries(static_cast<capnp::uint>(from.entries.size()));
  for (capnp::uint i = 0; i < entries.size(); ++i) {
    const auto& each = from.entries[i];
    auto entry = entries[i];
    entry.setAtNs(each.at.ns);
    entry.setFirst(each.where.first);
    entry.setCount(each.where.count);
    entry.setBytes(each.bytes);
    const auto latency = std::chrono::round<microseconds>(each.latency).count();
    entry.setLatencyUs(static_cast<std::uint32_t>(std::clamp<std::int64_t>(latency, 0, UINT32_MAX)));
    entry.setContext(from.context_of[i]);
    entry.setOperation(static_cast<wire::HistoryRow::Operation>(each.op));
    entry.setFailed(each.how == outcome::failed);
    if (each.written != digest{}) {
      entry.setIsDigest(true);
      entry.setValue(bytes(each.written.data(), each.written.size()));
    } else if (!from.values[i].empty()) {
      entry.setValue(bytes(from.values[i].data(), from.values[i].size()));
    }
  }
}

void write(wire::ImportDone::Builder to, const import_done& from) {
  to.setRun(from.run);
  to.setRecords(from.records);
  to.setLeftOut(from.left_out);
  to.setLearns(from.learns);
}

import_done read(wire::ImportDone::Reader from) {
  return {from.getRun(), from.getRecords(), from.getLeftOut(), from.getLearns()};
}

} // namespace forerun::control
