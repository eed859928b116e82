#pragma once
#include "apps/cli/processes.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/time.hpp"
#include "runtime/control/client.hpp"
#include "runtime/replay/replay.hpp"
#include <functional>
#include <optional>
#include <ostream>
#include <string>

namespace forerun::cli {

struct demo_options {
  std::string first;  ///< Recording of the first run; empty: the sample.
  std::string second; ///< Another recording of the same program.
  std::string image;  ///< URL of an image of one's own; empty: a pattern, which can be verified.
  std::string program = "boot";
  std::string delay = "10ms"; ///< Of the origin.
  std::string rate = "1Gbit";
  double speed = 10;
  bool serial = false;
  bool once = false;
  std::string json; ///< File for the table; empty: none.
};

/// One line of the demo's table.
struct demo_row {
  std::string name;
  replay::replay_report saw;
  std::uint64_t moved_bytes = 0; ///< From the origin.
  std::uint64_t prefetched_blocks = 0;
  std::uint64_t used_blocks = 0;
  std::uint64_t missed_blocks = 0; ///< Fetched while a read waited.
};

/// The demo's world: an origin that is far and slow, and a node, in a folder of its own that goes with it.
class demo_stage {
public:
  /// Starts both. Throws std::runtime_error with what went wrong, and where its output is.
  demo_stage(const demo_options& options, std::uint64_t image_bytes, std::ostream& out);
  ~demo_stage();

  /// Replays a recording on a fresh volume of the image, on a node that prefetches or does not.
  demo_row run(const std::string& name, const std::string& recording, bool prefetch);
  /// Empties memory and the local disk of the node that prefetches.
  void drop_caches();
  /// What a person can do with it now.
  void explain(std::ostream& out);
  bool running();

private:
  struct node {
    std::string folder;
    std::optional<process> program;
  };
  void start(node& which, const std::string& name, bool prefetch);

  demo_options options_;
  std::ostream& out_;
  std::string folder_;
  std::string image_url_;
  std::optional<process> origin_;
  node plain_;
  node main_;
  std::string last_volume_;
  int volumes_ = 0;
};

/// Shows the main job on this machine: a first run, and a second one that hardly waits. Returns an exit code.
int demo(const demo_options& options, std::ostream& out, std::ostream& err);

} // namespace forerun::cli
