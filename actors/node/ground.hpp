#pragma once
#include "actors/common/directory.hpp"
#include "actors/node/backstage.hpp"
#include "actors/node/exports.hpp"
#include "runtime/config/config.hpp"
#include "runtime/nbd/server.hpp"
#include "runtime/origin/origin.hpp"
#include "runtime/provenance/log.hpp"
#include "runtime/store/catalog.hpp"
#include "runtime/volume/device.hpp"
#include "runtime/volume/planes.hpp"
#include <functional>
#include <memory>

namespace forerun::actors {

/// Opens an image's source; blocks. The text says what went wrong and what to do about it.
struct source_failure {
  errc code{};
  std::string text;
};
using open_source_fn =
    std::function<std::variant<std::shared_ptr<origin::source>, source_failure>(const std::string& url)>;

/// What a node's actors stand on: everything that lives longer than they. Members are destroyed in reverse
/// order.
struct ground {
  config::node_config config;
  std::string user; ///< On whose behalf the node runs.
  std::shared_ptr<clock> time;
  open_source_fn open_source;
  std::unique_ptr<disk> volumes_disk;
  std::unique_ptr<disk> images_disk;
  std::unique_ptr<disk> log_disk;
  std::unique_ptr<store::catalog> catalog;
  std::unique_ptr<provenance::signer> signer; ///< Null when provenance is off, as the log.
  std::unique_ptr<provenance::log> log;
  volume::epochs epochs;
  std::unique_ptr<volume::pool> pool;
  std::shared_ptr<volume::planes> planes = std::make_shared<volume::planes>();
  std::shared_ptr<directory> others = std::make_shared<directory>();
  std::unique_ptr<store::blocking_pool> workers;
  std::unique_ptr<store::blocking_pool>
      questions;                               ///< Long ones about the log: one at a time, beside all else.
  std::unique_ptr<store::blocking_pool> looks; ///< Into images, one at a time: each may take a while.
  std::unique_ptr<actor_backstage> backstage;
  export_table exports;
  std::unique_ptr<nbd::server> server;
};

} // namespace forerun::actors
