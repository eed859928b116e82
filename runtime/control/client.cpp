#include "runtime/control/client.hpp"
#include "runtime/control/convert.hpp"
#include "runtime/control/quiet.hpp"
#include "runtime/control/socket.hpp"
#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <kj/async-unix.h>

namespace forerun::control {

template <> struct answer_reader<wire::RecordStream::Client> {
  template <class Answer> static answer<wire::RecordStream::Client> of(Answer from) {
    if (from.isRefused())
      return read(from.getRefused());
    return from.getValue();
  }
};

namespace {

/// How much longer than the node itself a client waits for the node's word that it took too long.
constexpr std::chrono::seconds patience{5};

capnp::ReaderOptions answer_limits() {
  capnp::ReaderOptions limits;
  limits.traversalLimitInWords = answer_bytes_max / sizeof(capnp::word);
  limits.nestingLimit = 16;
  return limits;
}

failure of_exception(const kj::Exception& why) {
  switch (why.getType()) {
  case kj::Exception::Type::DISCONNECTED:
    return {errc::unavailable, "the node went away before it answered", "see the node's log"};
  case kj::Exception::Type::OVERLOADED:
    return {errc::timed_out, "the node does not answer", "it may be stopped or stuck; see its log"};
  case kj::Exception::Type::UNIMPLEMENTED:
    return {errc::unsupported, "the node does not know this command",
            "it is older than this program; use one version for both"};
  case kj::Exception::Type::FAILED:
    break;
  }
  return {errc::io_failed, why.getDescription().cStr(), ""};
}

} // namespace

struct client::state {
  explicit state(unique_fd fd)
      : io(kj::setupAsyncIo()), stream(io.lowLevelProvider->wrapSocketFd(
                                    fd.release(), kj::LowLevelAsyncIoProvider::TAKE_OWNERSHIP |
                                                      kj::LowLevelAsyncIoProvider::ALREADY_NONBLOCK |
                                                      kj::LowLevelAsyncIoProvider::ALREADY_CLOEXEC)),
        network(*stream, capnp::rpc::twoparty::Side::CLIENT, answer_limits()),
        rpc(capnp::makeRpcClient(network)), control(bootstrap()) {}

  wire::Control::Client bootstrap() {
    capnp::MallocMessageBuilder words(8);
    auto id = words.initRoot<capnp::rpc::twoparty::VatId>();
    id.setSide(capnp::rpc::twoparty::Side::SERVER);
    return rpc.bootstrap(id).castAs<wire::Control>();
  }

  template <class T, class Request> answer<T> ask(Request request, nanos limit) {
    return await<T>(request.send(), limit);
  }
  template <class T, class Results> answer<T> await(kj::Promise<capnp::Response<Results>> sent, nanos limit) {
    const quiet_kj quiet({});
    answer<T> got = failure{};
    const auto time = given_up_after.count() > 0 ? given_up_after : limit + patience;
    auto failed = kj::runCatchingExceptions([&] {
      auto response = io.provider->getTimer()
                          .timeoutAfter(time.count() * kj::NANOSECONDS, unless_given_up(kj::mv(sent)))
                          .wait(io.waitScope);
      got = answer_reader<T>::of(response.getAnswer());
    });
    KJ_IF_MAYBE (why, failed) {
      if (given_up)
        return failure{errc::cancelled, "interrupted", ""};
      return of_exception(*why);
    }
    return got;
  }
  template <class T> kj::Promise<T> unless_given_up(kj::Promise<T> sent) {
    KJ_IF_MAYBE (end, give_up)
      return sent.exclusiveJoin(
          end->addBranch().then([]() -> kj::Promise<T> { return KJ_EXCEPTION(FAILED, "given up"); }));
    return kj::mv(sent);
  }

  kj::AsyncIoContext io;
  kj::Own<kj::AsyncIoStream> stream;
  capnp::TwoPartyVatNetwork network;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc;
  wire::Control::Client control;
  nanos given_up_after{0};
  kj::Own<kj::UnixEventPort::FdObserver> watched;
  kj::Maybe<kj::ForkedPromise<void>> give_up;
  bool given_up = false;
};

struct record_reader::state {
  client::state& from;
  wire::RecordStream::Client stream;
  kj::Maybe<kj::Promise<capnp::Response<wire::RecordStream::NextResults>>> ahead;

