#include "runtime/origin/open.hpp"
#include "tests/unit/origin/support.hpp"
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace forerun;
using namespace forerun::origin;

namespace {

struct temporary_file {
  explicit temporary_file(std::size_t bytes)
      : path(std::filesystem::temp_directory_path() / ("forerun-origin-" + std::to_string(::getpid()))) {
    write(bytes, 'a');
  }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  ~temporary_file() { std::filesystem::remove(path); }
  void write(std::size_t bytes, char what) const {
    std::ofstream(path, std::ios::binary) << std::string(bytes, what);
  }
  std::string url() const { return "file:" + path.string(); }
  std::filesystem::path path;
};

} // namespace

TEST_CASE("a file is read at any offset") {
  const temporary_file file(10000);
  const auto from = open_source(file.url(), {}).value();
  CHECK(from->about().bytes == 10000);
  CHECK(*read_now(*from, 1, 9999).value() == std::vector<std::byte>(9999, std::byte{'a'}));
}

TEST_CASE("a file truncated under us is an error, not zeroes") {
  const temporary_file file(10000);
  const auto from = open_source(file.url(), {}).value();
  std::filesystem::resize_file(file.path, 5000);
  CHECK(read_now(*from, 4096, 4096).error() == errc::changed);
  CHECK(read_now(*from, 0, 4096).error() == errc::changed);
}

TEST_CASE("a file that is written under us is an error, also where it has not changed") {
  const temporary_file file(10000);
  const auto from = open_source(file.url(), {}).value();
  CHECK(read_now(*from, 0, 4096).has_value());
  std::filesystem::last_write_time(file.path,
                                   std::filesystem::file_time_type::clock::now() + std::chrono::seconds{5});
  CHECK(read_now(*from, 0, 4096).error() == errc::changed);
}

TEST_CASE("a file that is not there, or no file, is refused with its name") {
  const auto missing = open_source("file:/nowhere/image", {});
  REQUIRE(!missing);
  CHECK(missing.error().code == errc::not_found);
  CHECK(missing.error().text.find("/nowhere/image") != std::string::npos);
  CHECK(open_source("file:/tmp", {}).error().code == errc::invalid_argument);
}

TEST_CASE("reads that wait when a source ends are cancelled or answered, never forgotten") {
  const temporary_file file(1u << 20);
  std::vector<std::future<result<buffer>>> answers;
  {
    const auto from = open_source(file.url(), {.file_threads = 1}).value();
    for (int i = 0; i < 200; ++i)
      answers.push_back(start_read(*from, 0, 1u << 20));
  }
  for (auto& answer : answers) {
    const auto got = wait_for(answer);
    CHECK((got.has_value() || got.error() == errc::cancelled));
  }
}
