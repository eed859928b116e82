#pragma once
#include "runtime/base/access.hpp"
#include <cstdint>
#include <string_view>

namespace forerun::trace {

/// Kinds of recordings; docs/formats/traces.md has their columns.
enum class format : std::uint8_t {
  block = 0,   ///< Requests to disks; boots of a guest among them.
  kv,          ///< Requests to a key-value store.
  events,      ///< A user did something to a resource.
  sql,         ///< Queries, as JSON lines.
  requests,    ///< Requests to models (Alibaba GenAI, lora_request_trace).
  pods,        ///< Pods of a cluster (Alibaba GPU 2023, openb_pod_list).
  blkparse,    ///< Requests to disks, as blkparse prints what blktrace recorded.
  fio,         ///< The same, as fio writes them with write_iolog; versions 2 (without times) and 3.
  msr,         ///< The same, of MSR Cambridge.
  spc,         ///< The same, of the Storage Performance Council.
  vscsi,       ///< The same, of CloudPhysics, as CSV.
  libcachesim, ///< Touches of objects, as libCacheSim's tools print them.
  columns,     ///< What a `column_map` says; known by nothing else.
};

inline constexpr auto format_last = format::libcachesim; ///< Of those that have a name.

/// As the command line names it, e.g. "kv".
std::string_view to_string(format what);

/// One thing that was done to one element, whatever kind of recording it comes from. The texts last until the
/// next line is read.
struct row {
  /// Nanoseconds, as the recording counts: from its start, from 1970. Where `timed` is false, the number of
  /// the request, which says nothing but an order.
  std::int64_t at_ns = 0;
  bool timed = true;
  operation op = operation::read;
  outcome how = outcome::none; ///< Only `none` and `failed`: no recording knows our caches.
  element_kind kind = element_kind::block;
  std::string_view name;    ///< Of the element; empty for blocks.
  std::string_view volume;  ///< Of blocks, as are the next two.
  std::uint64_t offset = 0; ///< In bytes.
  std::uint32_t bytes = 0;  ///< Of the request; 0: not recorded.
  nanos latency{0};         ///< 0: not recorded.
  std::string_view program; ///< Empty: not recorded, as are the next two.
  std::string_view user;
  std::string_view value; ///< What was read, written or run.
};

} // namespace forerun::trace
