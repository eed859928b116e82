#include "actors/image/far_reader.hpp"
#include "actors/node/state.hpp"
#include "runtime/anatomy/findings.hpp"
#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace forerun::actors {

namespace {

/// What looking into one image may take from its origin: enough for some 150 000 files.
constexpr std::uint64_t bytes_max = 64 << 20;

/// What is kept, if it is of this very image; else what is found now, which is then kept.
result<anatomy::findings> known_or_found(store::catalog& catalog, image_id id, far_reader& image,
                                         const anatomy::limits& bounds) {
  const auto fingerprint = anatomy::fingerprint_of(image);
  if (!fingerprint)
    return fingerprint.error();
  if (const auto kept = catalog.get_files(id)) {
    auto known = anatomy::decode_findings(kept.value());
    if (known && known.value().fingerprint == fingerprint.value() &&
        known.value().image_bytes == image.bytes())
      return known;
  }
  auto found = anatomy::look_into(image, bounds);
  if (found)
    if (const auto kept = catalog.put_files(id, anatomy::encode(found.value())); !kept)
      spdlog::warn("what the files of image {} are could not be kept: {}", id.value, to_string(kept.error()));
  return found;
}

control::file_heat_map rank(const anatomy::findings& known, const volume::image_plane& plane,
                            const std::vector<std::pair<std::uint64_t, float>>& chances,
                            std::size_t rows_max) {
  const absl::flat_hash_map<std::uint64_t, float> by_block(chances.begin(), chances.end());
  control::file_heat_map map;
  map.files = known.files.size();
  for (const auto& file : known.files) {
    control::file_heat_row row{.path = file.path, .bytes = file.bytes};
    double expected = 0;
    std::uint64_t local = 0;
    for (const auto& where : file.blocks)
      for (auto block = where.first; block < where.end(); ++block) {
        ++row.blocks;
        local += plane.local(block);
        if (const auto found = by_block.find(block); found != by_block.end())
          expected += static_cast<double>(found->second);
      }
    row.probability = std::min(1.0, expected / static_cast<double>(row.blocks));
    row.resident = static_cast<double>(local) / static_cast<double>(row.blocks);
    if (expected > 0)
      map.rows.push_back(std::move(row));
  }
  // Of what is equally likely, the more that is to be read the hotter.
  std::ranges::stable_sort(map.rows, [](const auto& one, const auto& other) {
    return one.probability != other.probability ? one.probability > other.probability
                                                : one.blocks > other.blocks;
  });
  map.rows.resize(std::min(map.rows.size(), rows_max));
  return map;
}

} // namespace

void node_state::look_into(image_id id) {
  unread[id] = "they are being read";
  const auto wanted = [ends = ends, planes = on.planes, id] { return !*ends && planes->find(id) != nullptr; };
  const bool taken =
      on.looks && on.looks->post([me = caf::actor_cast<node_actor>(self), &ground = on, id, wanted] {
        const auto plane = ground.planes->find(id);
        if (!plane)
          return;
        far_reader image{plane, ground.others, wanted};
        anatomy::limits bounds;
        bounds.bytes_read_max = bytes_max;
        bounds.still_wanted = wanted;
        auto found = known_or_found(*ground.catalog, id, image, bounds);
        caf::anon_send(
            me, node_task{[id, found = std::make_shared<result<anatomy::findings>>(std::move(found))](
                              node_state& state) {
              const auto open = state.images.find(id);
              if (open == state.images.end())
                return;
              if (!*found) {
                state.unread[id] = to_string(found->error());
                if (found->error() != errc::cancelled)
                  spdlog::info("the files of {} are not known ({}): nothing is foreseen of its first boot",
                               open->second.entry.url, to_string(found->error()));
                return;
              }
              state.unread.erase(id);
              const auto& known = found->value();
              spdlog::info("{} has {} files; {} extents are foreseen of a boot", open->second.entry.url,
                           known.files.size(), known.boot.size());
              state.on.others->tell<predictor_actor>(
                  {role::predictor, id.value},
                  foreseen{std::make_shared<const std::vector<prediction>>(known.boot)});
            }});
      });
  if (!taken)
    unread[id] = "too much is waiting for the disk";
}

void node_state::file_heat(const std::string& volume, std::uint32_t rows_max,
                           const control::reply<control::file_heat_map>& to) {
  const auto* found = find(volume);
  if (found == nullptr) {
    to.fail(no_such_volume(volume));
    return;
  }
  const auto id = found->entry.image;
  const auto plane = found->device->image();
  if (!plane) {
    to.fail(errc::unavailable, fmt::format("volume {} has no image", volume), "ask about one that has");
    return;
  }
  if (!on.config.prefetch.enabled) {
    to.fail(errc::unavailable, "nothing is expected while prefetch is off",
            "set prefetch.enabled = true in the configuration");
    return;
  }
  if (const auto why = unread.find(id); why != unread.end()) {
    to.fail(errc::unavailable,
            fmt::format("the files of {} are not known: {}", found->image_url, why->second),
            "`forerun heat` without --files goes by block; only ext2, ext3 and ext4 are read");
    return;
  }
  ask<block_chances, predictor_actor>(
      {role::predictor, id.value},
      [this, to, id, plane, volume, rows_max](result<block_chances> chances) {
        if (!chances) {
          to.fail(chances.error());
          return;
        }
        const bool taken = on.workers->post([to, id, plane, volume, rows_max, &ground = on,
                                             values = chances.value().values] {
          const auto kept = ground.catalog->get_files(id);
          const auto known =
              kept ? anatomy::decode_findings(kept.value()) : result<anatomy::findings>(kept.error());
          if (!known) {
            to.fail(errc::unavailable,
                    fmt::format("what the files are was not kept: {}", to_string(known.error())),
                    "look at the node's log");
            return;
          }
          auto map =
              rank(known.value(), *plane, *values, std::min<std::size_t>(rows_max, control::file_rows_max));
          map.volume = volume;
          to(std::move(map));
        });
        if (!taken)
          to.fail(errc::overloaded, "too much is waiting for the disk", "try again");
      },
      chances_atom_v);
}

} // namespace forerun::actors
