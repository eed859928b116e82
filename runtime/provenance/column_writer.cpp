#include "runtime/provenance/column_writer.hpp"

namespace forerun::provenance {

void column_writer::clear() {
  end_ = data_.get();
  plain_ = false;
  value_ = length_ = 0;
  plain_bytes_ = 0;
}

std::byte* column_writer::put_repeated(std::byte* at, std::uint64_t value, std::uint64_t times) {
  for (; times > 0; --times)
    at = put_varint(at, value);
  return at;
}

void column_writer::begin_run(std::uint64_t value) {
  if (length_ > 0) {
    end_ = put_varint(put_varint(end_, value_), length_);
    plain_bytes_ += length_ * varint_bytes(value_);
  }
  // A column that does not shrink at its front is taken for one that never does.
  if (used() >= plain_bytes_ + varint_bytes(value)) {
    end_ = put_varint(expand(data_.get(), {data_.get(), end_}), value);
    plain_ = true;
  } else {
    value_ = value;
    length_ = 1;
  }
}

std::byte* column_writer::expand(std::byte* at, std::vector<std::byte> runs) const {
  byte_reader<> reader{runs};
  while (reader.left() > 0) {
    const auto value = reader.take_varint();
    at = put_repeated(at, value, reader.take_varint());
  }
  return at;
}

void column_writer::write(byte_writer<>& out, column_id id) const {
  const auto bytes = std::span<const std::byte>{data_.get(), used()};
  const auto plain_bytes = plain_ ? bytes.size() : plain_bytes_ + length_ * varint_bytes(value_);
  if (plain_) {
    put_column_head(out, id, column_codec::plain, bytes.size());
    out.put_bytes(bytes);
  } else if (size() < plain_bytes) {
    put_column_head(out, id, column_codec::runs, size());
    out.put_bytes(bytes);
    out.put_varint(value_);
    out.put_varint(length_);
  } else {
    std::vector<std::byte> plain(plain_bytes);
    put_repeated(expand(plain.data(), {bytes.begin(), bytes.end()}), value_, length_);
    put_column_head(out, id, column_codec::plain, plain.size());
    out.put_bytes(plain);
  }
}

} // namespace forerun::provenance
