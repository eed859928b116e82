#pragma once
#include <cstddef>
#include <string_view>

/// What outside text may name. Checked where it comes in: configuration, control socket, command line.
namespace forerun {

inline constexpr std::size_t name_bytes_max = 255;
inline constexpr std::size_t url_bytes_max = 4096;

/// Letters, digits, ".", "_" and "-", not "." at its beginning, 1 .. `name_bytes_max` bytes: safe as a file
/// name, as an NBD export name and as a metrics label.
bool is_volume_name(std::string_view text);

/// At most `url_bytes_max` bytes, no control characters, and begins with file:, nbd://, nbd+unix://, http://
/// or https://. What follows is for the origin to judge.
bool is_image_url(std::string_view text);

/// A program, user or VM: 1 .. `name_bytes_max` bytes without control characters.
bool is_label(std::string_view text);

} // namespace forerun
