#pragma once
#include "runtime/base/bytes.hpp"
#include "runtime/predict/history.hpp"
#include "runtime/predict/mix.hpp"

namespace forerun::actors {

/// What a predictor learned, as one piece: the history's bytes behind their length, then the mix's.
inline std::vector<std::byte> save_model(const predict::history& history, const predict::mix& mix) {
  const auto runs = history.save();
  std::vector<std::byte> model;
  byte_writer<> out{model};
  out.put(static_cast<std::uint64_t>(runs.size()));
  out.put_bytes(runs);
  out.put_bytes(mix.save());
  return model;
}

/// Errors: as of the parts. What could be loaded is.
inline result<void> load_model(std::span<const std::byte> model, predict::history& history,
                               predict::mix& mix) {
  byte_reader<> in{model};
  const auto runs = in.take_bytes(in.take<std::uint64_t>());
  if (!in.ok())
    return errc::corrupt;
  auto loaded = history.load(runs);
  auto mixed = mix.load(in.take_bytes(in.left()));
  return loaded ? mixed : loaded;
}

} // namespace forerun::actors
