#include "runtime/host/folder_lock.hpp"
#include "runtime/host/real_clock.hpp"
#include "tests/unit/host/folder.hpp"
#include <csignal>
#include <sys/wait.h>

using namespace forerun;
using namespace forerun::host;

TEST_CASE("a folder is held by one at a time, and the other is told by whom") {
  const folder at;
  std::optional<long> holder;
  {
    auto first = folder_lock::take(at.path, holder);
    REQUIRE(first);
    CHECK(!holder);
    CHECK(folder_lock::take(at.path, holder).error() == errc::busy);
    CHECK(holder == getpid());
  }
  holder.reset();
  CHECK(folder_lock::take(at.path, holder));
  CHECK(folder_lock::take(at.path + "/missing", holder).error() == errc::not_found);
}

TEST_CASE("a holder that is killed holds nothing any more") {
  const folder at;
  std::optional<long> holder;
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const auto child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto lock = folder_lock::take(at.path, holder);
    const char done = lock ? 1 : 0;
    if (write(ready[1], &done, 1) == 1)
      pause();
    _exit(1);
  }
  char done = 0;
  REQUIRE(read(ready[0], &done, 1) == 1);
  CHECK(done == 1);
  CHECK(folder_lock::take(at.path, holder).error() == errc::busy);
  CHECK(holder == child);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  CHECK(folder_lock::take(at.path, holder));
  close(ready[0]);
  close(ready[1]);
}

TEST_CASE("the clocks go forward, and the wall clock is in this century") {
  const real_clock time;
  const auto before = time.now();
  CHECK(time.now() >= before);
  CHECK(time.wall().ns > 946'684'800'000'000'000);
}
