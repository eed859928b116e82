#include "actors/node/open.hpp"
#include "runtime/base/address.hpp"
#include "runtime/base/units.hpp"
#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace forerun::actors {

namespace {

std::string image_file(image_id id) {
  return fmt::format("image-{}", id.value);
}

std::string volume_file(volume_id id) {
  return fmt::format("volume-{}", id.value);
}

} // namespace

attempt<open_image> open_image_at(ground& on, const std::string& url) {
  auto opened = on.open_source(url);
  if (const auto* failed = std::get_if<source_failure>(&opened))
    return control::failure{failed->code, failed->text, ""};
  open_image made;
  made.source = std::get<0>(std::move(opened));
  const auto& about = made.source->about();
  if (about.bytes == 0)
    return control::failure{errc::invalid_argument, fmt::format("the image {} is empty", url),
                            "name an image with content, or make an empty volume with --size"};
  const auto entry = on.catalog->image_of(url, about.bytes);
  if (!entry && entry.error() == errc::changed)
    return control::failure{
        errc::changed, fmt::format("the image {} has another size than when it was first used here", url),
        "give a changed image a new URL: volumes were written against the old one"};
  if (!entry)
    return control::failure{entry.error(), fmt::format("the catalog: {}", to_string(entry.error())), ""};
  made.entry = entry.value();
  auto cache =
      store::block_cache::open(*on.images_disk, image_file(made.entry.id), {about.bytes, about.validator});
  if (!cache)
    return control::failure{cache.error(),
                            fmt::format("the local blocks of {}: {}", url, to_string(cache.error())),
                            "look at the data folder and its free space"};
  made.plane = std::make_shared<volume::image_plane>(
      made.entry.id, about.bytes, *on.pool, std::shared_ptr<store::block_cache>{std::move(cache).value()});
  return made;
}

attempt<open_volume> open_volume_on(ground& on, const store::volume_entry& entry, const open_image* image) {
  std::string problem;
  auto overlay = store::overlay::open(*on.volumes_disk, volume_file(entry.id),
                                      {entry.bytes, entry.id.value, on.config.disk.overlay_bytes}, &problem);
  if (!overlay) {
    const auto what =
        fmt::format("the written blocks of volume {} ({}.map): {}", entry.name, volume_file(entry.id),
                    problem.empty() ? std::string{to_string(overlay.error())} : problem);
    return control::failure{
        overlay.error(), what,
        overlay.error() == errc::corrupt
            ? "restore the file from a backup, or delete the volume; it is not touched until then"
            : "look at the data folder and its free space"};
  }
  if (const auto cut = overlay.value()->cut_bytes(); cut > 0)
    spdlog::warn("volume {}: {} bytes of a flush that a crash cut short are left out", entry.name, cut);
  open_volume made;
  made.entry = entry;
  made.image_url = image != nullptr ? image->entry.url : "";
  volume::device_config config;
  config.id = entry.id;
  config.shown = {entry.name, made.image_url.empty() ? "empty volume" : made.image_url, entry.bytes,
                  entry.read_only};
  if (!on.config.provenance.enabled && !on.config.prefetch.enabled)
    config.audit = volume::audit_mode::off;
  else if (audit_of(on, entry) == audit_policy::strict)
    config.audit = volume::audit_mode::strict;
  config.digests = on.config.provenance.enabled;
  made.device = std::make_shared<volume::device>(config, image != nullptr ? image->plane : nullptr,
                                                 std::shared_ptr<store::overlay>{std::move(overlay).value()},
                                                 on.epochs, *on.server, *on.backstage, *on.time);
  return made;
}

audit_policy audit_of(const ground& on, const store::volume_entry& entry) {
  if (!on.log)
    return audit_policy::unset;
  return entry.audit == audit_policy::unset ? on.config.provenance.audit : entry.audit;
}

attempt<nbd::listener_id> listen(ground& on, const std::string& text, const std::string& bound) {
  const auto where = parse_address(text);
  if (!where)
    return control::failure{errc::invalid_argument, fmt::format("\"{}\" is no address", text),
                            "write unix:PATH or tcp:HOST:PORT"};
  auto added = on.server->add_listener(where.value(), bound.empty() ? std::nullopt : std::optional{bound});
  if (added)
    return added.value();
  const auto remedy =
      added.error() == errc::permission_denied && !where.value().local()
          ? "other machines could reach it without encryption: set nbd.insecure = true to allow that"
          : "choose another address, or end who uses it";
  return control::failure{added.error(),
                          fmt::format("cannot listen on {}: {}", text, to_string(added.error())), remedy};
}

std::optional<control::failure> serve(ground& on, open_volume& volume) {
  if (!volume.entry.listen.empty()) {
    auto added = listen(on, volume.entry.listen, volume.entry.name);
    if (auto* failed = std::get_if<control::failure>(&added))
      return *failed;
    volume.listener = std::get<nbd::listener_id>(added);
    if (const auto real = on.server->where(*volume.listener))
      volume.addresses.push_back(real.value().text());
  }
  on.exports.add(volume.device);
  return std::nullopt;
}

} // namespace forerun::actors
