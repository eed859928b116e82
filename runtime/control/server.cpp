#include "runtime/control/server.hpp"
#include "runtime/control/http.hpp"
#include "runtime/control/quiet.hpp"
#include "runtime/control/service.hpp"
#include <capnp/rpc-twoparty.h>
#include <fmt/format.h>
#include <kj/async-io.h>
#include <kj/async-unix.h>
#include <set>
#include <thread>
#include <unistd.h>

namespace forerun::control {
namespace {

constexpr auto accept_pause = 100 * kj::MILLISECONDS; ///< After a failed accept, e.g. no descriptor left.
constexpr auto watch_period = 1 * kj::SECONDS;

capnp::ReaderOptions limits(std::size_t bytes) {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = bytes / sizeof(capnp::word);
  options.nestingLimit = 16;
  return options;
}

/// The RPC system has one limit for both ways; requests are small, and answers need not be. It would also go
/// on reading from a client that leaves every answer unread.
class bounded_requests final : public capnp::MessageStream {
public:
  bounded_requests(kj::AsyncIoStream& stream, std::shared_ptr<session> from)
      : inner_(stream), session_(std::move(from)) {}

  kj::Promise<kj::Maybe<capnp::MessageReaderAndFds>>
  tryReadMessage(kj::ArrayPtr<kj::AutoCloseFd> fds, capnp::ReaderOptions,
                 kj::ArrayPtr<capnp::word> scratch) override {
    if (!session_->reads_answers())
      return kj::NEVER_DONE;
    return inner_.tryReadMessage(fds, limits(request_bytes_max), scratch);
  }
  kj::Promise<void> writeMessage(kj::ArrayPtr<const int> fds,
                                 kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments) override {
    return inner_.writeMessage(fds, segments);
  }
  kj::Promise<void>
  writeMessages(kj::ArrayPtr<kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>>> messages) override {
    return inner_.writeMessages(messages);
  }
  kj::Maybe<int> getSendBufferSize() override { return inner_.getSendBufferSize(); }
  kj::Promise<void> end() override { return inner_.end(); }

private:
  capnp::AsyncIoMessageStream inner_;
  std::shared_ptr<session> session_;
};

/// One client of the control socket.
struct connection {
  connection(kj::Own<kj::AsyncIoStream> s, std::shared_ptr<session> about,
             capnp::Capability::Client bootstrap, std::set<connection*>& all)
      : stream(kj::mv(s)), requests(*stream, about),
        network(requests, capnp::rpc::twoparty::Side::SERVER, limits(answer_bytes_max)),
        rpc(capnp::makeRpcServer(network, kj::mv(bootstrap))), own(std::move(about)), registry(all) {
    own->network = &network;
    rpc.setFlowLimit(request_bytes_max / sizeof(capnp::word));
    registry.insert(this);
  }
  ~connection() {
    registry.erase(this);
    own->network = nullptr;
  }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  kj::Own<kj::AsyncIoStream> stream;
  bounded_requests requests;
  capnp::TwoPartyVatNetwork network;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc;
  std::shared_ptr<session> own;
  std::set<connection*>& registry;
};

/// A scraper comes again after many seconds: no connection is worth keeping until then.
class close_after_answer final : public kj::HttpServerCallbacks {
public:
  bool shouldClose() override { return true; }
};

/// All that lives on the KJ thread. Its members end before the loop does, newest first.
class loop final : private kj::TaskSet::ErrorHandler {
public:
  loop(kj::AsyncIoContext& io, control_api& api, const std::shared_ptr<inbox>& box, std::string metrics_url,
       const std::function<void(std::string)>& log)
      : io_(io), timer_(io.provider->getTimer()), api_(api), inbox_(box),
        metrics_url_(std::move(metrics_url)), log_(log), calls_(box, timer_),
        headers_(kj::HttpHeaderTable::Builder().build()),
        metrics_(make_metrics_service(api, calls_, *headers_)),
        http_(timer_, *headers_, *metrics_, http_settings()), tasks_(*this) {}

