#pragma once
#include <cstring>
#include <elf.h>
#include <string>
#include <vector>

namespace forerun::anatomy {

/// A program or library with no code in it, as the linker would lay it out.
inline std::string made_elf(const std::string& interpreter, const std::vector<std::string>& needed,
                            const std::string& runpath = "", std::uint16_t machine = EM_X86_64) {
  std::string names(1, '\0');
  const auto keep = [&](const std::string& name) {
    const auto at = names.size();
    names += name + '\0';
    return at;
  };
  std::vector<Elf64_Dyn> dynamic;
  const auto entry = [&](Elf64_Sxword tag, Elf64_Xword value) { dynamic.push_back({tag, {value}}); };
  for (const auto& each : needed)
    entry(DT_NEEDED, keep(each));
  if (!runpath.empty())
    entry(DT_RUNPATH, keep(runpath));
  const auto interpreter_at = keep(interpreter);
  // Names in another block than the head, and addresses that are no offsets.
  constexpr std::uint64_t names_at = 6000, base = 0x400000;
  entry(DT_STRTAB, base + names_at);
  entry(DT_NULL, 0);
  const auto dynamic_at = names_at + (names.size() + 15) / 8 * 8;
  const auto end = dynamic_at + dynamic.size() * sizeof(Elf64_Dyn);
  Elf64_Phdr load{.p_type = PT_LOAD, .p_vaddr = base, .p_filesz = end};
  Elf64_Phdr points{
      .p_type = PT_DYNAMIC, .p_offset = dynamic_at, .p_filesz = dynamic.size() * sizeof(Elf64_Dyn)};
  Elf64_Phdr loader{
      .p_type = PT_INTERP, .p_offset = names_at + interpreter_at, .p_filesz = interpreter.size() + 1};
  Elf64_Ehdr head{};
  std::memcpy(head.e_ident, ELFMAG, SELFMAG);
  head.e_ident[EI_CLASS] = ELFCLASS64;
  head.e_ident[EI_DATA] = ELFDATA2LSB;
  head.e_ident[EI_VERSION] = EV_CURRENT;
  head.e_type = ET_DYN;
  head.e_machine = machine;
  head.e_version = EV_CURRENT;
  head.e_phoff = head.e_ehsize = sizeof head;
  head.e_phentsize = sizeof load;
  head.e_phnum = interpreter.empty() ? 2 : 3;
  // Sections, at a place that is not there: they are of no use to who only runs it.
  head.e_shoff = 1 << 30;
  head.e_shnum = 30;
  head.e_shentsize = sizeof(Elf64_Shdr);
  std::string bytes(end, '\0');
  const auto put = [&](std::size_t at, const auto& value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
  };
  put(0, head);
  put(sizeof head, load);
  put(sizeof head + sizeof load, points);
  put(sizeof head + 2 * sizeof load, loader);
  std::memcpy(bytes.data() + names_at, names.data(), names.size());
  std::memcpy(bytes.data() + dynamic_at, dynamic.data(), dynamic.size() * sizeof(Elf64_Dyn));
  return bytes;
}

} // namespace forerun::anatomy
