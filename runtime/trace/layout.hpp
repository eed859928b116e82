#pragma once
#include "runtime/trace/row.hpp"
#include <array>
#include <span>

/// Inside runtime/trace only: the columns of each format of CSV, and where they stand when no header says so.
namespace forerun::trace {

struct column {
  std::string_view name;
  std::size_t place;
};

inline constexpr std::array<column, 5> block_columns = {
    {{"ts_us", 0}, {"volume", 1}, {"op", 2}, {"offset_bytes", 3}, {"length_bytes", 4}}};
inline constexpr std::array<column, 5> kv_columns = {
    {{"ts_ms", 0}, {"op", 1}, {"key", 2}, {"size", 3}, {"client", 4}}};
inline constexpr std::array<column, 5> event_columns = {
    {{"ts_ms", 0}, {"user", 1}, {"event_type", 2}, {"resource", 3}, {"bytes", 4}}};
inline constexpr std::array<column, 6> request_columns = {{{"gmt_create", 0},
                                                           {"predict_type", 1},
                                                           {"predict_status", 2},
                                                           {"exec_time_seconds", 3},
                                                           {"groupId", 4},
                                                           {"checkpoint_model_version_id", 9}}};
inline constexpr std::array<column, 9> pod_columns = {{{"name", 0},
                                                       {"cpu_milli", 1},
                                                       {"memory_mib", 2},
                                                       {"num_gpu", 3},
                                                       {"gpu_milli", 4},
                                                       {"qos", 6},
                                                       {"creation_time", 8},
                                                       {"deletion_time", 9},
                                                       {"scheduled_time", 10}}};

/// Empty for queries, which have no columns.
inline std::span<const column> columns_of(format what) {
  switch (what) {
  case format::block:
    return block_columns;
  case format::kv:
    return kv_columns;
  case format::events:
    return event_columns;
  case format::requests:
    return request_columns;
  case format::pods:
    return pod_columns;
  case format::sql:
  case format::blkparse:
  case format::fio:
  case format::msr:
  case format::spc:
  case format::vscsi:
  case format::libcachesim:
  case format::columns:
    break;
  }
  return {};
}

} // namespace forerun::trace
