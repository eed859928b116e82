#include "tests/unit/nbd/stage.hpp"
#include "tests/unit/nbd/threaded_device.hpp"
#include <cerrno>
#include <doctest/doctest.h>
#include <libnbd.h>
#include <random>

/// libnbd, told to do what its tools never do.

using namespace forerun;
using namespace forerun::nbd;

namespace {

constexpr std::uint64_t mib = 1u << 20;

using handle = std::unique_ptr<nbd_handle, decltype(&::nbd_close)>;

struct bench {
  exports_map names;
  std::shared_ptr<threaded_device> disk = std::make_shared<threaded_device>(
      export_info{.name = "a", .description = "", .bytes = 16 * mib, .read_only = false}, 2, 31);
  std::shared_ptr<memory_device> fixed = std::make_shared<memory_device>(
      export_info{.name = "fixed", .description = "", .bytes = mib, .read_only = true});
  stage on;
  bench() : on((names.add(disk), names.add(fixed), names)) { disk->answer_to(on.server()); }

  /// A client that checks nothing itself.
  handle client(const std::string& name = "a", bool structured = true) {
    handle out{::nbd_create(), ::nbd_close};
    ::nbd_set_export_name(out.get(), name.c_str());
    ::nbd_set_request_structured_replies(out.get(), structured);
    ::nbd_set_strict_mode(out.get(), 0);
    ::nbd_add_meta_context(out.get(), LIBNBD_CONTEXT_BASE_ALLOCATION);
    REQUIRE(::nbd_connect_unix(out.get(), on.path().c_str()) == 0);
    return out;
  }
};

int extents(void* into, const char*, std::uint64_t, std::uint32_t* entries, std::size_t count, int*) {
  static_cast<std::vector<std::uint32_t>*>(into)->assign(entries, entries + count);
  return 0;
}

} // namespace

TEST_CASE("many requests in flight in odd orders all find their data") {
  for (const bool structured : {true, false}) {
    bench with;
    const auto client = with.client("a", structured);
    CHECK(::nbd_get_structured_replies_negotiated(client.get()) == structured);
    std::mt19937 random{3};
    constexpr int count = 300;
    std::vector<std::vector<char>> written(count), read(count);
    std::vector<std::int64_t> cookies(count);
    const auto run = [&](auto begin) {
      for (int i = 0; i < count; ++i)
        cookies[i] = begin(i);
      std::ranges::shuffle(cookies, random);
      for (const auto cookie : cookies) {
        REQUIRE(cookie > 0);
        int done = 0;
        while ((done = ::nbd_aio_command_completed(client.get(), static_cast<std::uint64_t>(cookie))) == 0)
          REQUIRE(::nbd_poll(client.get(), 10000) == 1);
        REQUIRE(done == 1);
      }
    };
    for (int i = 0; i < count; ++i) {
      written[i].assign(1 + random() % 50000, static_cast<char>(i));
      read[i].resize(written[i].size());
    }
    run([&](int i) {
      return ::nbd_aio_pwrite(client.get(), written[i].data(), written[i].size(), i * 50000,
                              NBD_NULL_COMPLETION, i % 5 == 0 ? LIBNBD_CMD_FLAG_FUA : 0);
    });
    run([&](int i) {
      return ::nbd_aio_pread(client.get(), read[i].data(), read[i].size(), i * 50000, NBD_NULL_COMPLETION, 0);
    });
    CHECK(written == read);
    CHECK(::nbd_shutdown(client.get(), 0) == 0);
  }
}

TEST_CASE("requests that cannot be done say why, and the connection stays good") {
  for (const bool structured : {true, false}) {
    bench with;
    const auto client = with.client("a", structured);
    std::vector<char> data(8192);
    const auto fails = [](int got, int error) { return got == -1 && ::nbd_get_errno() == error; };
    CHECK(fails(::nbd_pread(client.get(), data.data(), 8192, 16 * mib - 4096, 0), EINVAL));
    CHECK(fails(::nbd_pread(client.get(), data.data(), 1, ~0ull, 0), EINVAL));
    CHECK(fails(::nbd_pwrite(client.get(), data.data(), 8192, 16 * mib - 4096, 0), ENOSPC));
    CHECK(fails(::nbd_zero(client.get(), 8192, 16 * mib - 4096, 0), ENOSPC));
    CHECK(fails(::nbd_trim(client.get(), 8192, 16 * mib - 4096, 0), EINVAL));
    CHECK(fails(::nbd_cache(client.get(), 8192, 16 * mib - 4096, 0), EINVAL));
    CHECK(fails(::nbd_zero(client.get(), 8192, 0, LIBNBD_CMD_FLAG_FAST_ZERO), EINVAL));
    CHECK(fails(::nbd_trim(client.get(), 8192, 0, 1u << 12), EINVAL));
    CHECK(::nbd_pread(client.get(), data.data(), 0, 0, 0) == 0);
    CHECK(::nbd_pwrite(client.get(), data.data(), 0, 0, 0) == 0);
    CHECK(::nbd_zero(client.get(), 8192, 0, LIBNBD_CMD_FLAG_NO_HOLE | LIBNBD_CMD_FLAG_FUA) == 0);
    CHECK(::nbd_cache(client.get(), 8192, 0, 0) == 0);
    CHECK(::nbd_flush(client.get(), 0) == 0);
    CHECK(::nbd_pread(client.get(), data.data(), 8192, 16 * mib - 8192, 0) == 0);
  }
}

