#include "runtime/control/service.hpp"
#include "runtime/base/names.hpp"

namespace forerun::control {
namespace {

std::string text(capnp::Text::Reader from) {
  return {from.begin(), from.size()};
}

std::optional<failure> bad_volume(const std::string& name) {
  if (is_volume_name(name))
    return std::nullopt;
  return failure{errc::invalid_argument, "that is no name for a volume",
                 "use 1 to 255 letters, digits, \".\", \"_\" and \"-\", and no \".\" at its beginning"};
}

std::optional<failure> bad_program(const std::string& name) {
  if (name.empty() || is_label(name))
    return std::nullopt;
  return failure{errc::invalid_argument, "that is no name for a program",
                 "use at most 255 bytes, without control characters"};
}

std::optional<failure> bad_listen(const std::string& where) {
  const auto parsed = parse_address(where);
  if (where.empty() ||
      (parsed && (parsed.value().kind == address::family::tcp || parsed.value().path.starts_with('/'))))
    return std::nullopt;
  return failure{errc::invalid_argument, "that is no address to listen at",
                 "use unix:/PATH (at most 107 bytes) or tcp:HOST:PORT"};
}

std::optional<failure> bad_spec(const volume_spec& spec) {
  if (auto why = bad_volume(spec.name))
    return why;
  if (auto why = bad_program(spec.program))
    return why;
  if (auto why = bad_listen(spec.listen))
    return why;
  if (spec.image.empty() && !spec.bytes)
    return failure{errc::invalid_argument, "a volume needs an image or a size",
                   "add --image URL, or --size N for an empty volume"};
  if (!spec.image.empty() && !is_image_url(spec.image))
    return failure{errc::invalid_argument, "that is no URL of a known kind",
                   "begin it with file:, nbd://, nbd+unix://, http:// or https://"};
  return std::nullopt;
}

class service final : public wire::Control::Server {
public:
  service(control_api& api, calls& open, std::string metrics_url, std::shared_ptr<session> from,
          std::uint64_t& call_count)
      : api_(api), calls_(open), metrics_url_(std::move(metrics_url)), session_(std::move(from)),
        call_count_(call_count) {}

