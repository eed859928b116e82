#include "runtime/anatomy/elf.hpp"
#include <algorithm>
#include <array>
#include <cstring>
#include <gelf.h>
#include <memory>

namespace forerun::anatomy {
namespace {

constexpr std::size_t head_bytes = 4096;
constexpr std::uint64_t dynamic_bytes_max = 64 << 10;
constexpr std::size_t name_bytes_max = 255, names_max = 512;

/// A file's bytes by blocks, of which the last one read is kept: the names of libraries lie side by side.
class window {
public:
  window(const file_map& map, image_reader& image, file_id file) : map_(map), image_(image), file_(file) {}

  /// As many of the bytes as there are.
  result<std::vector<char>> read(std::uint64_t offset, std::size_t length) {
    std::vector<char> found;
    while (length > 0) {
      const auto block = offset / block_bytes * block_bytes;
      if (block != at_) {
        const auto got = read_content(map_, image_, file_, block, std::as_writable_bytes(std::span(bytes_)));
        if (!got)
          return got.error();
        at_ = block;
        filled_ = got.value();
      }
      const auto skip = offset - block;
      const auto count = std::min<std::size_t>(length, filled_ > skip ? filled_ - skip : 0);
      if (count == 0)
        break;
      found.insert(found.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(skip),
                   bytes_.begin() + static_cast<std::ptrdiff_t>(skip + count));
      offset += count;
      length -= count;
    }
    return found;
  }
  /// Up to a zero byte; empty when there is none in time.
  result<std::string> text(std::uint64_t offset) {
    const auto bytes = read(offset, name_bytes_max + 1);
    if (!bytes)
      return bytes.error();
    const auto& all = bytes.value();
    const auto end = std::find(all.begin(), all.end(), '\0');
    return end == all.end() ? std::string() : std::string(all.begin(), end);
  }

private:
  const file_map& map_;
  image_reader& image_;
  file_id file_;
  std::uint64_t at_ = std::numeric_limits<std::uint64_t>::max();
  std::size_t filled_ = 0;
  std::array<char, block_bytes> bytes_;
};

/// libelf wants all that the header speaks of in memory, and we have the file's head: it is told of no
/// sections.
void forget_sections(std::vector<char>& head) {
  const auto wide = head[EI_CLASS] == ELFCLASS64;
  const auto clear = [&](std::size_t at, std::size_t length) {
    std::fill_n(head.begin() + at, length, '\0');
  };
  clear(wide ? offsetof(Elf64_Ehdr, e_shoff) : offsetof(Elf32_Ehdr, e_shoff), wide ? 8 : 4);
  clear(wide ? offsetof(Elf64_Ehdr, e_shnum) : offsetof(Elf32_Ehdr, e_shnum), 4);
}

std::vector<Elf64_Dyn> dynamic_of(std::vector<char>& bytes, bool wide, unsigned char order) {
  const auto each = wide ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
  const auto count = bytes.size() / each;
  Elf_Data from{}, to{};
  std::vector<Elf64_Dyn> found(count);
  std::vector<Elf32_Dyn> narrow(wide ? 0 : count);
  from.d_buf = bytes.data();
  from.d_size = to.d_size = count * each;
  from.d_type = ELF_T_DYN;
  from.d_version = to.d_version = EV_CURRENT;
  to.d_buf = wide ? static_cast<void*>(found.data()) : narrow.data();
  if (count == 0 || (wide ? elf64_xlatetom(&to, &from, order) : elf32_xlatetom(&to, &from, order)) == nullptr)
    return {};
  for (std::size_t at = 0; at < narrow.size(); ++at) {
    found[at].d_tag = narrow[at].d_tag;
    found[at].d_un.d_val = narrow[at].d_un.d_val;
  }
  return found;
}

void split_folders(std::string_view folders, std::vector<std::string>& into) {
  while (!folders.empty() && into.size() < names_max) {
    const auto end = std::min(folders.find(':'), folders.size());
    if (end > 0)
      into.emplace_back(folders.substr(0, end));
    folders.remove_prefix(std::min(end + 1, folders.size()));
  }
}

result<void> read_dynamic(window& in, const GElf_Phdr& where, const std::vector<GElf_Phdr>& loads,
                          unsigned char order, elf_facts& facts) {
  auto bytes = in.read(where.p_offset, std::min<std::uint64_t>(where.p_filesz, dynamic_bytes_max));
  if (!bytes)
    return bytes.error();
  auto entries = dynamic_of(bytes.value(), facts.wide, order);
  entries.erase(
      std::find_if(entries.begin(), entries.end(), [](const auto& it) { return it.d_tag == DT_NULL; }),
      entries.end());
  const auto value_of = [&](Elf64_Sxword tag) -> std::optional<std::uint64_t> {
    const auto found =
        std::find_if(entries.begin(), entries.end(), [&](const auto& it) { return it.d_tag == tag; });
    return found == entries.end() ? std::nullopt : std::optional<std::uint64_t>(found->d_un.d_val);
  };
  const auto names_at = value_of(DT_STRTAB);
  const auto load = std::find_if(loads.begin(), loads.end(), [&](const GElf_Phdr& it) {
    return names_at && *names_at >= it.p_vaddr && *names_at - it.p_vaddr < it.p_filesz;
  });
  if (load == loads.end())
    return value_of(DT_NEEDED) ? result<void>(errc::corrupt) : success();
  const auto names = *names_at - load->p_vaddr + load->p_offset;
  for (const auto& each : entries) {
    if (each.d_tag != DT_NEEDED || facts.needed.size() >= names_max)
      continue;
    auto name = in.text(names + each.d_un.d_val);
    if (!name)
      return name.error();
    if (!name.value().empty())
      facts.needed.push_back(std::move(name).value());
  }
  auto folders = value_of(DT_RUNPATH);
  if (!folders)
    folders = value_of(DT_RPATH);
  if (!folders)
    return success();
  const auto text = in.text(names + *folders);
  if (!text)
    return text.error();
  split_folders(text.value(), facts.search);
  return success();
}

} // namespace

result<elf_facts> read_elf(const file_map& map, image_reader& image, file_id file) {
  if (map[file].kind != block_kind::file)
    return errc::unsupported;
  window in(map, image, file);
  auto read = in.read(0, head_bytes);
  if (!read)
    return read.error();
  auto& head = read.value();
  if (head.size() < sizeof(Elf64_Ehdr) || std::memcmp(head.data(), ELFMAG, SELFMAG) != 0)
    return errc::unsupported;
  forget_sections(head);
  elf_version(EV_CURRENT);
  const std::unique_ptr<Elf, int (*)(Elf*)> elf(elf_memory(head.data(), head.size()), elf_end);
  GElf_Ehdr header{};
  std::size_t count = 0;
  if (!elf || gelf_getehdr(elf.get(), &header) == nullptr || elf_getphdrnum(elf.get(), &count) != 0)
    return errc::corrupt;
  if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
    return errc::unsupported;
  elf_facts facts{.machine = header.e_machine, .wide = head[EI_CLASS] == ELFCLASS64};
  std::vector<GElf_Phdr> loads;
  std::optional<GElf_Phdr> dynamic;
  for (std::size_t each = 0; each < count; ++each) {
    GElf_Phdr part{};
    // The head holds some 70 of them; a program has a dozen.
    if (gelf_getphdr(elf.get(), static_cast<int>(each), &part) == nullptr)
      return errc::corrupt;
    if (part.p_type == PT_LOAD) {
      loads.push_back(part);
      if (part.p_offset <= map[file].bytes)
        facts.loaded_bytes = std::max<std::uint64_t>(
            facts.loaded_bytes, part.p_offset + std::min(part.p_filesz, map[file].bytes - part.p_offset));
    } else if (part.p_type == PT_DYNAMIC) {
      dynamic = part;
    } else if (part.p_type == PT_INTERP) {
      auto name = in.text(part.p_offset);
      if (!name)
        return name.error();
      facts.interpreter = std::move(name).value();
    }
  }
  if (dynamic)
    if (auto done = read_dynamic(in, *dynamic, loads, static_cast<unsigned char>(head[EI_DATA]), facts);
        !done)
      return done.error();
  return facts;
}

} // namespace forerun::anatomy
