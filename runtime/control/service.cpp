#include "runtime/control/service.hpp"
#include "runtime/base/names.hpp"
#include "runtime/control/record_service.hpp"
#include "runtime/control/words.hpp"

namespace forerun::control {
namespace {

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
      : api_(api), answering_(open, std::move(from), call_count), metrics_url_(std::move(metrics_url)) {}

  kj::Promise<void> status(StatusContext context) override {
    return answering_.give<node_status>(
        context, {}, [this](auto to) { api_.status(std::move(to)); }, call_timeout,
        [url = metrics_url_](auto to, answer<node_status>&& what) {
          if (auto* value = std::get_if<0>(&what))
            value->metrics_url = url;
          write_answer(to, what);
        });
  }
  kj::Promise<void> actors(ActorsContext context) override {
    return answering_.give<std::vector<actor_row>>(context, {},
                                                   [this](auto to) { api_.actors(std::move(to)); });
  }
  kj::Promise<void> volumes(VolumesContext context) override {
    return answering_.give<std::vector<volume_row>>(context, {},
                                                    [this](auto to) { api_.volumes(std::move(to)); });
  }
  kj::Promise<void> createVolume(CreateVolumeContext context) override {
    auto spec = read(context.getParams().getSpec());
    auto bad = bad_spec(spec);
    return answering_.give<volume_row>(context, std::move(bad),
                                       [&](auto to) { api_.create_volume(std::move(spec), std::move(to)); });
  }
  kj::Promise<void> deleteVolume(DeleteVolumeContext context) override {
    auto name = text(context.getParams().getName());
    return answering_.give<done>(context, bad_volume(name),
                                 [&](auto to) { api_.delete_volume(std::move(name), std::move(to)); });
  }
  kj::Promise<void> exportVolume(ExportVolumeContext context) override {
    auto name = text(context.getParams().getName());
    auto listen = text(context.getParams().getListen());
    auto bad = bad_volume(name);
    if (!bad)
      bad = bad_listen(listen);
    return answering_.give<export_place>(context, std::move(bad), [&](auto to) {
      api_.export_volume(std::move(name), std::move(listen), std::move(to));
    });
  }
  kj::Promise<void> dropCache(DropCacheContext context) override {
    return answering_.give<cache_dropped>(context, {}, [this](auto to) { api_.drop_cache(std::move(to)); });
  }
  kj::Promise<void> heat(HeatContext context) override {
    auto name = text(context.getParams().getVolume());
    const auto rows = bounded(context.getParams().getRowsMax(), heat_rows_max);
    return answering_.give<heat_map>(context, bad_volume(name),
                                     [&](auto to) { api_.heat(std::move(name), rows, std::move(to)); });
  }
  kj::Promise<void> predictions(PredictionsContext context) override {
    auto of = text(context.getParams().getOf());
    return answering_.give<std::vector<prediction_row>>(
        context, {}, [&](auto to) { api_.predictions(std::move(of), std::move(to)); });
  }
  kj::Promise<void> fileHeat(FileHeatContext context) override {
    auto name = text(context.getParams().getVolume());
    const auto rows = bounded(context.getParams().getRowsMax(), file_rows_max);
    return answering_.give<file_heat_map>(
        context, bad_volume(name), [&](auto to) { api_.file_heat(std::move(name), rows, std::move(to)); });
  }
  kj::Promise<void> why(WhyContext context) override {
    auto name = text(context.getParams().getVolume());
    const auto block = context.getParams().getBlock();
    return answering_.give<why_row>(context, bad_volume(name),
                                    [&](auto to) { api_.why(std::move(name), block, std::move(to)); });
  }
  kj::Promise<void> history(HistoryContext context) override {
    auto name = text(context.getParams().getVolume());
    const auto block = context.getParams().getBlock();
    const auto rows = bounded(context.getParams().getRowsMax(), history_rows_max);
    return answering_.give<std::vector<history_row>>(context, bad_volume(name), [&](auto to) {
      api_.history(std::move(name), block, rows, std::move(to));
    });
  }
  kj::Promise<void> records(RecordsContext context) override {
    const auto params = context.getParams();
    auto question = read(params.getFilter());
    auto* bad = std::get_if<1>(&question);
    return answering_.give<std::shared_ptr<record_stream>>(
        context, bad == nullptr ? std::nullopt : std::optional{*bad},
        [&](auto to) {
          auto& what = std::get<0>(question);
          what.follow = params.getFollow();
          what.all = params.getAll();
          api_.records(std::move(what), std::move(to));
        },
        call_timeout,
        [how = answering_](auto to, answer<std::shared_ptr<record_stream>>&& what) {
          write_stream(to, std::move(what), how);
        });
  }
  kj::Promise<void> last(LastContext context) override {
    auto question = read(context.getParams().getFilter());
    auto* bad = std::get_if<1>(&question);
    const auto rows = bounded(context.getParams().getMax(), record_rows_max);
    return answering_.give<record_batch>(
        context, bad == nullptr ? std::nullopt : std::optional{*bad},
        [&](auto to) { api_.last_records(std::move(std::get<0>(question)), rows, std::move(to)); });
  }
  kj::Promise<void> graph(GraphContext context) override {
    auto question = read(context.getParams().getQuestion());
    auto* bad = std::get_if<1>(&question);
    return answering_.give<provenance::graph>(
        context, bad == nullptr ? std::nullopt : std::optional{*bad},
        [&](auto to) { api_.graph(std::move(std::get<0>(question)), std::move(to)); }, lineage_timeout);
  }
  kj::Promise<void> origins(OriginsContext context) override {
    auto question = read(context.getParams().getFilter());
    auto* bad = std::get_if<1>(&question);
    const auto reads = bounded(context.getParams().getMax(), origin_reads_max);
    return answering_.give<provenance::read_origins>(
        context, bad == nullptr ? std::nullopt : std::optional{*bad},
        [&](auto to) { api_.origins(std::move(std::get<0>(question)), reads, std::move(to)); },
        lineage_timeout);
  }
  kj::Promise<void> verify(VerifyContext context) override {
    auto key = text(context.getParams().getPublicKey());
    return answering_.give<verify_report>(
        context, {}, [&](auto to) { api_.verify(std::move(key), std::move(to)); }, verify_timeout);
  }
  kj::Promise<void> beginRun(BeginRunContext context) override {
    auto name = text(context.getParams().getVolume());
    auto program = text(context.getParams().getProgram());
    auto bad = bad_volume(name);
    if (!bad)
      bad = bad_program(program);
    return answering_.give<run_info>(context, std::move(bad), [&](auto to) {
      api_.begin_run(std::move(name), std::move(program), std::move(to));
    });
  }
  kj::Promise<void> endRun(EndRunContext context) override {
    auto name = text(context.getParams().getVolume());
    return answering_.give<run_info>(context, bad_volume(name),
                                     [&](auto to) { api_.end_run(std::move(name), std::move(to)); });
  }
  kj::Promise<void> importRecords(ImportRecordsContext context) override {
    auto batch = read(context.getParams().getBatch());
    std::optional<failure> bad;
    if (const auto* why = std::get_if<failure>(&batch))
      bad = *why;
    else if (const auto& volume = std::get<import_batch>(batch).volume; !volume.empty())
      bad = bad_volume(volume);
    return answering_.give<import_done>(context, std::move(bad), [&](auto to) {
      api_.import_records(std::get<import_batch>(std::move(batch)), std::move(to));
    });
  }