  kj::Promise<capnp::Response<wire::RecordStream::NextResults>> ask(std::uint32_t max) {
    auto request = stream.nextRequest();
    request.setMax(max);
    return request.send();
  }
};

client::client(std::unique_ptr<state> what) : state_(std::move(what)) {
}
client::client(client&&) noexcept = default;
client& client::operator=(client&&) noexcept = default;
client::~client() = default;

answer<client> client::connect(const std::string& socket_path) {
  auto fd = connect_unix(socket_path);
  if (auto* why = std::get_if<1>(&fd))
    return std::move(*why);
  return client(std::make_unique<state>(std::move(std::get<0>(fd))));
}

void client::give_up_after(nanos limit) {
  state_->given_up_after = limit;
}

void client::give_up_on(int fd) {
  auto& own = *state_;
  own.watched = kj::heap<kj::UnixEventPort::FdObserver>(own.io.unixEventPort, fd,
                                                        kj::UnixEventPort::FdObserver::OBSERVE_READ);
  own.give_up = own.watched->whenBecomesReadable().then([&own] { own.given_up = true; }).fork();
}

answer<node_status> client::status() {
  return state_->ask<node_status>(state_->control.statusRequest(), call_timeout);
}

answer<std::vector<actor_row>> client::actors() {
  return state_->ask<std::vector<actor_row>>(state_->control.actorsRequest(), call_timeout);
}

answer<std::vector<volume_row>> client::volumes() {
  return state_->ask<std::vector<volume_row>>(state_->control.volumesRequest(), call_timeout);
}

answer<volume_row> client::create_volume(const volume_spec& what) {
  auto request = state_->control.createVolumeRequest();
  write(request.initSpec(), what);
  return state_->ask<volume_row>(kj::mv(request), call_timeout);
}

answer<done> client::delete_volume(const std::string& name) {
  auto request = state_->control.deleteVolumeRequest();
  request.setName(name.c_str());
  return state_->ask<done>(kj::mv(request), call_timeout);
}

answer<export_place> client::export_volume(const std::string& name, const std::string& listen) {
  auto request = state_->control.exportVolumeRequest();
  request.setName(name.c_str());
  request.setListen(listen.c_str());
  return state_->ask<export_place>(kj::mv(request), call_timeout);
}

answer<cache_dropped> client::drop_cache() {
  return state_->ask<cache_dropped>(state_->control.dropCacheRequest(), call_timeout);
}

answer<heat_map> client::heat(const std::string& volume, std::uint32_t rows) {
  auto request = state_->control.heatRequest();
  request.setVolume(volume.c_str());
  request.setRowsMax(rows);
  return state_->ask<heat_map>(kj::mv(request), call_timeout);
}

answer<std::vector<prediction_row>> client::predictions(const std::string& of) {
  auto request = state_->control.predictionsRequest();
  request.setOf(of.c_str());
  return state_->ask<std::vector<prediction_row>>(kj::mv(request), call_timeout);
}

answer<file_heat_map> client::file_heat(const std::string& volume, std::uint32_t rows) {
  auto request = state_->control.fileHeatRequest();
  request.setVolume(volume.c_str());
  request.setRowsMax(rows);
  return state_->ask<file_heat_map>(kj::mv(request), call_timeout);
}

answer<why_row> client::why(const std::string& volume, std::uint64_t block) {
  auto request = state_->control.whyRequest();
  request.setVolume(volume.c_str());
  request.setBlock(block);
  return state_->ask<why_row>(kj::mv(request), call_timeout);
}

answer<std::vector<history_row>> client::history(const std::string& volume, std::uint64_t block,
                                                 std::uint32_t rows) {
  auto request = state_->control.historyRequest();
  request.setVolume(volume.c_str());
  request.setBlock(block);
  request.setRowsMax(rows);
  return state_->ask<std::vector<history_row>>(kj::mv(request), call_timeout);
}

answer<record_reader> client::records(const record_question& what) {
  auto request = state_->control.recordsRequest();
  write(request.initFilter(), what);
  request.setFollow(what.follow);
  request.setAll(what.all);
  auto got = state_->ask<wire::RecordStream::Client>(kj::mv(request), call_timeout);
  if (auto* why = std::get_if<1>(&got))
    return std::move(*why);
  return record_reader(
      std::unique_ptr<record_reader::state>(new record_reader::state{*state_, std::get<0>(got), nullptr}));
}

answer<record_batch> client::last_records(const record_question& what, std::uint32_t max) {
  auto request = state_->control.lastRequest();
  write(request.initFilter(), what);
  request.setMax(max);
  return state_->ask<record_batch>(kj::mv(request), call_timeout);
}

answer<provenance::graph> client::graph(const graph_question& what) {
  auto request = state_->control.graphRequest();
  write(request.initQuestion(), what);
  return state_->ask<provenance::graph>(kj::mv(request), lineage_timeout);
}

answer<provenance::read_origins> client::origins(const record_question& what, std::uint32_t max) {
  auto request = state_->control.originsRequest();
  write(request.initFilter(), what);
  request.setMax(max);
  return state_->ask<provenance::read_origins>(kj::mv(request), lineage_timeout);
}

record_reader::record_reader(std::unique_ptr<state> what) : state_(std::move(what)) {
}
record_reader::record_reader(record_reader&&) noexcept = default;
record_reader& record_reader::operator=(record_reader&&) noexcept = default;
record_reader::~record_reader() = default;

answer<record_batch> record_reader::next(std::uint32_t max) {
  auto& own = *state_;
  kj::Promise<capnp::Response<wire::RecordStream::NextResults>> asked = nullptr;
  KJ_IF_MAYBE (ahead, own.ahead)
    asked = kj::mv(*ahead);
  else
    asked = own.ask(max);
  own.ahead = nullptr;
  auto got = own.from.await<record_batch>(kj::mv(asked), call_timeout);
  if (const auto* value = std::get_if<0>(&got); value != nullptr && !value->ended) {
    own.ahead = own.ask(max);
    own.from.io.waitScope.poll(); // Sends it.
  }
  return got;
}

answer<verify_report> client::verify(const std::string& public_key) {
  auto request = state_->control.verifyRequest();
  request.setPublicKey(public_key.c_str());
  return state_->ask<verify_report>(kj::mv(request), verify_timeout);
}

answer<provenance::sum_answer> client::sums(const sum_question& what) {
  auto request = state_->control.sumsRequest();
  write(request.initQuestion(), what);
  return state_->ask<provenance::sum_answer>(kj::mv(request), verify_timeout);
}

answer<provenance::top_answer> client::top(const top_question& what) {
  auto request = state_->control.topRequest();
  write(request.initQuestion(), what);
  return state_->ask<provenance::top_answer>(kj::mv(request), verify_timeout);
}

answer<provenance::arrival_answer> client::arrivals(const arrival_question& what) {
  auto request = state_->control.arrivalsRequest();
  write(request.initQuestion(), what);
  return state_->ask<provenance::arrival_answer>(kj::mv(request), verify_timeout);
}

answer<provenance::sequence_answer> client::sequences(const sequence_question& what) {
  auto request = state_->control.sequencesRequest();
  write(request.initQuestion(), what);
  return state_->ask<provenance::sequence_answer>(kj::mv(request), verify_timeout);
}

answer<provenance::working_set_answer> client::working_set(const working_set_question& what) {
  auto request = state_->control.workingSetRequest();
  write(request.initQuestion(), what);
  return state_->ask<provenance::working_set_answer>(kj::mv(request), verify_timeout);
}

answer<run_info> client::begin_run(const std::string& volume, const std::string& program) {
  auto request = state_->control.beginRunRequest();
  request.setVolume(volume.c_str());
  request.setProgram(program.c_str());
  return state_->ask<run_info>(kj::mv(request), call_timeout);
}

answer<run_info> client::end_run(const std::string& volume) {
  auto request = state_->control.endRunRequest();
  request.setVolume(volume.c_str());
  return state_->ask<run_info>(kj::mv(request), call_timeout);
}

answer<import_done> client::import_records(const import_batch& what) {
  auto request = state_->control.importRecordsRequest();
  write(request.initBatch(), what);
  return state_->ask<import_done>(kj::mv(request), call_timeout);
}

} // namespace forerun::control
