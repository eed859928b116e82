#include "runtime/host/secret.hpp"
#include "tests/unit/host/folder.hpp"
#include <fstream>

using namespace forerun;
using namespace forerun::host;

TEST_CASE("a secret key is drawn once, and only its owner can read it") {
  const folder where;
  const auto path = where.path + "/key";
  const auto first = load_or_make_secret(path).value();
  CHECK(load_or_make_secret(path).value() == first);
  CHECK(load_or_make_secret(where.path + "/other").value() != first);
  using std::filesystem::perms;
  CHECK(std::filesystem::status(path).permissions() == (perms::owner_read | perms::owner_write));
  CHECK_FALSE(std::filesystem::exists(path + ".new"));
}

TEST_CASE("a secret key that is no key, that everybody can read, or that has no folder is refused") {
  const folder where;
  const auto path = where.path + "/key";
  const std::string good(64, 'a');
  const auto with = [&](const std::string& text) {
    std::ofstream{path} << text;
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return load_or_make_secret(path);
  };
  for (const auto& bad : {std::string{}, good.substr(1), good + "a", good + "\n\n", "g" + good.substr(1)})
    CHECK(with(bad).error() == errc::corrupt);
  CHECK(with(good + "\n").has_value());
  CHECK(with(good).has_value());
  std::filesystem::permissions(path, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
  CHECK(load_or_make_secret(path).error() == errc::permission_denied);
  CHECK(load_or_make_secret(where.path).error() == errc::corrupt);
  CHECK(load_or_make_secret(where.path + "/none/key").error() == errc::not_found);
}
