#include "apps/node/ground.hpp"
#include "runtime/host/posix_disk.hpp"
#include "runtime/host/real_clock.hpp"
#include "runtime/host/secret.hpp"
#include "runtime/origin/open.hpp"
#include "runtime/origin/retrying.hpp"
#include <fmt/format.h>
#include <pwd.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace forerun::app {

namespace {

std::string user_name() {
  const auto* entry = getpwuid(geteuid());
  return entry != nullptr ? entry->pw_name : std::to_string(geteuid());
}

actors::open_source_fn opener(const config::origin_config& config) {
  return
      [config](
          const std::string& url) -> std::variant<std::shared_ptr<origin::source>, actors::source_failure> {
        auto opened = origin::open_source(url, {});
        if (!opened)
          return actors::source_failure{opened.error().code, opened.error().text};
        origin::retry_limits limits;
        limits.attempt_max = config.timeout;
        limits.attempts_max = config.retries + 1;
        return std::make_shared<origin::retrying_source>(opened.value(), limits);
      };
}

control::failure cannot(const std::string& what, errc why, std::string remedy) {
  return {why, fmt::format("{}: {}", what, to_string(why)), std::move(remedy)};
}

std::optional<control::failure> open_signer(const std::string& path,
                                            std::unique_ptr<provenance::signer>& to) {
  const auto secret = host::load_or_make_secret(path);
  if (!secret)
    return cannot("the secret key " + path, secret.error(),
                  secret.error() == errc::permission_denied
                      ? "let this user read it, and no others (mode 0600)"
                  : secret.error() == errc::corrupt ? "it has to be 64 hexadecimal digits and a newline"
                                                    : "see provenance.key in the configuration");
  auto made = provenance::seed_signer::make(secret.value());
  if (!made)
    return cannot("signing", made.error(), "set provenance.enabled = false, or use an OpenSSL with Ed25519");
  to = std::make_unique<provenance::seed_signer>(std::move(made).value());
  return std::nullopt;
}

} // namespace

std::variant<std::unique_ptr<actors::ground>, control::failure>
make_ground(const config::node_config& config, std::optional<host::folder_lock>& lock) {
  auto made = std::make_unique<actors::ground>();
  made->config = config;
  made->user = user_name();
  made->time = std::make_shared<host::real_clock>();
  made->open_source = opener(config.origin);

  const auto folder = config.data_dir;
  const auto open = [](const std::string& path,
                       std::unique_ptr<disk>& to) -> std::optional<control::failure> {
    auto opened = host::posix_disk::open(path);
    if (!opened)
      return cannot("the folder " + path, opened.error(), "make it writable, or name another data_dir");
    to = std::move(opened).value();
    return std::nullopt;
  };
  std::unique_ptr<disk> top;
  if (auto failed = open(folder, top))
    return *failed;
  std::optional<long> holder;
  auto taken = host::folder_lock::take(folder, holder);
  if (!taken && taken.error() == errc::busy)
    return control::failure{errc::busy,
                            fmt::format("the data folder {} is in use{}", folder,
                                        holder ? fmt::format(" by process {}", *holder) : std::string{}),
                            "end that node first, or give this one a data_dir of its own"};
  if (!taken)
    return cannot("the lock of " + folder, taken.error(), "make the folder writable");
  lock.emplace(std::move(taken).value());

  if (auto failed = open(folder + "/volumes", made->volumes_disk))
    return *failed;
  if (auto failed = open(folder + "/images", made->images_disk))
    return *failed;
  if (auto failed = open(folder + "/log", made->log_disk))
    return *failed;
  auto catalog = store::catalog::open(folder);
  if (!catalog)
    return cannot("the catalog in " + folder, catalog.error(),
                  catalog.error() == errc::unsupported ? "a later version wrote it: use that one"
                                                       : "look at the file `catalog` there");
  made->catalog = std::move(catalog).value();
  if (config.provenance.enabled) {
    if (auto failed = open_signer(config.provenance.key, made->signer))
      return *failed;
    auto log = provenance::log::open(*made->log_disk, *made->time, {}, made->signer.get());
    if (!log)
      return cannot("the provenance log in " + folder + "/log", log.error(),
                    log.error() == errc::unsupported ? "a later version wrote it: use that one"
                    : log.error() == errc::corrupt   ? "no node wrote its end: keep the files elsewhere, a "
                                                       "new log begins in an empty folder"
                                                     : "look at the folder and its disk");
    made->log = std::move(log).value();
    const auto& found = made->log->recovered();
    if (found.bytes_cut > 0)
      spdlog::warn("provenance log: {} bytes of an unfinished end were cut", found.bytes_cut);
    if (found.damage)
      spdlog::error("provenance log: {}; it goes on in a new segment, see `forerun verify`",
                    to_string(*found.damage));
    if (found.witness)
      spdlog::error("provenance log: {}; see `forerun verify`", to_string(*found.witness));
  }
  auto pool = volume::pool::make(config.memory.pool_bytes);
  if (!pool)
    return cannot("the memory pool", pool.error(), "make memory.pool smaller");
  made->pool = std::move(pool).value();
  return made;
}

} // namespace forerun::app
