#pragma once
#include "runtime/nbd/server.hpp"
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace forerun::nbd {

class steady_clock final : public clock {
public:
  instant now() const override { return instant{std::chrono::steady_clock::now().time_since_epoch()}; }
  wall_time wall() const override {
    return {std::chrono::duration_cast<nanos>(std::chrono::system_clock::now().time_since_epoch()).count()};
  }
};

/// A server on a unix socket in a folder of its own, listening when the constructor returns and gone after
/// the destructor. `names` outlives it.
class stage {
public:
  explicit stage(exports& names, server_options options = {}) : server_(names, time_, options) {
    if (!server_.add_listener(parse_address("unix:" + path()).value()))
      throw std::runtime_error{"cannot listen on " + path()};
  }
  ~stage() {
    server_.stop(nanos{0});
    std::filesystem::remove_all(folder_);
  }
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;

  nbd::server& server() { return server_; }
  std::string path() const { return folder_ + "/socket"; }
  std::string uri(const std::string& name) const { return "nbd+unix:///" + name + "?socket=" + path(); }

private:
  static std::string make_folder() {
    std::string name = std::filesystem::temp_directory_path() / "forerun-nbd-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr)
      throw std::runtime_error{"cannot make a folder for the socket"};
    return name;
  }

  steady_clock time_;
  std::string folder_ = make_folder();
  nbd::server server_;
};

} // namespace forerun::nbd
