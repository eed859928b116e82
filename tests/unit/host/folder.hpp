#pragma once
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <unistd.h>

namespace forerun::host {

/// A folder that goes away with its test.
struct folder {
  folder() {
    std::string form = (std::filesystem::temp_directory_path() / "forerun-host-XXXXXX").string();
    REQUIRE(mkdtemp(form.data()) != nullptr);
    path = form;
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  ~folder() { std::filesystem::remove_all(path); }
  std::string path;
};

} // namespace forerun::host
