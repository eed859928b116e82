#include "runtime/config/config.hpp"
#include "runtime/base/address.hpp"
#include "runtime/base/names.hpp"
#include "runtime/config/reader.hpp"
#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <set>

namespace forerun::config {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t mib = 1u << 20;
constexpr std::uint64_t tib = 1ull << 40;
constexpr std::uint64_t volume_bytes_max = 64 * tib;

/// Reads the whole document; kept as a class because sections share the problems and the environment.
class document {
public:
  document(problems& found, const environment& env, const toml::table* root)
      : found_(found), env_(env), top_(found, root, "") {}

  node_config read() {
    auto config = default_config(env_);
    // Read first, since it decides whether the rest means what we think; `load_config` has judged it.
    top_.find("format");
    read_paths(config);
    read_nbd(config.nbd);
    read_tiers(config);
    read_prefetch(config.prefetch);
    read_rest(config);
    read_volumes(config);
    top_.finish();
    return config;
  }

  std::vector<std::string> keys() const { return keys_; }

private:
  void close(section& part, const std::string& name) {
    part.finish();
    for (const auto& key : part.known())
      keys_.push_back(name + "." + key);
  }

  void read_paths(node_config& config) {
    top_.path("data_dir", config.data_dir, env_);
    config.control_socket = config.data_dir + "/control.sock";
    config.nbd_socket = config.data_dir + "/nbd.sock";
    top_.path("control_socket", config.control_socket, env_);
    top_.path("nbd_socket", config.nbd_socket, env_);
    for (const auto* key : {"control_socket", "nbd_socket"}) {
      const auto& path = key == std::string_view{"nbd_socket"} ? config.nbd_socket : config.control_socket;
      if (path.size() <= unix_path_bytes_max)
        continue;
      const auto* node = top_.find(key);
      found_.add(node ? node->source() : toml::source_region{},
                 fmt::format("{} has {} bytes, and a unix socket's path at most {}", key, path.size(),
                             unix_path_bytes_max),
                 fmt::format("set {} to a shorter path", key));
    }
    keys_ = {"format", "data_dir", "control_socket", "nbd_socket"};
  }

  void read_nbd(nbd_config& nbd) {
    section part(found_, top_.table("nbd"), "nbd");
    part.count("io_threads", nbd.io_threads, 1, 16);
    part.count("connections_max", nbd.connections_max, 1, 65536);
    part.bytes("inflight_bytes_max", nbd.inflight_bytes_max, mib, tib);
    part.boolean("insecure", nbd.insecure);
    part.addresses("listen", nbd.listen, nbd.insecure);
    close(part, "nbd");
  }

  void read_tiers(node_config& config) {
    const auto policy = [](section& part, cache::policy_kind& target) {
      using cache::policy_kind;
      part.choice<policy_kind>("policy", target,
                               {{"s3-fifo", policy_kind::s3_fifo},
                                {"lru", policy_kind::lru},
                                {"lfu", policy_kind::lfu},
                                {"arc", policy_kind::arc}});
    };
    section memory(found_, top_.table("memory"), "memory");
    memory.bytes("pool", config.memory.pool_bytes, mib, tib);
    policy(memory, config.memory.policy);
    close(memory, "memory");

    section disk(found_, top_.table("disk"), "disk");
    disk.bytes("cache", config.disk.cache_bytes, mib, 1024 * tib);
    policy(disk, config.disk.policy);
    disk.bytes("overlay", config.disk.overlay_bytes, mib, 1024 * tib);
    close(disk, "disk");
  }

  void read_prefetch(prefetch_config& prefetch) {
    section part(found_, top_.table("prefetch"), "prefetch");
    part.boolean("enabled", prefetch.enabled);
    part.number("bandwidth_share", prefetch.bandwidth_share, 0.01, 1);
    part.number("threshold_min", prefetch.threshold_min, 0, 1);
    part.number("threshold_max", prefetch.threshold_max, 0, 1);
    part.number("traffic_cap", prefetch.traffic_cap, 1, 100);
    part.time("waste_horizon", prefetch.waste_horizon, 1s, 168h);
    if (prefetch.threshold_min > prefetch.threshold_max) {
      for (const auto* key : {"threshold_min", "threshold_max"})
        if (const auto* node = part.find(key)) {
          part.bad(key, *node, "leaves nothing between threshold_min and threshold_max",
                   fmt::format("they are {} and {} now; raise threshold_max or lower threshold_min",
                               prefetch.threshold_min, prefetch.threshold_max));
          break;
        }
    }
    close(part, "prefetch");
  }

