#include "runtime/nbd/poll_window.hpp"
#include <doctest/doctest.h>

using namespace forerun;
using namespace forerun::nbd;
using std::chrono::microseconds;

TEST_CASE("a thread that was never idle sleeps at once") {
  CHECK(poll_window{}.length() == nanos{0});
}

TEST_CASE("short gaps widen the window until it covers them, and no further") {
  poll_window window;
  for (int i = 0; i < 10; ++i)
    window.idled(microseconds{120});
  CHECK(window.length() >= microseconds{120});
  CHECK(window.length() <= poll_window::longest);
  const auto enough = window.length();
  window.idled(microseconds{20});
  CHECK(window.length() == enough);
}

TEST_CASE("a client with long gaps is not waited for awake") {
  poll_window window;
  for (int i = 0; i < 10; ++i)
    window.idled(microseconds{150});
  for (int i = 0; i < 3; ++i)
    window.idled(std::chrono::milliseconds{1});
  CHECK(window.length() == nanos{0});
}