  kj::Promise<void> sums(SumsContext context) override { return about_many(context, &control_api::sums); }
  kj::Promise<void> top(TopContext context) override { return about_many(context, &control_api::top); }
  kj::Promise<void> arrivals(ArrivalsContext context) override {
    return about_many(context, &control_api::arrivals);
  }
  kj::Promise<void> sequences(SequencesContext context) override {
    return about_many(context, &control_api::sequences);
  }
  kj::Promise<void> workingSet(WorkingSetContext context) override {
    return about_many(context, &control_api::working_set);
  }

private:
  template <class Question, class T, class Context>
  kj::Promise<void> about_many(Context context, void (control_api::*ask)(Question, reply<T>)) {
    auto question = read(context.getParams().getQuestion());
    auto* bad = std::get_if<1>(&question);
    return answering_.give<T>(
        context, bad == nullptr ? std::nullopt : std::optional{*bad},
        [&](auto to) { (api_.*ask)(std::move(std::get<0>(question)), std::move(to)); }, verify_timeout);
  }

  control_api& api_;
  answering answering_;
  std::string metrics_url_;
};

} // namespace

kj::Own<wire::Control::Server> make_service(control_api& api, calls& open, std::string metrics_url,
                                            std::shared_ptr<session> from, std::uint64_t& call_count) {
  return kj::heap<service>(api, open, std::move(metrics_url), std::move(from), call_count);
}

} // namespace forerun::control
