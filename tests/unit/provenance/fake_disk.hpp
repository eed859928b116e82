#pragma once
#include "runtime/base/disk.hpp"
#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <variant>

namespace forerun::provenance {

/// A folder in memory that can fail at any call and crash: what was not synced is then lost, kept or torn, by
/// seed. Failing calls write a part of their data first.
class fake_disk final : public disk {
public:
  struct file {
    using bytes = std::vector<std::byte>;
    struct change {
      std::uint64_t at;
      std::variant<bytes, std::uint64_t> what; ///< Bytes written, or a new length.
    };
    bytes live, durable;
    std::vector<change> unsynced;

    static void apply(bytes& to, const change& it, std::size_t part) {
      if (const auto* length = std::get_if<std::uint64_t>(&it.what)) {
        to.resize(*length);
        return;
      }
      const auto& data = std::get<bytes>(it.what);
      to.resize(std::max<std::size_t>(to.size(), it.at + data.size()));
      std::copy_n(data.begin(), std::min(part, data.size()), to.begin() + static_cast<std::ptrdiff_t>(it.at));
    }
  };

  std::map<std::string, std::shared_ptr<file>, std::less<>> files;
  std::set<std::string, std::less<>> durable_names;
  std::size_t calls = 0;                    ///< That change something.
  std::size_t fail_from = ~std::size_t{0};  ///< Calls from this one on fail,
  std::size_t fail_count = ~std::size_t{0}; ///< so many of them.
  errc failure = errc::io_failed;
  std::mt19937_64 random{1};

  bool fails() {
    const auto call = calls++;
    return call >= fail_from && call - fail_from < fail_count;
  }

  /// The machine stops and starts again.
  void crash() {
    fail_from = ~std::size_t{0};
    std::erase_if(files,
                  [this](const auto& it) { return !durable_names.contains(it.first) && random() % 2; });
    for (auto& [name, it] : files) {
      for (const auto& change : it->unsynced) {
        const auto fate = random() % 3;
        if (fate != 0)
          file::apply(it->durable, change, fate == 1 ? ~std::size_t{0} : random() % 600);
      }
      it->unsynced.clear();
      it->live = it->durable;
      durable_names.insert(name);
    }
  }

  result<std::unique_ptr<disk_file>> open(std::string_view name, bool create) override;
  result<void> remove(std::string_view name) override {
    if (fails())
      return failure;
    files.erase(std::string{name});
    durable_names.erase(std::string{name});
    return success();
  }
  result<void> rename(std::string_view, std::string_view) override { return errc::unsupported; }
  result<void> sync_names() override {
    if (fails())
      return failure;
    for (const auto& [name, it] : files)
      durable_names.insert(name);
    return success();
  }
  result<std::vector<std::string>> list() override {
    std::vector<std::string> names;
    for (const auto& [name, it] : files)
      names.push_back(name);
    return names;
  }
};

class fake_file final : public disk_file {
public:
  fake_file(fake_disk& on, std::shared_ptr<fake_disk::file> it) : disk_(on), file_(std::move(it)) {}

  result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) override {
    if (offset >= file_->live.size())
      return std::size_t{0};
    const auto count = std::min<std::size_t>(into.size(), file_->live.size() - offset);
    std::memcpy(into.data(), file_->live.data() + offset, count);
    return count;
  }
  result<void> write(std::uint64_t offset, std::span<const std::byte> data) override {
    const bool fails = disk_.fails();
    change(
        {offset, std::vector(data.begin(), fails ? data.begin() + static_cast<std::ptrdiff_t>(data.size() / 3)
                                                 : data.end())});
    if (fails)
      return disk_.failure;
    return success();
  }
  result<void> sync_data() override {
    if (disk_.fails()) {
      // As a real system: what could not be written is taken for clean, and a later sync will not write it.
      file_->unsynced.clear();
      return disk_.failure;
    }
    for (const auto& it : file_->unsynced)
      fake_disk::file::apply(file_->durable, it, ~std::size_t{0});
    file_->unsynced.clear();
    return success();
  }
  result<void> punch(std::uint64_t, std::uint64_t) override { return errc::unsupported; }
  result<void> resize(std::uint64_t length) override {
    if (disk_.fails())
      return disk_.failure;
    change({0, length});
    return success();
  }
  result<std::uint64_t> size() override { return std::uint64_t{file_->live.size()}; }

private:
  void change(fake_disk::file::change it) {
    fake_disk::file::apply(file_->live, it, ~std::size_t{0});
    file_->unsynced.push_back(std::move(it));
  }
  fake_disk& disk_;
  std::shared_ptr<fake_disk::file> file_;
};

inline result<std::unique_ptr<disk_file>> fake_disk::open(std::string_view name, bool create) {
  auto found = files.find(name);
  if (found == files.end()) {
    if (!create)
      return errc::not_found;
    if (fails())
      return failure;
    found = files.emplace(std::string{name}, std::make_shared<file>()).first;
  }
  return std::unique_ptr<disk_file>{new fake_file{*this, found->second}};
}

} // namespace forerun::provenance
