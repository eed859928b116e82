#include "tests/scenarios/world.hpp"
#include "runtime/base/units.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <stdexcept>

namespace forerun::scenarios {

namespace {

std::runtime_error nonsense(const std::string& what) {
  return std::runtime_error{"not understood: " + what};
}

std::uint64_t number(const std::string& text) {
  std::size_t used = 0;
  const auto value = std::stoull(text, &used);
  if (used != text.size())
    throw nonsense(text);
  return value;
}

/// "4+2": two blocks, from block 4.
extent extent_of(const std::string& text) {
  const auto plus = text.find('+');
  if (plus == std::string::npos)
    throw nonsense(text);
  return {number(text.substr(0, plus)), static_cast<std::uint32_t>(number(text.substr(plus + 1)))};
}

/// "4+2@0.95".
prediction prediction_of(const std::string& text, expert by, instant expected) {
  const auto at = text.find('@');
  if (at == std::string::npos)
    throw nonsense(text);
  return {extent_of(text.substr(0, at)), std::stof(text.substr(at + 1)), expected, by, 0};
}

nanos duration_of(const std::string& text) {
  const auto parsed = parse_duration(text);
  if (!parsed)
    throw nonsense(text);
  return parsed.value();
}

std::string to_text(extent where) {
  return fmt::format("{}+{}", where.first, where.count);
}

const std::string& word(const words& line, std::size_t at) {
  if (at >= line.plain.size())
    throw nonsense("a word is missing");
  return line.plain[at];
}

run_id run_of(const words& line) {
  const auto found = line.settings.find("run");
  return {found == line.settings.end() ? 1 : number(found->second)};
}

prefetch::fetch_id fetch_of(const words& line) {
  const auto& text = word(line, 0);
  if (text.empty() || text[0] != '#')
    throw nonsense(text);
  return {number(text.substr(1))};
}

} // namespace

world::world(const std::map<std::string, std::string>& limits) {
  prefetch::fetch_limits fetches;
  prefetch::scheduler_limits plans;
  std::size_t remembered = 1u << 16;
  nanos horizon = std::chrono::seconds{600};
  for (const auto& [name, value] : limits) {
    if (name == "window")
      plans.window_bytes_start = plans.window_bytes_min = plans.window_bytes_max = parse_bytes(value).value();
    else if (name == "waiters")
      fetches.waiters_max = number(value);
    else if (name == "fetches")
      fetches.fetches_max = number(value);
    else if (name == "ledger")
      remembered = number(value);
    else if (name == "horizon")
      horizon = duration_of(value);
    else if (name == "credit")
      plans.credit_blocks = static_cast<double>(number(value));
    else
      throw nonsense(name);
  }
  plan_bytes_max_ =
      std::uint64_t{std::max(plans.queue.extent_blocks_max, plans.forecasts.extent_blocks_max)} * block_bytes;
  table_ = std::make_unique<prefetch::fetch_table>(fetches);
  ledger_ = std::make_unique<prefetch::ledger>(remembered, horizon);
  scheduler_ = std::make_unique<prefetch::scheduler>(plans);
}

std::vector<std::string> world::step(const std::string& verb, const words& line) {
  using method = void (world::*)(const words&);
  static const std::map<std::string, method> verbs{
      {"begin", &world::begin},     {"end", &world::end},     {"forecast", &world::forecast_for},
      {"predict", &world::predict}, {"read", &world::read},   {"arrive", &world::arrive},
      {"fail", &world::fail},       {"evict", &world::evict}, {"wait", &world::wait}};
  said_.clear();
  if (verb == "totals") {
    totals();
    return said_;
  }
  const auto found = verbs.find(verb);
  if (found == verbs.end())
    throw nonsense(verb);
  (this->*found->second)(line);
  pump();
  return said_;
}

/// begin PROGRAM [announced] [run=N]
void world::begin(const words& line) {
  if (!history_.begin(run_of(line), word(line, 0)))
    throw nonsense("the run");
  if (line.plain.size() > 1 && line.plain[1] == "announced")
    publish(run_of(line));
}

/// end [run=N]
void world::end(const words& line) {
  history_.end(run_of(line));
  scheduler_->forget(run_of(line));
}

/// forecast EXTENT@CHANCE... [run=N]
void world::forecast_for(const words& line) {
  forecast next{run_of(line), {}, false};
  for (const auto& each : line.plain)
    next.ranked.push_back(prediction_of(each, expert::history, now_));
  if (!scheduler_->replace(std::move(next)))
    say("overloaded");
}

/// predict hint|stream|association EXTENT@CHANCE... [in=TIME]
void world::predict(const words& line) {
  static const std::map<std::string, expert> experts{
      {"hint", expert::hint}, {"stream", expert::stream}, {"association", expert::association}};
  const auto found = experts.find(word(line, 0));
  if (found == experts.end())
    throw nonsense(line.plain[0]);
  const auto in = line.settings.find("in");
  const auto expected = now_ + (in == line.settings.end() ? nanos{0} : duration_of(in->second));
  std::vector<prediction> made;
  for (std::size_t i = 1; i < line.plain.size(); ++i)
    made.push_back(prediction_of(line.plain[i], found->second, expected));
  scheduler_->add(made);
}

/// read NAME EXTENT [run=N]
void world::read(const words& line) {
  const auto& name = word(line, 0);
  const auto where = extent_of(word(line, 1));
  const auto run = run_of(line);
  access seen;
  seen.arrived = now_;
  seen.where = where;
  seen.bytes = where.count * block_bytes;

  const prefetch::waiter_id who{next_waiter_++};
  const auto wanted = table_->want(who, where, blocks_missing{*this});
  if (!wanted) {
    say("overloaded " + name);
    return;
  }
  // Blocks of it that are here were prefetched and are read now, whatever the others do.
  std::uint32_t first_uses = 0;
  for (auto block = where.first; block < where.end(); ++block)
    if (here_.contains(block) && fresh_.erase(block) > 0) {
      ++first_uses;
      if (const auto why = ledger_->hit(block, now_))
        scheduler_->used(*why, 1);
    }
  for (const auto piece : wanted.value().late)
    for (auto block = piece.first; block < piece.end(); ++block)
      if (const auto why = ledger_->late(block, now_))
        scheduler_->used(*why, 1);
  seen.how = wanted.value().missing == 0 ? outcome::hit : wanted.value().how;
  if (wanted.value().missing == 0) {
    say("hit " + name);
  } else {
    names_[who.value] = name;
    waiting_[who.value] = {run, where, seen.how};
    send(wanted.value().orders, nullptr);
  }
  scheduler_->read(run, where, first_uses);
  if (history_.observe(run, seen))
    publish(run);
}

/// arrive #ID
void world::arrive(const words& line) {
  const auto id = fetch_of(line);
  const auto arrival = table_->arrived(id);
  if (!arrival)
    throw nonsense("that fetch is not under way");
  const auto ended = open_.extract(id.value).mapped();
  const auto& what = arrival.value();
  for (std::uint32_t i = 0; i < what.where.count; ++i) {
    const auto block = what.where.first + i;
    here_.insert(block);
    if (!what.demand && !what.read_already[i])
      fresh_.insert(block);
  }
  for (const auto& [who, complete] : what.waiters)
    if (complete) {
      say(fmt::format("answer {} {}", names_.at(who.value),
                      waiting_.at(who.value).how == outcome::late ? "late" : "miss"));
      names_.erase(who.value);
      waiting_.erase(who.value);
    }
  settle(ended, true);
}

/// fail #ID
void world::fail(const words& line) {
  const auto id = fetch_of(line);
  const auto failure = table_->failed(id);
  if (!failure)
    throw nonsense("that fetch is not under way");
  const auto ended = open_.extract(id.value).mapped();
  if (!failure.value().demand)
    ledger_->failed(failure.value().where, now_);
  for (const auto who : failure.value().failed) {
    say("fail " + names_.at(who.value));
    names_.erase(who.value);
    waiting_.erase(who.value);
  }
  send(failure.value().again, nullptr);
  settle(ended, false);
}

/// evict EXTENT
void world::evict(const words& line) {
  const auto where = extent_of(word(line, 0));
  std::uint64_t wasted = 0;
  for (auto block = where.first; block < where.end(); ++block)
    if (here_.erase(block) > 0 && fresh_.erase(block) > 0)
      wasted += ledger_->wasted(block, prefetch::settlement::evicted, now_);
  if (wasted > 0)
    say(fmt::format("waste {}", wasted));
}

/// wait TIME
void world::wait(const words& line) {
  now_ += duration_of(word(line, 0));
  const auto overdue = ledger_->expire(now_);
  for (const auto block : overdue)
    fresh_.erase(block);
  if (!overdue.empty())
    say(fmt::format("waste {}", overdue.size()));
}

/// totals
void world::totals() {
  const auto& sum = ledger_->totals();
  for (const auto& [name, blocks] : {std::pair{"prefetched", sum.prefetched},
                                     {"hit", sum.hit},
                                     {"late", sum.late},
                                     {"waste", sum.waste},
                                     {"pending", sum.pending}})
    say(fmt::format("{} {}", name, blocks));
}

void world::publish(run_id run) {
  if (auto next = history_.rank(run, now_))
    (void)scheduler_->replace(std::move(*next));
}

void world::pump() {
  for (const auto& item : scheduler_->next(now_, blocks_here{*this})) {
    const auto admitted = table_->admit({&item, 1}, blocks_here{*this});
    if (admitted.orders.empty()) {
      scheduler_->done(item.where, 0, now_, now_);
      continue;
    }
    for (const auto& piece : admitted.plans)
      ledger_->planned(piece.where, item.why);
    send(admitted.orders,
         std::make_shared<open_plan>(open_plan{item.where, admitted.orders.size(), 0, now_}));
  }
}

void world::send(std::span<const prefetch::order> orders, const std::shared_ptr<open_plan>& whole) {
  for (const auto& order : orders) {
    open_[order.id.value] = {order.where, now_, whole};
    if (!whole)
      scheduler_->demand_sent(order.where.bytes());
    say(fmt::format("{} #{} {}", order.demand ? "fetch" : "prefetch", order.id.value, to_text(order.where)));
  }
}

void world::settle(const open_fetch& ended, bool ok) {
  if (!ended.whole) {
    scheduler_->demand_done(ended.where.bytes(), ok, ended.sent_at, now_);
    return;
  }
  auto& whole = *ended.whole;
  whole.bytes += ok ? ended.where.bytes() : 0;
  if (--whole.orders_left == 0)
    scheduler_->done(whole.where, whole.bytes, whole.sent_at, now_);
}

std::string world::broken() const {
  const auto& sum = ledger_->totals();
  if (sum.hit + sum.late + sum.waste + sum.pending != sum.prefetched)
    return "hit + late + waste + pending is not what was prefetched";
  std::set<std::uint64_t> flying;
  bool demand = false;
  for (const auto& [id, fetch] : open_) {
    demand |= !fetch.whole;
    for (auto block = fetch.where.first; block < fetch.where.end(); ++block) {
      if (!flying.insert(block).second)
        return fmt::format("block {} is fetched twice at once", block);
      if (!table_->contains(block))
        return fmt::format("block {} is on its way and the table does not know", block);
      if (here_.contains(block))
        return fmt::format("block {} is fetched although it is here", block);
    }
  }
  if (table_->fetches() != open_.size())
    return "the table waits for fetches that nobody sent";
  if (table_->waiters() != waiting_.size())
    return "the table has forgotten who waits";
  for (const auto& [id, who] : waiting_)
    for (auto block = who.where.first; block < who.where.end(); ++block)
      if (!here_.contains(block) && !flying.contains(block))
        return fmt::format("a read waits for block {}, which nobody fetches", block);
  const auto figures = scheduler_->figures();
  // A plan is sent while any of the window is free.
  if (!demand && figures.in_flight_bytes >= figures.window_bytes + plan_bytes_max_)
    return fmt::format("prefetch has {} bytes in flight", figures.in_flight_bytes);
  if (open_.empty() && figures.in_flight_bytes != 0)
    return "nothing is on its way, and the scheduler thinks otherwise";
  return {};
}

std::string world::unfinished() const {
  return waiting_.empty() ? std::string{} : names_.begin()->second + " waits for ever";
}

} // namespace forerun::scenarios
