#include "apps/origin/served_source.hpp"

namespace forerun::origin {

served_source::served_source(std::string name, std::shared_ptr<source> from, nbd::completions& later)
    : from_(std::move(from)), info_{std::move(name), from_->about().validator, from_->about().bytes, true},
      later_(later) {
}

nbd::started served_source::start(nbd::io_slot, const nbd::request& what, std::span<const std::byte>,
                                  nbd::gather&, nbd::ticket later) {
  const auto reading = what.kind == nbd::command::read;
  if (what.kind == nbd::command::flush)
    return {nbd::verdict::done, {}, {}};
  if (!reading && what.kind != nbd::command::cache)
    return {nbd::verdict::failed, errc::read_only, {}};
  from_->read(what.offset, what.length, reading ? priority::demand : priority::prefetch,
              [this, later, reading](result<buffer> data) {
                if (!data)
                  later_.complete(later, data.error(), nullptr);
                else
                  later_.complete(later, nbd::answer{}, reading ? std::move(data).value() : nullptr);
              });
  return {nbd::verdict::pending, {}, {}};
}

std::vector<nbd::status_range> served_source::block_status(std::uint64_t, std::uint64_t length, std::size_t) {
  return {{length, false, false}}; // Sources do not tell where they are empty.
}

std::shared_ptr<nbd::device> single_export::find(const std::string& name) {
  return name.empty() || name == what_->info().name ? what_ : nullptr;
}

std::vector<nbd::export_info> single_export::list() {
  return {what_->info()};
}

} // namespace forerun::origin