  void read_rest(node_config& config) {
    section origin(found_, top_.table("origin"), "origin");
    origin.time("timeout", config.origin.timeout, 10ms, 3600s);
    origin.count("retries", config.origin.retries, 0, 100);
    close(origin, "origin");

    section provenance(found_, top_.table("provenance"), "provenance");
    provenance.boolean("enabled", config.provenance.enabled);
    read_audit(provenance, config.provenance.audit);
    read_custody(provenance, config);
    close(provenance, "provenance");

    section metrics(found_, top_.table("metrics"), "metrics");
    read_metrics(metrics, config);
    close(metrics, "metrics");

    section log(found_, top_.table("log"), "log");
    log.choice<log_level>("level", config.log,
                          {{"error", log_level::error},
                           {"warn", log_level::warn},
                           {"info", log_level::info},
                           {"debug", log_level::debug}});
    close(log, "log");
  }

  void read_custody(section& part, node_config& config) {
    auto& provenance = config.provenance;
    part.bytes("keep_bytes", provenance.keep_bytes, 0, 1024 * tib);
    part.time("keep_age", provenance.keep_age, 0s, 876'000h);
    part.time("anchor_every", provenance.anchor_every, 0s, 876'000h);
    if (provenance.anchor_every > 0s && provenance.anchor_every < 1s)
      part.bad("anchor_every", *part.find("anchor_every"), "is less than a second",
               "write a duration from \"1s\", or \"0\" for no anchors");
    provenance.key = config.data_dir + "/provenance.key";
    part.path("key", provenance.key, env_);
  }

  static void read_metrics(section& part, node_config& config) {
    const auto* node = part.find("listen");
    if (node == nullptr)
      return;
    const auto text = node->is_string() ? **node->as_string() : std::string{};
    const auto parsed = parse_address(text);
    std::string why;
    std::string remedy;
    if (text == "off")
      config.metrics_listen.clear();
    else if (!acceptable_address(text, config.nbd.insecure, why, remedy))
      part.bad("listen", *node, ": " + why, remedy);
    else if (parsed.value().kind != address::family::tcp)
      part.bad("listen", *node, "is a unix socket", "write \"tcp:127.0.0.1:PORT\" or \"off\"");
    else
      config.metrics_listen = text;
  }

  static void read_audit(section& part, audit_policy& audit) {
    part.choice<audit_policy>("audit", audit,
                              {{"relaxed", audit_policy::relaxed}, {"strict", audit_policy::strict}});
  }

  void read_volumes(node_config& config) {
    const auto* list = top_.tables("volume");
    if (list == nullptr) {
      section part(found_, nullptr, "volume"); // for the names of its keys
      volume_config ignored;
      read_volume(part, nullptr, ignored, config);
      close(part, "volume");
      return;
    }
    if (list->size() > volumes_max)
      top_.bad("volume", *list, fmt::format("is there {} times", list->size()),
               fmt::format("a node has at most {} volumes", volumes_max));
    std::set<std::string> names;
    std::set<std::string> listened{config.nbd.listen.begin(), config.nbd.listen.end()};
    for (const auto& item : *list) {
      if (config.volumes.size() == volumes_max)
        break;
      auto& volume = config.volumes.emplace_back();
      section part(found_, item.as_table(), "volume");
      read_volume(part, item.as_table(), volume, config);
      part.finish();
      if (!volume.name.empty() && !names.insert(volume.name).second)
        part.bad("name", *item.as_table()->get("name"), "is there twice",
                 "give each volume a name of its own");
      for (const auto& where : volume.listen)
        if (!where.ends_with(":0") && !listened.insert(where).second)
          part.bad("listen", *item.as_table()->get("listen"),
                   fmt::format("has \"{}\", which is taken", where),
                   "an address serves one volume, or all of them in [nbd] listen");
    }
  }

  void read_volume(section& part, const toml::table* table, volume_config& volume,
                   const node_config& config) {
    part.words("name", volume.name, name_bytes_max);
    part.words("image", volume.image, url_bytes_max);
    std::uint64_t bytes = 0;
    part.bytes("size", bytes, 1, volume_bytes_max);
    if (bytes != 0)
      volume.bytes = bytes;
    part.words("program", volume.program, name_bytes_max);
    part.addresses("listen", volume.listen, config.nbd.insecure);
    part.boolean("read_only", volume.read_only);
    read_audit(part, volume.audit);
    if (table == nullptr)
      return;
    const auto* name = table->get("name");
    if (name == nullptr)
      found_.add(table->source(), "a [[volume]] has no name", "add name = \"NAME\"");
    else if (name->is_string() && !is_volume_name(volume.name))
      part.bad("name", *name, "is no name for a volume",
               "use letters, digits, \".\", \"_\" and \"-\", and no \".\" at its beginning");
    const auto* image = table->get("image");
    if (image == nullptr && table->get("size") == nullptr)
      found_.add(table->source(), "a [[volume]] has neither image nor size",
                 "add image = \"URL\", or size = \"10 GiB\" for an empty volume");
    if (image != nullptr && image->is_string() && !is_image_url(volume.image))
      part.bad("image", *image, "is no URL of a known kind",
               "begin it with file:, nbd://, nbd+unix://, http:// or https://");
  }

  problems& found_;
  const environment& env_;
  section top_;
  std::vector<std::string> keys_;
};

/// True if the document's version is one that this build reads; otherwise that is the one problem worth
/// telling.
bool readable_format(const toml::table& root, problems& found) {
  const auto* node = root.get("format");
  if (node == nullptr)
    return true;
  const auto version = node->is_integer() ? **node->as_integer() : 0;
  if (version > format_newest)
    found.add(node->source(),
              fmt::format("format {} is newer than this build, which reads up to {}", version, format_newest),
              "use a newer forerun, or write the file for this one and set format = 1");
  else if (version < 1)
    found.add(node->source(), "format is no version", "write format = 1");
  return found.empty();
}

std::string variable(const char* name) {
  const auto* value = std::getenv(name);
  return value == nullptr ? std::string{} : std::string{value};
}

} // namespace

std::string diagnostic::text() const {
  auto where = file;
  if (line != 0)
    where += fmt::format(":{}:{}", line, column);
  return fmt::format("{}: {}; {}", where, what, remedy);
}

environment process_environment() {
  return {variable("HOME"), variable("XDG_STATE_HOME")};
}

std::string default_data_dir(const environment& env) {
  // The XDG rules: a relative path in the variable is to be ignored.
  if (env.state_home.starts_with('/'))
    return env.state_home + "/forerun";
  if (env.home.starts_with('/'))
    return env.home + "/.local/state/forerun";
  return "/var/lib/forerun";
}

node_config default_config(const environment& env) {
  node_config config;
  config.data_dir = default_data_dir(env);
  config.control_socket = config.data_dir + "/control.sock";
  config.nbd_socket = config.data_dir + "/nbd.sock";
  config.provenance.key = config.data_dir + "/provenance.key";
  return config;
}

std::variant<node_config, std::vector<diagnostic>> load_config(std::string_view text, const std::string& file,
                                                               const environment& env) {
  problems found(file);
  if (text.size() > text_bytes_max) {
    found.add({}, fmt::format("the file has {} bytes", text.size()),
              fmt::format("a configuration has at most {} bytes", text_bytes_max));
    return found.take();
  }
  try {
    const auto root = toml::parse(text, file);
    if (!readable_format(root, found))
      return found.take();
    auto config = document(found, env, &root).read();
    if (found.empty())
      return config;
  } catch (const toml::parse_error& wrong) {
    found.add(wrong.source(), std::string(wrong.description()),
              "see https://toml.io for how TOML is written");
  }
  return found.take();
}

std::vector<std::string> known_keys() {
  problems none("");
  const environment nobody;
  document all(none, nobody, nullptr);
  all.read();
  return all.keys();
}

} // namespace forerun::config
