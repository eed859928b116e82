#include "runtime/control/record_service.hpp"

namespace forerun::control {
namespace {

class stream_service final : public wire::RecordStream::Server {
public:
  stream_service(std::shared_ptr<record_stream> what, const answering& how)
      : stream_(std::move(what)), answering_(how) {
    ++answering_.from().streams;
  }
  ~stream_service() noexcept(false) { --answering_.from().streams; }

  kj::Promise<void> next(NextContext context) override {
    const auto rows = bounded(context.getParams().getMax(), record_rows_max);
    if (busy_)
      return answering_.give<record_batch>(
          context, failure{errc::busy, "an earlier call of this stream is unanswered", "wait for its answer"},
          [](auto) {});
    busy_ = true;
    return answering_.give<record_batch>(context, {}, [&](auto to) { stream_->next(rows, std::move(to)); })
        .attach(kj::defer([this] { busy_ = false; }));
  }

private:
  std::shared_ptr<record_stream> stream_;
  answering answering_;
  bool busy_ = false;
};

} // namespace

void write_stream(wire::Answer<wire::RecordStream>::Builder to, answer<std::shared_ptr<record_stream>>&& what,
                  const answering& how) {
  if (const auto* why = std::get_if<1>(&what))
    write(to.initRefused(), *why);
  else if (how.from().streams >= connection_streams_max)
    write(to.initRefused(),
          {errc::overloaded, "this connection has as many streams as it may", "end one first"});
  else
    to.setValue(kj::heap<stream_service>(std::move(std::get<0>(what)), how));
}

} // namespace forerun::control
