#include "runtime/nbd/replies.hpp"
#include <algorithm>

namespace forerun::nbd {

reply_batch::reply_batch()
    : headers_(replies_max), scratch_(std::make_unique_for_overwrite<std::byte[]>(scratch_bytes)) {
}

std::byte* reply_batch::open_reply() {
  auto* header = headers_[replies_].data();
  open_piece_ = pieces_.size();
  open_bytes_ = bytes_;
  pieces_.push_back({.iov_base = header, .iov_len = 0});
  return header;
}

void reply_batch::drop_added() {
  pieces_.resize(open_piece_ + 1);
  bytes_ = open_bytes_;
}

void reply_batch::undo_reply() {
  pieces_.resize(open_piece_);
  bytes_ = open_bytes_;
}

void reply_batch::close_reply(std::size_t header_bytes) {
  pieces_[open_piece_].iov_len = header_bytes;
  bytes_ += header_bytes;
  ++replies_;
}

void reply_batch::add(std::span<const std::byte> piece) {
  if (piece.empty())
    return;
  bytes_ += piece.size();
  auto& last = pieces_.back();
  // A header's piece gets its length last and so is never joined: what follows it does not touch it.
  if (pieces_.size() > open_piece_ + 1 &&
      static_cast<std::byte*>(last.iov_base) + last.iov_len == piece.data())
    last.iov_len += piece.size();
  else
    pieces_.push_back({.iov_base = const_cast<std::byte*>(piece.data()), .iov_len = piece.size()});
}

std::span<std::byte> reply_batch::scratch(std::size_t bytes) {
  std::byte* at = nullptr;
  if (bytes <= scratch_bytes - scratch_used_) {
    at = scratch_.get() + scratch_used_;
    scratch_used_ += bytes;
  } else {
    at = large_scratch_.emplace_back(std::make_unique_for_overwrite<std::byte[]>(bytes)).get();
  }
  add({at, bytes});
  return {at, bytes};
}

void reply_batch::add_copy(std::span<const std::byte> bytes) {
  std::ranges::copy(bytes, scratch(bytes.size()).begin());
}

void reply_batch::add_owned(owned_bytes bytes) {
  add(*bytes);
  owned_.push_back(std::move(bytes));
}

void reply_batch::reset() {
  pieces_.clear();
  notes_.clear();
  owned_.clear();
  large_scratch_.clear();
  scratch_used_ = 0;
  replies_ = 0;
  bytes_ = 0;
}

} // namespace forerun::nbd