  kj::Promise<void> status(StatusContext context) override {
    return give<node_status>(
        context, {}, [this](auto to) { api_.status(std::move(to)); }, call_timeout,
        [url = metrics_url_](node_status& what) { what.metrics_url = url; });
  }
  kj::Promise<void> actors(ActorsContext context) override {
    return give<std::vector<actor_row>>(context, {}, [this](auto to) { api_.actors(std::move(to)); });
  }
  kj::Promise<void> volumes(VolumesContext context) override {
    return give<std::vector<volume_row>>(context, {}, [this](auto to) { api_.volumes(std::move(to)); });
  }
  kj::Promise<void> createVolume(CreateVolumeContext context) override {
    auto spec = read(context.getParams().getSpec());
    auto bad = bad_spec(spec);
    return give<volume_row>(context, std::move(bad),
                            [&](auto to) { api_.create_volume(std::move(spec), std::move(to)); });
  }
  kj::Promise<void> deleteVolume(DeleteVolumeContext context) override {
    auto name = text(context.getParams().getName());
    return give<done>(context, bad_volume(name),
                      [&](auto to) { api_.delete_volume(std::move(name), std::move(to)); });
  }
  kj::Promise<void> exportVolume(ExportVolumeContext context) override {
    auto name = text(context.getParams().getName());
    auto listen = text(context.getParams().getListen());
    auto bad = bad_volume(name);
    if (!bad)
      bad = bad_listen(listen);
    return give<export_place>(context, std::move(bad), [&](auto to) {
      api_.export_volume(std::move(name), std::move(listen), std::move(to));
    });
  }
  kj::Promise<void> dropCache(DropCacheContext context) override {
    return give<cache_dropped>(context, {}, [this](auto to) { api_.drop_cache(std::move(to)); });
  }
  kj::Promise<void> heat(HeatContext context) override {
    auto name = text(context.getParams().getVolume());
    const auto rows = bounded(context.getParams().getRowsMax(), heat_rows_max);
    return give<heat_map>(context, bad_volume(name),
                          [&](auto to) { api_.heat(std::move(name), rows, std::move(to)); });
  }
  kj::Promise<void> why(WhyContext context) override {
    auto name = text(context.getParams().getVolume());
    const auto block = context.getParams().getBlock();
    return give<why_row>(context, bad_volume(name),
                         [&](auto to) { api_.why(std::move(name), block, std::move(to)); });
  }
  kj::Promise<void> history(HistoryContext context) override {
    auto name = text(context.getParams().getVolume());
    const auto block = context.getParams().getBlock();
    const auto rows = bounded(context.getParams().getRowsMax(), history_rows_max);
    return give<std::vector<history_row>>(context, bad_volume(name), [&](auto to) {
      api_.history(std::move(name), block, rows, std::move(to));
    });
  }
  kj::Promise<void> verify(VerifyContext context) override {
    auto key = text(context.getParams().getPublicKey());
    return give<verify_report>(
        context, {}, [&](auto to) { api_.verify(std::move(key), std::move(to)); }, verify_timeout);
  }
  kj::Promise<void> beginRun(BeginRunContext context) override {
    auto name = text(context.getParams().getVolume());
    auto program = text(context.getParams().getProgram());
    auto bad = bad_volume(name);
    if (!bad)
      bad = bad_program(program);
    return give<run_info>(context, std::move(bad), [&](auto to) {
      api_.begin_run(std::move(name), std::move(program), std::move(to));
    });
  }
  kj::Promise<void> endRun(EndRunContext context) override {
    auto name = text(context.getParams().getVolume());
    return give<run_info>(context, bad_volume(name),
                          [&](auto to) { api_.end_run(std::move(name), std::move(to)); });
  }
  kj::Promise<void> importRecords(ImportRecordsContext context) override {
    auto batch = read(context.getParams().getBatch());
    std::optional<failure> bad;
    if (const auto* why = std::get_if<failure>(&batch))
      bad = *why;
    else if (const auto& volume = std::get<import_batch>(batch).volume; !volume.empty())
      bad = bad_volume(volume);
    return give<import_done>(context, std::move(bad), [&](auto to) {
      api_.import_records(std::get<import_batch>(std::move(batch)), std::move(to));
    });
  }

private:
  static std::uint32_t bounded(std::uint32_t asked, std::size_t most) {
    return asked == 0 || asked > most ? static_cast<std::uint32_t>(most) : asked;
  }

  /// Answers `bad`, if there is one; otherwise what `start` brings.
  template <class T, class Context, class Start, class Polish = void (*)(T&)>
  kj::Promise<void> give(
      Context context, std::optional<failure> bad, Start&& start, std::chrono::seconds limit = call_timeout,
      Polish polish = [](T&) {}) {
    // A call of a client that is gone ends at once, and nothing of it outlives the connection.
    context.allowCancellation();
    session_->last_call = ++call_count_;
    if (bad) {
      write_answer(context.getResults().initAnswer(), answer<T>{*bad});
      return kj::READY_NOW;
    }
    ++session_->open_calls;
    auto ended = kj::defer([from = session_] { --from->open_calls; });
    return calls_.ask<T>(limit, start)
        .then([context, polish, from = session_](answer<T>&& what) mutable -> kj::Promise<void> {
          if (!from->reads_answers())
            return kj::NEVER_DONE;
          if (auto* value = std::get_if<0>(&what))
            polish(*value);
          write_answer(context.getResults().initAnswer(), what);
          return kj::READY_NOW;
        })
        .attach(kj::mv(ended));
  }

  control_api& api_;
  calls& calls_;
  std::string metrics_url_;
  std::shared_ptr<session> session_;
  std::uint64_t& call_count_;
};

} // namespace

kj::Own<wire::Control::Server> make_service(control_api& api, calls& open, std::string metrics_url,
                                            std::shared_ptr<session> from, std::uint64_t& call_count) {
  return kj::heap<service>(api, open, std::move(metrics_url), std::move(from), call_count);
}

} // namespace forerun::control