TEST_CASE("a read-only export refuses every change") {
  bench with;
  const auto client = with.client("fixed");
  std::vector<char> data(512);
  CHECK(::nbd_is_read_only(client.get()) == 1);
  CHECK(::nbd_pwrite(client.get(), data.data(), 512, 0, 0) == -1);
  CHECK(::nbd_get_errno() == EPERM);
  CHECK(::nbd_trim(client.get(), 512, 0, 0) == -1);
  CHECK(::nbd_get_errno() == EPERM);
  CHECK(::nbd_pread(client.get(), data.data(), 512, 0, 0) == 0);
}

TEST_CASE("block status is told where it was asked for in the handshake, and refused elsewhere") {
  bench with;
  std::vector<std::uint32_t> got;
  const nbd_extent_callback told{.callback = extents, .user_data = &got, .free = nullptr};
  const auto client = with.client();
  with.disk->bytes()[4096] = std::byte{1};
  CHECK(::nbd_block_status(client.get(), 12288, 0, told, 0) == 0);
  CHECK(got == std::vector<std::uint32_t>{4096, 3, 4096, 0, 4096, 3});
  CHECK(::nbd_block_status(client.get(), 12288, 0, told, LIBNBD_CMD_FLAG_REQ_ONE) == 0);
  CHECK(got == std::vector<std::uint32_t>{4096, 3});
  CHECK(::nbd_block_status(client.get(), 12288, 16 * mib, told, 0) == -1);
  CHECK(::nbd_get_errno() == EINVAL);
  const auto plain = with.client("a", false);
  CHECK(::nbd_block_status(plain.get(), 12288, 0, told, 0) == -1);
}

TEST_CASE("options one by one: list, info, contexts, an unknown export, then the right one") {
  bench with;
  const handle client{::nbd_create(), ::nbd_close};
  ::nbd_set_opt_mode(client.get(), true);
  REQUIRE(::nbd_connect_unix(client.get(), with.on.path().c_str()) == 0);
  int named = 0;
  const nbd_list_callback count{.callback =
                                    [](void* into, const char*, const char*) {
                                      ++*static_cast<int*>(into);
                                      return 0;
                                    },
                                .user_data = &named,
                                .free = nullptr};
  CHECK(::nbd_opt_list(client.get(), count) == 2);
  CHECK(named == 2);
  CHECK(::nbd_set_export_name(client.get(), "nowhere") == 0);
  CHECK(::nbd_opt_info(client.get()) == -1);
  CHECK(::nbd_opt_go(client.get()) == -1);
  CHECK(::nbd_set_export_name(client.get(), std::string(4096, 'x').c_str()) == 0);
  CHECK(::nbd_opt_info(client.get()) == -1);
  CHECK(::nbd_set_export_name(client.get(), "fixed") == 0);
  CHECK(::nbd_opt_info(client.get()) == 0);
  CHECK(::nbd_get_size(client.get()) == static_cast<std::int64_t>(mib));
  CHECK(::nbd_set_export_name(client.get(), "a") == 0);
  CHECK(::nbd_opt_go(client.get()) == 0);
  CHECK(::nbd_get_size(client.get()) == static_cast<std::int64_t>(16 * mib));
  const handle leaving{::nbd_create(), ::nbd_close};
  ::nbd_set_opt_mode(leaving.get(), true);
  REQUIRE(::nbd_connect_unix(leaving.get(), with.on.path().c_str()) == 0);
  CHECK(::nbd_opt_abort(leaving.get()) == 0);
}

TEST_CASE("a client that insists on TLS is refused") {
  bench with;
  const handle client{::nbd_create(), ::nbd_close};
  if (::nbd_supports_tls(client.get()) != 1)
    return;
  ::nbd_set_tls(client.get(), LIBNBD_TLS_REQUIRE);
  CHECK(::nbd_connect_unix(client.get(), with.on.path().c_str()) == -1);
  const handle willing{::nbd_create(), ::nbd_close};
  ::nbd_set_tls(willing.get(), LIBNBD_TLS_ALLOW);
  ::nbd_set_export_name(willing.get(), "a");
  CHECK(::nbd_connect_unix(willing.get(), with.on.path().c_str()) == 0);
}

TEST_CASE("TCP serves as a unix socket does") {
  bench with;
  const auto id = with.on.server().add_listener(parse_address("tcp:127.0.0.1:0").value(), "a").value();
  const auto port = std::to_string(with.on.server().where(id).value().port);
  const handle client{::nbd_create(), ::nbd_close};
  REQUIRE(::nbd_connect_tcp(client.get(), "127.0.0.1", port.c_str()) == 0);
  std::vector<char> data(2 * mib, 'x'), back(2 * mib);
  CHECK(::nbd_pwrite(client.get(), data.data(), data.size(), 4097, 0) == 0);
  CHECK(::nbd_pread(client.get(), back.data(), back.size(), 4097, 0) == 0);
  CHECK(data == back);
}
