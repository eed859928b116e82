#include "actors/image/image.hpp"
#include "actors/node/state.hpp"
#include "actors/predictor/predictor.hpp"
#include "actors/vm/vm.hpp"
#include "actors/volume/volume.hpp"
#include "runtime/base/names.hpp"
#include <fmt/format.h>
#include <limits>
#include <spdlog/spdlog.h>

namespace forerun::actors {

namespace {

/// Models live in the catalog.
class catalog_models final : public model_store {
public:
  explicit catalog_models(store::catalog& in) : catalog_(in) {}
  std::vector<std::byte> load(image_id image) override {
    auto model = catalog_.get_model(image);
    if (model)
      return std::move(model).value();
    if (model.error() != errc::not_found)
      spdlog::warn("the model of image {} is {}: it is learned anew", image.value, to_string(model.error()));
    return {};
  }
  void save(image_id image, std::vector<std::byte> model) override {
    if (const auto done = catalog_.put_model(image, model); !done)
      spdlog::warn("the model of image {} could not be saved: {}", image.value, to_string(done.error()));
  }

private:
  store::catalog& catalog_;
};

/// The last part of a URL's path, as a name for what runs on it.
std::string program_of(const std::string& url) {
  const auto end = url.find_first_of("?#");
  const auto path = url.substr(0, end);
  auto name = path.substr(path.find_last_of("/:") + 1);
  return name.empty() ? "default" : name.substr(0, name_bytes_max);
}

std::optional<control::failure> check(const control::volume_spec& what) {
  if (!is_volume_name(what.name))
    return control::failure{errc::invalid_argument, fmt::format("\"{}\" is no name for a volume", what.name),
                            "use letters, digits, \".\", \"_\" and \"-\""};
  if (what.image.empty() && !what.bytes)
    return control::failure{errc::invalid_argument, "a volume needs an image or a size",
                            "add --image URL or --size N"};
  if (what.bytes && (*what.bytes == 0 || *what.bytes > std::uint64_t{1} << 50))
    return control::failure{errc::invalid_argument, "a volume has between 1 byte and 1 PiB", ""};
  return std::nullopt;
}

} // namespace

const open_volume* node_state::find(const std::string& volume) const {
  const auto found = volumes.find(volume);
  return found == volumes.end() ? nullptr : &found->second;
}

void node_state::create_volume(const control::volume_spec& what,
                               const control::reply<control::volume_row>& to) {
  if (auto failed = check(what)) {
    to.fail(*failed);
    return;
  }
  if (volumes.contains(what.name) || unopened.contains(what.name)) {
    to.fail(errc::exists, fmt::format("there is a volume {} already", what.name),
            "choose another name, or delete it");
    return;
  }
  store::volume_entry entry;
  entry.name = what.name;
  entry.bytes = what.bytes.value_or(0);
  entry.program = what.program;
  entry.listen = what.listen;
  entry.read_only = what.read_only;
  entry.audit = what.audit;
  start_volume(entry, what.image, [this, what, to](attempt<std::string> made) {
    if (const auto* failed = std::get_if<control::failure>(&made)) {
      to.fail(*failed);
      return;
    }
    list_volumes([to, wanted = what.name](std::vector<control::volume_row> rows) {
      for (auto& row : rows)
        if (row.name == wanted)
          return to(std::move(row));
      to.fail(errc::not_found);
    });
  });
}

/// Opens the image first, if it is not open yet: that may take its time, so a worker does it.
void node_state::start_volume(const store::volume_entry& entry, const std::string& url,
                              std::function<void(attempt<std::string>)> then) {
  const auto is_open = [&] {
    for (const auto& [id, image] : images)
      if (image.entry.url == url)
        return true;
    return false;
  };
  if (url.empty() || is_open()) {
    then(finish_volume(entry, url, std::nullopt));
    return;
  }
  const bool taken =
      on.workers->post([me = caf::actor_cast<node_actor>(self), &ground = on, entry, url, then] {
        auto image = std::make_shared<attempt<open_image>>(open_image_at(ground, url));
        caf::anon_send(me, node_task{[entry, url, then, image](node_state& state) {
                         then(state.finish_volume(entry, url, std::move(*image)));
                       }});
      });
  if (!taken)
    then(control::failure{errc::overloaded, "too much is waiting for the disk", "try again"});
}

attempt<std::string> node_state::finish_volume(const store::volume_entry& wanted, const std::string& url,
                                               std::optional<attempt<open_image>> image) {
  if (volumes.contains(wanted.name))
    return control::failure{errc::exists, fmt::format("there is a volume {} already", wanted.name), ""};
  if (image) {
    if (auto* failed = std::get_if<control::failure>(&*image))
      return *failed;
    // Another volume may have opened the same image meanwhile.
    if (auto& opened = std::get<open_image>(*image); !images.contains(opened.entry.id))
      start_image(std::move(opened));
  }
  const open_image* below = nullptr;
  for (const auto& [id, opened] : images)
    if (!url.empty() && opened.entry.url == url)
      below = &opened;

  auto entry = wanted;
  if (below != nullptr) {
    entry.image = below->entry.id;
    if (entry.bytes == 0)
      entry.bytes = below->entry.bytes;
    if (entry.program.empty())
      entry.program = program_of(url);
  }
  const auto give_up = [&](control::failure why) {
    if (below != nullptr)
      close_unused_image(below->entry.id);
    return why;
  };
  if (below != nullptr && entry.bytes < below->entry.bytes)
    return give_up(
        {errc::invalid_argument, "the volume would be smaller than its image", "give a larger --size"});
  const bool is_new = entry.id.value == 0;
  if (is_new) {
    auto added = on.catalog->add_volume(entry);
    if (!added)
      return give_up({added.error(), fmt::format("the catalog: {}", to_string(added.error())), ""});
    entry = added.value();
  }
  auto opened = open_volume_on(on, entry, below);
  std::optional<control::failure> failed;
  if (auto* failure = std::get_if<control::failure>(&opened))
    failed = *failure;
  else
    failed = serve(on, std::get<open_volume>(opened));
  if (failed) {
    if (is_new) {
      (void)on.catalog->remove_volume(entry.name);
      (void)store::overlay::remove(*on.volumes_disk, fmt::format("volume-{}", entry.id.value));
    }
    return give_up(*failed);
  }
  auto& volume = volumes.emplace(entry.name, std::get<open_volume>(std::move(opened))).first->second;
  unopened.erase(entry.name);
  if (is_new)
    record(entry, operation::allocate);
  children.start({role::vm, entry.id.value}, "forerun.vm " + entry.name, [this, entry] {
    const identity who{entry.id, entry.name, entry.program,
                       on.user,  {},         audit_of(on, entry) == audit_policy::strict};
    return caf::actor_cast<caf::actor>(spawn_vm(self->system(), who, entry.image, on.others));
  });
  children.start({role::volume, entry.id.value}, "forerun.volume " + entry.name,
                 [this, parts = volume_parts{volume.device, entry.program, on.others, on.time.get()}] {
                   return caf::actor_cast<caf::actor>(spawn_volume(self->system(), parts));
                 });
  spdlog::info("volume {} is open ({} bytes{}{})", entry.name, entry.bytes, url.empty() ? "" : ", image ",
               url);
  return entry.name;
}

void node_state::start_image(open_image image) {
  const auto id = image.entry.id;
  if (image.plane->disk->state_found() == store::block_cache::found::damaged)
    spdlog::warn("the local blocks of {} were damaged: they are fetched again", image.entry.url);
  if (image.plane->disk->state_found() == store::block_cache::found::changed)
    spdlog::warn("{} is not what it was: its local blocks are fetched again", image.entry.url);
  on.planes->add(image.plane);
  for (std::uint64_t block = 0; block < image.plane->blocks(); ++block)
    if (image.plane->disk->present(block))
      on.others->tell<tier_actor>({role::tier, 1}, admitted{id, {block, 1}, false});
  image_config config;
  config.waste_horizon = on.config.prefetch.waste_horizon;
  children.start({role::image, id.value}, "forerun.image " + image.entry.url,
                 [this, config, plane = image.plane, source = image.source] {
                   return caf::actor_cast<caf::actor>(spawn_image(
                       self->system(), config, {plane, source, on.others, on.workers.get(), own_log("")}));
                 });
  if (on.config.prefetch.enabled)
    children.start({role::predictor, id.value}, "forerun.predictor " + image.entry.url, [this, id] {
      predict::mix_limits limits;
      limits.cache_blocks = std::max<std::size_t>(on.pool->slots(), on.config.disk.cache_bytes / block_bytes);
      limits.budget.traffic_max = static_cast<float>(on.config.prefetch.traffic_cap);
      look_into(id);
      return caf::actor_cast<caf::actor>(
          spawn_predictor(self->system(), {limits, id, std::make_shared<catalog_models>(*on.catalog),
                                           on.planes, on.others, on.workers.get()}));
    });
  images.emplace(id, std::move(image));
}

void node_state::close_unused_image(image_id id) {
  for (const auto& [name_, volume] : volumes)
    if (volume.entry.image == id)
      return;
  children.stop({role::image, id.value});
  children.stop({role::predictor, id.value});
  on.planes->remove(id);
  unread.erase(id);
  if (const auto found = images.find(id); found != images.end()) {
    (void)found->second.plane->disk->save();
    images.erase(found);
  }
}

void node_state::open_volumes() {
  const auto known = on.catalog->volumes();
  const auto images_known = on.catalog->images();
  if (!known || !images_known) {
    spdlog::error("the catalog cannot be read: {}", to_string(known ? images_known.error() : known.error()));
    return;
  }
  for (const auto& entry : known.value()) {
    std::string url;
    for (const auto& image : images_known.value())
      if (image.id == entry.image)
        url = image.url;
    unopened[entry.name] = "being opened";
    open_later(entry, url);
  }
  for (const auto& declared : on.config.volumes) {
    const bool exists = unopened.contains(declared.name) || volumes.contains(declared.name);
    if (exists)
      continue;
    create_volume({declared.name, declared.image, declared.bytes, declared.program,
                   declared.listen.empty() ? "" : declared.listen.front(), declared.read_only,
                   declared.audit},
                  control::reply<control::volume_row>{[given = declared.name](auto answer) {
                    if (const auto* failed = std::get_if<control::failure>(&answer))
                      spdlog::error("volume {} of the configuration: {}", given, failed->what);
                  }});
  }
}

void node_state::open_later(const store::volume_entry& entry, const std::string& url) {
  start_volume(entry, url, [this, entry, url](attempt<std::string> made) {
    const auto* failed = std::get_if<control::failure>(&made);
    if (failed == nullptr || failed->code == errc::exists)
      return;
    auto& why = unopened[entry.name];
    if (why != failed->what)
      spdlog::error("volume {} cannot be opened: {}; it is tried again", entry.name, failed->what);
    why = failed->what;
    self->delayed_send(self, reopen_pause, node_task{[entry, url](node_state& state) {
                         if (state.unopened.contains(entry.name))
                           state.open_later(entry, url);
                       }});
  });
}

void node_state::delete_volume(const std::string& volume, const control::reply<control::done>& to) {
  const auto* found = find(volume);
  if (found == nullptr) {
    delete_unopened(volume, to);
    return;
  }
  const auto id = found->entry.id;
  ask<std::uint32_t, volume_actor>(
      {role::volume, id.value},
      [this, volume, id, to](result<std::uint32_t> clients) {
        const auto* still = find(volume);
        if (still == nullptr) {
          to.fail(no_such_volume(volume));
          return;
        }
        if (!clients || clients.value() > 0) {
          to.fail(errc::busy, fmt::format("volume {} is in use", volume), "end its clients first");
          return;
        }
        on.exports.remove(volume);
        if (still->listener)
          (void)on.server->remove_listener(*still->listener);
        children.stop({role::vm, id.value});
        children.stop({role::volume, id.value});
        const auto gone = still->entry;
        volumes.erase(volume);
        if (const auto done = on.catalog->remove_volume(volume); !done) {
          to.fail(done.error());
          return;
        }
        record(gone, operation::release);
        (void)store::overlay::remove(*on.volumes_disk, fmt::format("volume-{}", id.value));
        close_unused_image(gone.image);
        to(control::done{});
      },
      caf::get_atom_v);
}

void node_state::record(const store::volume_entry& what, operation op) {
  // A record counts at most so many blocks: 16 TiB.
  constexpr std::uint64_t blocks_max = std::numeric_limits<std::uint32_t>::max();
  auto entries = std::make_shared<std::vector<access>>();
  const auto blocks = blocks_of(what.bytes);
  for (std::uint64_t first = 0; first < blocks; first += blocks_max) {
    auto& entry = entries->emplace_back();
    entry.at = on.time->wall();
    entry.where = {first, static_cast<std::uint32_t>(std::min(blocks_max, blocks - first))};
    entry.op = op;
  }
  record_batch batch;
  batch.who = std::make_shared<provenance::context>(provenance::context{
      .by = {.vm = what.name, .program = what.program, .user = on.user}, .space = what.id.value});
  if (op == operation::allocate)
    batch.values.assign(entries->size(), what.name);
  batch.entries = std::move(entries);
  on.others->tell<provenance_actor>({role::provenance, 0}, std::move(batch));
}

/// A volume that cannot be opened, because its image or its own blocks are damaged or gone.
void node_state::delete_unopened(const std::string& volume, const control::reply<control::done>& to) {
  const auto known = on.catalog->volumes();
  if (!known) {
    to.fail(known.error());
    return;
  }
  for (const auto& entry : known.value()) {
    if (entry.name != volume)
      continue;
    unopened.erase(volume);
    if (const auto done = on.catalog->remove_volume(volume); !done) {
      to.fail(done.error());
      return;
    }
    record(entry, operation::release);
    (void)store::overlay::remove(*on.volumes_disk, fmt::format("volume-{}", entry.id.value));
    to(control::done{});
    return;
  }
  to.fail(no_such_volume(volume));
}

void node_state::export_volume(const std::string& volume, const std::string& address,
                               const control::reply<control::export_place>& to) {
  const auto found = volumes.find(volume);
  if (found == volumes.end()) {
    to.fail(no_such_volume(volume));
    return;
  }
  if (!address.empty()) {
    auto added = listen(on, address, volume);
    if (const auto* failed = std::get_if<control::failure>(&added)) {
      to.fail(*failed);
      return;
    }
    if (const auto real = on.server->where(std::get<nbd::listener_id>(added)))
      found->second.addresses.push_back(real.value().text());
  }
  control::export_place where{volume, addresses, {}};
  where.addresses.insert(where.addresses.end(), found->second.addresses.begin(),
                         found->second.addresses.end());
  for (const auto& text : where.addresses)
    if (text.starts_with("unix:"))
      where.uris.push_back(fmt::format("nbd+unix:///{}?socket={}", volume, text.substr(5)));
    else
      where.uris.push_back(fmt::format("nbd://{}/{}", text.substr(4), volume));
  to(where);
}

} // namespace forerun::actors