  void serve_control(int fd) {
    control_port_ = io_.lowLevelProvider->wrapListenSocketFd(fd, listen_flags);
    tasks_.add(accept_control());
    tasks_.add(watch());
  }
  void serve_http(int fd) {
    http_port_ = io_.lowLevelProvider->wrapListenSocketFd(fd, listen_flags);
    tasks_.add(accept_http());
  }
  /// Runs what other threads hand over, until one of it ends the loop.
  void hear() {
    wakeup_ =
        io_.lowLevelProvider->wrapInputFd(inbox_->fd(), kj::LowLevelAsyncIoProvider::ALREADY_NONBLOCK |
                                                            kj::LowLevelAsyncIoProvider::ALREADY_CLOEXEC);
    tasks_.add(take());
  }

private:
  static constexpr auto listen_flags =
      kj::LowLevelAsyncIoProvider::ALREADY_NONBLOCK | kj::LowLevelAsyncIoProvider::ALREADY_CLOEXEC;

  kj::HttpServerSettings http_settings() {
    kj::HttpServerSettings settings;
    settings.callbacks = close_;
    settings.headerTimeout = 5 * kj::SECONDS;
    // KJ 0.9 says that it closes, and then waits for one more request all the same.
    settings.pipelineTimeout = 10 * kj::MILLISECONDS;
    settings.canceledUploadGraceBytes = 4096;
    return settings;
  }

  kj::Promise<void> take() {
    return wakeup_->tryRead(&count_, sizeof count_, sizeof count_).then([this](std::size_t) {
      for (auto& task : inbox_->take())
        task();
      return take();
    });
  }

  kj::Promise<void> accept_control() {
    return control_port_->accept().then(
        [this](kj::Own<kj::AsyncIoStream>&& stream) {
          admit(kj::mv(stream));
          return accept_control();
        },
        [this](kj::Exception&& why) {
          taskFailed(kj::mv(why));
          return timer_.afterDelay(accept_pause).then([this] { return accept_control(); });
        });
  }

  void admit(kj::Own<kj::AsyncIoStream> stream) {
    if (connections_.size() >= connections_max) {
      connection* idle = nullptr;
      for (auto* each : connections_)
        if (each->own->open_calls == 0 && (idle == nullptr || each->own->last_call < idle->own->last_call))
          idle = each;
      if (idle == nullptr || connections_.size() > connections_max)
        return; // the new one is closed
      idle->own->hang_up->fulfill();
    }
    auto hang_up = kj::newPromiseAndFulfiller<void>();
    auto about = std::make_shared<session>();
    about->hang_up = kj::mv(hang_up.fulfiller);
    about->last_call = ++call_count_; // as if it had called just now
    capnp::Capability::Client bootstrap = make_service(api_, calls_, metrics_url_, about, call_count_);
    auto client = kj::heap<connection>(kj::mv(stream), about, kj::mv(bootstrap), connections_);
    auto ended = client->network.onDisconnect().exclusiveJoin(kj::mv(hang_up.promise));
    tasks_.add(ended.attach(kj::mv(client)));
  }

  /// Cuts off clients that read nothing, and so hold what was answered to them in memory.
  kj::Promise<void> watch() {
    return timer_.afterDelay(watch_period).then([this] {
      for (auto* each : connections_)
        if (each->network.getOutgoingMessageWaitTime() > unread_max.count() * kj::SECONDS)
          each->own->hang_up->fulfill();
      return watch();
    });
  }

  kj::Promise<void> accept_http() {
    return http_port_->accept().then(
        [this](kj::Own<kj::AsyncIoStream>&& stream) {
          if (http_open_ < http_connections_max) {
            ++http_open_;
            auto served = http_.listenHttp(kj::mv(stream))
                              .exclusiveJoin(timer_.afterDelay(http_connection_max.count() * kj::SECONDS))
                              .catch_([](kj::Exception&&) {}); // a client that is gone or talks nonsense
            tasks_.add(served.attach(kj::defer([this] { --http_open_; })));
          }
          return accept_http();
        },
        [this](kj::Exception&& why) {
          taskFailed(kj::mv(why));
          return timer_.afterDelay(accept_pause).then([this] { return accept_http(); });
        });
  }

