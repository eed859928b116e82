#pragma once
#include "runtime/base/disk.hpp"
#include <algorithm>
#include <map>

namespace forerun {

/// A folder in memory that never fails; tests look into its files and change them.
class memory_disk final : public disk {
public:
  std::map<std::string, std::vector<std::byte>, std::less<>> files;

  result<std::unique_ptr<disk_file>> open(std::string_view name, bool create) override {
    auto found = files.find(name);
    if (found == files.end()) {
      if (!create)
        return errc::not_found;
      found = files.emplace(std::string{name}, std::vector<std::byte>{}).first;
    }
    return std::unique_ptr<disk_file>{new file{found->second}};
  }
  result<void> remove(std::string_view name) override {
    const auto found = files.find(name);
    if (found == files.end())
      return errc::not_found;
    files.erase(found);
    return success();
  }
  result<void> rename(std::string_view from, std::string_view to) override {
    const auto found = files.find(from);
    if (found == files.end())
      return errc::not_found;
    auto bytes = std::move(found->second);
    files.erase(found);
    files.insert_or_assign(std::string{to}, std::move(bytes));
    return success();
  }
  result<void> sync_names() override { return success(); }
  result<std::vector<std::string>> list() override {
    std::vector<std::string> names;
    for (const auto& [name, bytes] : files)
      names.push_back(name);
    return names;
  }

private:
  class file final : public disk_file {
  public:
    explicit file(std::vector<std::byte>& bytes) : bytes_(bytes) {}
    result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) override {
      if (offset >= bytes_.size())
        return std::size_t{0};
      const auto count = std::min<std::size_t>(into.size(), bytes_.size() - offset);
      std::copy_n(bytes_.data() + offset, count, into.data());
      return count;
    }
    result<void> write(std::uint64_t offset, std::span<const std::byte> data) override {
      bytes_.resize(std::max<std::size_t>(bytes_.size(), offset + data.size()));
      std::copy(data.begin(), data.end(), bytes_.data() + offset);
      return success();
    }
    result<void> sync_data() override { return success(); }
    result<void> punch(std::uint64_t offset, std::uint64_t length) override {
      if (offset < bytes_.size())
        std::fill_n(bytes_.data() + offset, std::min<std::uint64_t>(length, bytes_.size() - offset),
                    std::byte{0});
      return success();
    }
    result<void> resize(std::uint64_t length) override {
      bytes_.resize(length);
      return success();
    }
    result<std::uint64_t> size() override { return std::uint64_t{bytes_.size()}; }

  private:
    std::vector<std::byte>& bytes_; ///< Of the map, which keeps it in place.
  };
};

} // namespace forerun
