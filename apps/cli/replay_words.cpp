#include "apps/cli/replay_report.hpp"
#include "apps/cli/table.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/units.hpp"
#include <fmt/format.h>

namespace forerun::cli {
namespace {

std::string amount(const replay_outcome& of, std::uint64_t elements) {
  return of.trace->keys ? fmt::format("{} keys", elements) : format_bytes(elements * block_bytes);
}

/// Elements moved, of what plain LRU moves.
double traffic(const study_job& job, const study_job* lru) {
  return lru == nullptr ? 0 : study::share(job.seen.fetched(), lru->seen.misses);
}

void put_scores(json& out, std::string_view of, const predict::scores& is) {
  out.key(fmt::format("calibration_{}", of)).open_object();
  out.field("count", is.count()).field("used", is.used()).field("error", is.calibration_error());
  out.field("brier", is.brier()).field("log_loss", is.log_loss()).close();
}

std::string times(double ratio) {
  return fmt::format("{:.2f}×", ratio);
}

} // namespace

const study_job* find_job(const std::vector<study_job>& jobs, std::string_view policy) {
  for (const auto& job : jobs)
    if (job.policy == policy)
      return &job;
  return nullptr;
}

std::vector<std::string> answer_in_words(const replay_outcome& of) {
  const auto* ours = find_job(of.jobs, "forerun");
  const auto* lru = find_job(of.jobs, "lru");
  if (ours == nullptr || lru == nullptr)
    return {"Without the policies forerun and lru there is nothing to say in words."};
  const auto& mine = ours->seen;
  const auto& plain = lru->seen;
  const auto* what = of.trace->keys ? "keys" : "blocks";
  std::vector<std::string> words;
  words.push_back(fmt::format("With a cache of {} ({} of what the trace touches), forerun leaves {} of the "
                              "touched {} to wait for the "
                              "origin; LRU without prefetch leaves {}.",
                              amount(of, of.capacity), percent(study::share(of.capacity, of.footprint)),
                              percent(mine.miss_share()), what, percent(plain.miss_share())));
  words.push_back(
      of.origin.timed   ? fmt::format("Reads would wait {} in all instead of {}, for an origin {} away.",
                                      format_duration(mine.stall), format_duration(plain.stall),
                                      format_duration(of.origin.delay))
      : of.trace->timed ? "Arrivals are counted in requests, as asked: no stall is told."
      : of.origin.delay_requests > 0
          ? fmt::format(
                "The trace has no times: no stall is told; what is prefetched comes {} requests later.",
                of.origin.delay_requests)
          : "The trace has no times: no stall is told; what is prefetched is there at the next request.");
  words.push_back(fmt::format("It would move {} ({} of what LRU moves), {} of that in vain, and needs {} of "
                              "memory for what it learns.",
                              amount(of, mine.fetched()), times(traffic(*ours, lru)),
                              percent(study::share(mine.prefetched - mine.used, mine.fetched())),
                              format_bytes(ours->model_bytes)));
  return words;
}

void print_table(const replay_outcome& of, std::ostream& out) {
  const auto* lru = find_job(of.jobs, "lru");
  table rows({"policy", ">misses", ">requests", ">late", ">accuracy", ">coverage", ">traffic", ">wasted",
              ">moved", ">stall", ">time"});
  for (const auto& job : of.jobs) {
    const auto& seen = job.seen;
    const bool ahead = seen.prefetched > 0;
    rows.row({job.policy, percent(seen.miss_share()), percent(seen.request_miss_share()),
              ahead ? percent(study::share(seen.late, seen.touches)) : "-",
              ahead ? percent(seen.accuracy()) : "-", ahead ? percent(seen.coverage()) : "-",
              lru != nullptr ? times(traffic(job, lru)) : "-",
              ahead ? percent(study::share(seen.prefetched - seen.used, seen.fetched())) : "-",
              amount(of, seen.fetched()), of.origin.timed ? format_duration(seen.stall) : "-",
              fmt::format("{:.1f} s", job.seconds)});
  }
  rows.print(out);
}

std::string to_json(const replay_outcome& of) {
  const auto& trace = *of.trace;
  json out;
  out.open_object().field("trace", of.name).field("convention", "request");
  out.field("elements", trace.keys ? "keys" : "blocks").field("timed", of.origin.timed);
  out.field("rows", trace.rows).field("rows_broken", trace.rows_broken).field("rows_other", trace.rows_other);
  out.field("rows_back_in_time", trace.rows_back).field("broken", trace.broken);
  out.field("requests", trace.requests->size()).field("touches", trace.touches);
  out.field("footprint", of.footprint).field("cache", of.capacity);
  if (of.origin.timed)
    out.field("delay_ns", of.origin.delay.count()).field("bits_per_second", of.origin.bits_per_second);
  else
    out.field("delay_requests", of.origin.delay_requests);
  out.field("answer", of.words);
  const auto* lru = find_job(of.jobs, "lru");
  out.key("policies").open_array();
  for (const auto& job : of.jobs) {
    const auto& seen = job.seen;
    out.open_object().field("policy", job.policy);
    out.field("demand_misses", seen.misses).field("late", seen.late);
    out.field("requests_missed", seen.requests_missed);
    out.field("miss_ratio", seen.miss_share()).field("request_miss_ratio", seen.request_miss_share());
    out.field("prefetched", seen.prefetched).field("used", seen.used).field("shed", seen.shed);
    out.field("accuracy", seen.accuracy()).field("coverage", seen.coverage());
    out.field("wasted", seen.prefetched - seen.used);
    out.key("traffic");
    if (lru != nullptr)
      out.value(traffic(job, lru));
    else
      out.null();
    out.key("waste");
    if (lru != nullptr)
      out.value(study::share(seen.prefetched - seen.used, lru->seen.misses));
    else
      out.null();
    out.key("bytes_from_origin");
    if (trace.keys)
      out.null();
    else
      out.value(seen.fetched() * block_bytes);
    out.key("stall_ns");
    if (of.origin.timed)
      out.value(seen.stall.count());
    else
      out.null();
    if (job.policy == "forerun") {
      put_scores(out, "proposed", seen.proposed);
      put_scores(out, "moved", seen.moved);
    }
    out.field("model_bytes", job.model_bytes).field("seconds", job.seconds);
    out.field("predict_ns_per_touch",
              study::share(static_cast<std::uint64_t>(job.predicting.count()), seen.touches));
    out.close();
  }
  out.close();
  out.key("other_sizes").open_array();
  for (const auto& job : of.sizes)
    out.open_object()
        .field("policy", job.policy)
        .field("cache", job.capacity)
        .field("miss_ratio", job.seen.miss_share())
        .close();
  return out.close().close().text();
}

} // namespace forerun::cli