  void taskFailed(kj::Exception&& why) override {
    if (log_)
      log_(std::string(why.getDescription().cStr()));
  }

  kj::AsyncIoContext& io_;
  kj::Timer& timer_;
  control_api& api_;
  std::shared_ptr<inbox> inbox_;
  std::string metrics_url_;
  const std::function<void(std::string)>& log_;
  calls calls_;
  kj::Own<kj::HttpHeaderTable> headers_;
  kj::Own<kj::HttpService> metrics_;
  close_after_answer close_;
  kj::HttpServer http_;
  kj::Own<kj::ConnectionReceiver> control_port_;
  kj::Own<kj::ConnectionReceiver> http_port_;
  kj::Own<kj::AsyncInputStream> wakeup_;
  std::uint64_t count_ = 0;
  std::uint64_t call_count_ = 0;
  std::size_t http_open_ = 0;
  std::set<connection*> connections_;
  kj::TaskSet tasks_;
};

std::string url_of(const address& where, std::uint16_t port) {
  const auto text = address{where.kind, {}, where.host, port}.text();
  return "http://" + text.substr(text.find(':') + 1) + "/metrics";
}

} // namespace

struct control_server::state {
  server_options options;
  std::string url;
  unique_fd control;
  unique_fd metrics;
  std::shared_ptr<inbox> box = std::make_shared<inbox>();
  kj::Own<kj::PromiseFulfiller<void>> end; ///< Of the KJ thread.
  std::thread thread;

  void run(control_api& api) {
    const quiet_kj quiet(options.log);
    auto failed = kj::runCatchingExceptions([&] {
      auto io = kj::setupAsyncIo();
      auto ended = kj::newPromiseAndFulfiller<void>();
      end = kj::mv(ended.fulfiller);
      {
        loop all(io, api, box, url, options.log);
        all.serve_control(control.get());
        if (metrics.get() >= 0)
          all.serve_http(metrics.get());
        all.hear();
        ended.promise.wait(io.waitScope);
        box->close();
      }
      end = nullptr;
    });
    KJ_IF_MAYBE (why, failed) {
      if (options.log)
        options.log(std::string("the control server ended: ") + why->getDescription().cStr());
    }
  }
};

control_server::control_server(std::unique_ptr<state> what) : state_(std::move(what)) {
}

std::variant<std::unique_ptr<control_server>, failure> control_server::start(server_options options,
                                                                             control_api& api) {
  auto made = std::make_unique<state>();
  auto control = listen_unix(options.socket_path);
  if (auto* why = std::get_if<1>(&control))
    return std::move(*why);
  made->control = std::move(std::get<0>(control).fd);
  // From here on the socket file is ours to remove.
  std::unique_ptr<control_server> server(new control_server(std::move(made)));
  auto& own = *server->state_;
  own.options = std::move(options);
  if (!own.options.metrics_listen.empty()) {
    const auto where = parse_address(own.options.metrics_listen);
    if (!where || where.value().kind != address::family::tcp)
      return failure{errc::invalid_argument,
                     fmt::format("\"{}\" is no address for metrics", own.options.metrics_listen),
                     "write \"tcp:127.0.0.1:PORT\" or \"off\""};
    auto metrics = listen_tcp(where.value());
    if (auto* why = std::get_if<1>(&metrics))
      return std::move(*why);
    own.url = url_of(where.value(), std::get<0>(metrics).port);
    own.metrics = std::move(std::get<0>(metrics).fd);
  }
  own.thread = std::thread([&own, &api] { own.run(api); });
  return server;
}

control_server::~control_server() {
  stop();
}

void control_server::stop() {
  if (!state_)
    return;
  if (state_->thread.joinable()) {
    state_->box->push([own = state_.get()] { own->end->fulfill(); });
    state_->thread.join();
  }
  ::unlink(state_->options.socket_path.c_str());
  state_.reset();
}

const std::string& control_server::metrics_url() const {
  static const std::string none;
  return state_ ? state_->url : none;
}

} // namespace forerun::control
