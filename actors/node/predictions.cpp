#include "actors/node/state.hpp"

namespace forerun::actors {
namespace {

using rows = std::vector<control::prediction_row>;

/// Moved or not: what a source said, and what came of it.
control::prediction_row row_of(const std::string& image, std::string source, const predict::scores& all) {
  control::prediction_row row{.image = image,
                              .source = std::move(source),
                              .proposed = all.count(),
                              .came_true = all.used(),
                              .error = all.calibration_error(),
                              .brier = all.brier(),
                              .log_loss = all.log_loss(),
                              .judged = all.count() > 0};
  for (const auto& bin : all.bins())
    if (bin.count > 0)
      row.bins.push_back({bin.said / bin.count, bin.used / bin.count, bin.count});
  return row;
}

control::prediction_row row_of(const std::string& image, std::string source,
                               const predict::expert_scores& scores) {
  auto row = row_of(image, std::move(source), scores.all);
  row.moved = scores.moved.count();
  row.used = scores.moved.used();
  row.error_moved = scores.moved.calibration_error();
  return row;
}

void append(rows& to, const std::string& image, const predictor_figures& figures) {
  to.push_back(row_of(image, "history", figures.ranked));
  for (std::size_t by = 0; by < predict::mix_voices; ++by)
    to.push_back(row_of(image, std::string(control::to_string(predict::mix_expert_names[by])),
                        figures.mixed.experts[by]));
  to.push_back(row_of(image, "together", figures.mixed.together));
  to.back().drifts = figures.mix.drifts;
  // The fill of a first boot moves all that it proposes, and what became of it is known by the block only.
  const auto& fill = figures.mix.fill;
  to.push_back({.image = image,
                .source = "first boot",
                .proposed = fill.own_asked_blocks,
                .came_true = fill.own_used_blocks,
                .moved = fill.own_asked_blocks,
                .used = fill.own_used_blocks});
}

} // namespace

void node_state::predictions(const std::string& of, const control::reply<rows>& to) {
  if (!on.config.prefetch.enabled) {
    to.fail(errc::unavailable, "prefetch is off, so nothing is predicted", "set prefetch.enabled = true");
    return;
  }
  const auto* volume = of.empty() ? nullptr : find(of);
  struct gathering {
    rows all;
    std::size_t left = 0;
  };
  auto gather = std::make_shared<gathering>();
  std::vector<std::pair<image_id, std::string>> wanted;
  for (const auto& [id, image] : images)
    if (of.empty() || image.entry.url == of || (volume != nullptr && volume->entry.image == id))
      wanted.emplace_back(id, image.entry.url);
  if (wanted.empty() && !of.empty()) {
    to.fail(errc::not_found, "there is no volume on an image, and no image, of that name",
            "`forerun volume list` names both");
    return;
  }
  gather->left = wanted.size();
  if (wanted.empty())
    to(rows{});
  for (const auto& [id, url] : wanted)
    ask<predictor_figures, predictor_actor>(
        {role::predictor, id.value},
        [gather, to, url = url](result<predictor_figures> got) {
          if (got && gather->all.size() < control::prediction_rows_max)
            append(gather->all, url, got.value());
          if (--gather->left == 0)
            to(std::move(gather->all));
        },
        caf::get_atom_v);
}

} // namespace forerun::actors
