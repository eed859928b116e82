#include "runtime/control/http.hpp"

namespace forerun::control {
namespace {

constexpr auto plain_type = "text/plain; charset=utf-8";
constexpr auto metrics_type = "text/plain; version=0.0.4; charset=utf-8"; // Prometheus' own
constexpr auto page = "forerun\n\n/metrics  figures of this node, for Prometheus\n";

class metrics_service final : public kj::HttpService {
public:
  metrics_service(control_api& api, calls& open, const kj::HttpHeaderTable& table)
      : api_(api), calls_(open), table_(table) {}

  kj::Promise<void> request(kj::HttpMethod method, kj::StringPtr url, const kj::HttpHeaders&,
                            kj::AsyncInputStream&, Response& response) override {
    if (method != kj::HttpMethod::GET && method != kj::HttpMethod::HEAD)
      return send(response, 405, "Method Not Allowed", plain_type, "only GET\n", method);
    if (url == "/")
      return send(response, 200, "OK", plain_type, page, method);
    if (url != "/metrics")
      return send(response, 404, "Not Found", plain_type, "there is only /metrics\n", method);
    return calls_.ask<std::string>(call_timeout, [this](auto to) { api_.metrics_text(std::move(to)); })
        .then([this, &response, method](answer<std::string>&& what) {
          if (const auto* why = std::get_if<1>(&what))
            return send(response, 503, "Service Unavailable", plain_type, why->what + "\n", method);
          return send(response, 200, "OK", metrics_type, std::move(std::get<0>(what)), method);
        });
  }

private:
  kj::Promise<void> send(Response& response, kj::uint code, kj::StringPtr reason, kj::StringPtr type,
                         std::string body, kj::HttpMethod method) {
    kj::HttpHeaders headers(table_);
    headers.set(kj::HttpHeaderId::CONTENT_TYPE, type);
    auto stream = response.send(code, reason, headers, body.size());
    if (method == kj::HttpMethod::HEAD)
      return kj::READY_NOW;
    auto kept = kj::heap<std::string>(std::move(body));
    auto written = stream->write(kept->data(), kept->size());
    return written.attach(kj::mv(stream), kj::mv(kept));
  }

  control_api& api_;
  calls& calls_;
  const kj::HttpHeaderTable& table_;
};

} // namespace

kj::Own<kj::HttpService> make_metrics_service(control_api& api, calls& open,
                                              const kj::HttpHeaderTable& table) {
  return kj::heap<metrics_service>(api, open, table);
}

} // namespace forerun::control
