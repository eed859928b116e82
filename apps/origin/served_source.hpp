#pragma once
#include "runtime/nbd/device.hpp"
#include "runtime/origin/origin.hpp"

namespace forerun::origin {

/// A source offered over NBD, read-only. Reads go to the source as demand; the client's CACHE is a prefetch
/// whose data is thrown away. The completions outlive the source's last answer.
class served_source final : public nbd::device {
public:
  served_source(std::string name, std::shared_ptr<source> from, nbd::completions& later);

  const nbd::export_info& info() const override { return info_; }
  void attached(nbd::io_slot) override {}
  void detached(nbd::io_slot) override {}
  nbd::started start(nbd::io_slot slot, const nbd::request& what, std::span<const std::byte> payload,
                     nbd::gather& out, nbd::ticket later) override;
  void answered(nbd::io_slot, const nbd::request&, const nbd::answer&, instant) override {}
  std::vector<nbd::status_range> block_status(std::uint64_t offset, std::uint64_t length,
                                              std::size_t ranges_max) override;
  bool turn_ended(nbd::io_slot, instant) override { return false; }

  /// Ends the source, which answers what is open. The server must have been stopped.
  void end() { from_.reset(); }

private:
  std::shared_ptr<source> from_;
  nbd::export_info info_;
  nbd::completions& later_;
};

/// One export, found under its name or no name.
class single_export final : public nbd::exports {
public:
  void offer(std::shared_ptr<nbd::device> what) { what_ = std::move(what); }
  std::shared_ptr<nbd::device> find(const std::string& name) override;
  std::vector<nbd::export_info> list() override;

private:
  std::shared_ptr<nbd::device> what_;
};

} // namespace forerun::origin
