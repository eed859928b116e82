#include "runtime/base/names.hpp"
#include "runtime/control/context_table.hpp"
#include "runtime/control/convert.hpp"
#include "runtime/control/words.hpp"
#include <limits>

namespace forerun::control {
namespace {

constexpr std::uint64_t latency_us_max = std::uint64_t{1} << 50; // As the log keeps it.

kj::ArrayPtr<const kj::byte> data(const std::string& from) {
  return {reinterpret_cast<const kj::byte*>(from.data()), from.size()};
}

std::optional<std::string> given(bool has, capnp::Text::Reader from) {
  return has ? std::optional{text(from)} : std::nullopt;
}

bool is_name(const std::optional<std::string>& text) {
  return !text || text->size() <= name_bytes_max;
}

} // namespace

provenance::context read(wire::RecordContext::Reader from) {
  return {.by = {text(from.getVm()), text(from.getProgram()), text(from.getUser()), from.getNode()},
          .run = {from.getRun()},
          .kind = static_cast<element_kind>(from.getKind()),
          .space = from.getSpace()};
}

void write(wire::RecordContext::Builder to, const provenance::context& from) {
  to.setVm(text(from.by.vm));
  to.setProgram(text(from.by.program));
  to.setUser(text(from.by.user));
  to.setNode(from.by.node);
  to.setRun(from.run.value);
  to.setKind(static_cast<std::uint8_t>(from.kind));
  to.setSpace(from.space);
}

provenance::record read(wire::RecordRow::Reader from) {
  provenance::record to{.position = from.getPosition(),
                        .at = {from.getAtNs()},
                        .latency = std::chrono::microseconds{std::min(from.getLatencyUs(), latency_us_max)},
                        .where = {from.getFirst(), from.getCount()},
                        .bytes = from.getBytes(),
                        .op = known(from.getOperation(), operation_last),
                        .how = known(from.getOutcome(), outcome::failed),
                        .version = from.getVersion()};
  if (const auto half = from.getDigest(); half.size() == to.written.size())
    std::copy(half.begin(), half.end(), to.written.begin());
  const auto value = from.getValue();
  to.value.assign(reinterpret_cast<const char*>(value.begin()), value.size());
  return to;
}

void write(wire::RecordRow::Builder to, const provenance::record& from) {
  to.setPosition(from.position);
  to.setAtNs(from.at.ns);
  to.setFirst(from.where.first);
  to.setCount(from.where.count);
  to.setBytes(from.bytes);
  to.setLatencyUs(static_cast<std::uint64_t>(from.latency.count()) / 1000);
  to.setOperation(static_cast<wire::HistoryRow::Operation>(from.op));
  to.setOutcome(static_cast<wire::HistoryRow::Outcome>(from.how));
  if (from.written != digest{})
    to.setDigest({from.written.data(), from.written.size()});
  to.setVersion(from.version);
  if (!from.value.empty())
    to.setValue(data(from.value));
}

void write(wire::RecordFilter::Builder to, const record_question& from) {
  const auto& wanted = from.wanted;
  to.setPositionFrom(wanted.position_from);
  to.setPositionTo(wanted.position_to);
  to.setFromNs(wanted.from.ns);
  to.setToNs(wanted.to.ns);
  if (wanted.kind)
    to.setKind(static_cast<std::int16_t>(*wanted.kind));
  if (wanted.space)
    to.setSpace(*wanted.space);
  to.setElementFirst(wanted.element_first);
  to.setElementLast(wanted.element_last);
  to.setOfRun(wanted.run.has_value());
  to.setRun(wanted.run.value_or(run_id{}).value);
  if (wanted.vm)
    to.setVm(text(*wanted.vm));
  if (wanted.program)
    to.setProgram(text(*wanted.program));
  if (wanted.user)
    to.setUser(text(*wanted.user));
  to.setOperations(wanted.operations);
  to.setVolume(text(from.volume));
}

answer<record_question> read(wire::RecordFilter::Reader from) {
  record_question to;
  auto& wanted = to.wanted;
  wanted.position_from = from.getPositionFrom();
  wanted.position_to = from.getPositionTo();
  wanted.from = {from.getFromNs()};
  wanted.to = {from.getToNs()};
  wanted.element_first = from.getElementFirst();
  wanted.element_last = from.getElementLast();
  if (from.getOfRun())
    wanted.run = run_id{from.getRun()};
  wanted.vm = given(from.hasVm(), from.getVm());
  wanted.program = given(from.hasProgram(), from.getProgram());
  wanted.user = given(from.hasUser(), from.getUser());
  wanted.operations = from.getOperations();
  to.volume = text(from.getVolume());
  const auto kind = from.getKind();
  const auto space = from.getSpace();
  if (kind >= 0)
    wanted.kind = static_cast<element_kind>(kind);
  if (space >= 0)
    wanted.space = static_cast<std::uint32_t>(space);
  if (kind > std::numeric_limits<std::uint8_t>::max() || space > std::numeric_limits<std::uint32_t>::max())
    return failure{errc::invalid_argument, "there is no such kind or space of elements", ""};
  if (!is_name(wanted.vm) || !is_name(wanted.program) || !is_name(wanted.user))
    return failure{errc::invalid_argument, "no vm, program or user has so long a name",
                   "use at most 255 bytes"};
  if (!to.volume.empty() && !is_volume_name(to.volume))
    return failure{errc::invalid_argument, "that is no name for a volume",
                   "`forerun volume list` shows those that there are"};
  return to;
}

void write(wire::RecordBatch::Builder to, const record_batch& from) {
  const auto count = std::min(from.rows.size(), record_rows_max);
  const context_table table(count,
                            [&](std::size_t i) -> const provenance::context& { return from.rows[i].who; });
  auto contexts = to.initContexts(static_cast<capnp::uint>(table.contexts.size()));
  for (capnp::uint i = 0; i < contexts.size(); ++i)
    write(contexts[i], *table.contexts[i]);
  auto rows = to.initRows(static_cast<capnp::uint>(count));
  for (capnp::uint i = 0; i < rows.size(); ++i) {
    write(rows[i], from.rows[i].what);
    rows[i].setContext(table.of_row[i]);
  }
  to.setMissed(from.missed);
  to.setNextPosition(from.next_position);
  to.setEnded(from.ended);
}

record_batch read(wire::RecordBatch::Reader from) {
  std::vector<provenance::context> contexts;
  for (auto each : from.getContexts()) {
    if (contexts.size() == record_rows_max)
      break;
    contexts.push_back(read(each));
  }
  record_batch to;
  for (auto row : from.getRows()) {
    if (to.rows.size() == record_rows_max)
      break;
    const auto index = row.getContext();
    to.rows.push_back({index < contexts.size() ? contexts[index] : provenance::context{}, read(row)});
  }
  to.missed = from.getMissed();
  to.next_position = from.getNextPosition();
  to.ended = from.getEnded();
  return to;
}

} // namespace forerun::control
