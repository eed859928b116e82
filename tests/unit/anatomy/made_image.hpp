#pragma once
#include "runtime/anatomy/file_map.hpp"
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace forerun::anatomy {

/// An image in memory that tests may damage.
class memory_image final : public image_reader {
public:
  std::vector<char> content;

  std::uint64_t bytes() const override { return content.size(); }
  result<void> read(std::uint64_t offset, std::span<std::byte> into) override {
    if (offset > content.size() || into.size() > content.size() - offset)
      return errc::out_of_range;
    std::memcpy(into.data(), content.data() + offset, into.size());
    return success();
  }
};

/// A folder that becomes the content of an image, by mke2fs.
class made_image {
public:
  made_image() {
    std::string name = (std::filesystem::temp_directory_path() / "forerun-anatomy-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      std::abort();
    place_ = name;
    std::filesystem::create_directory(root());
  }
  ~made_image() { std::filesystem::remove_all(place_); }
  made_image(const made_image&) = delete;
  made_image& operator=(const made_image&) = delete;

  std::filesystem::path root() const { return place_ / "root"; }
  void file(const std::string& path, std::string_view content) const {
    const auto to = root() / path;
    std::filesystem::create_directories(to.parent_path());
    std::ofstream(to, std::ios::binary) << content;
  }
  void link(const std::string& path, const std::string& target) const {
    const auto to = root() / path;
    std::filesystem::create_directories(to.parent_path());
    std::filesystem::create_symlink(target, to);
  }
  /// `options` as mke2fs takes them, e.g. "-t ext4 -b 1024". Empty when it could not be made.
  memory_image make(const std::string& options, unsigned kib = 2048) const {
    const auto image = place_ / "image";
    std::ofstream(image).close();
    std::filesystem::resize_file(image, std::uint64_t{kib} << 10);
    const auto command = "PATH=$PATH:/usr/sbin:/sbin mke2fs -q -F " + options + " -d '" + root().string() +
                         "' '" + image.string() + "' >/dev/null 2>&1";
    memory_image made;
    if (std::system(command.c_str()) != 0)
      return made;
    std::ifstream in(image, std::ios::binary);
    made.content.assign(std::istreambuf_iterator<char>(in), {});
    return made;
  }

private:
  std::filesystem::path place_;
};

} // namespace forerun::anatomy
