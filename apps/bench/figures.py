"""The one form of every figure, its table for people and its JSON for programs."""
import json
import statistics
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Bar:
    """What a figure must reach: the value itself, or its ratio to the peer `of`."""

    limit: float
    moonshot: float | None = None
    of: str = ""  # A peer's name; empty: the value itself.
    at_least: bool = False  # Otherwise: at most.
    also: "Bar | None" = None  # A second one for the same figure.

    def holds(self, value, ratios):
        """Of both bars; None while a value that they need was not measured."""
        judged = ratios.get(self.of) if self.of else value
        if judged is None:
            return None
        if not (judged >= self.limit if self.at_least else judged <= self.limit):
            return False
        return self.also.holds(value, ratios) if self.also else True

    def as_json(self):
        sense = "at_least" if self.at_least else "at_most"
        form = {"of": f"ratio to {self.of}" if self.of else "value", sense: self.limit, "moonshot": self.moonshot}
        return {**form, "also": self.also.as_json()} if self.also else form


@dataclass
class Figure:
    """One metric of one bench: samples by contender, one sample for each run."""

    bench: str
    metric: str
    unit: str
    bar: Bar | None = None
    samples: dict[str, list[float]] = field(default_factory=dict)

    def as_json(self):
        """value and ratio are medians, and the ratio of medians; null where nothing was measured."""
        own = self.samples.get("forerun", [])
        value = statistics.median(own) if own else None
        peers = []
        for name, samples in self.samples.items():
            if name != "forerun":
                median = statistics.median(samples)
                ratio = value / median if value is not None and median else None
                peers.append(
                    {"name": name, "value": median, "min": min(samples), "max": max(samples), "ratio": ratio}
                )
        ratios = {peer["name"]: peer["ratio"] for peer in peers}
        return {
            "bench": self.bench,
            "metric": self.metric,
            "unit": self.unit,
            "value": value,
            "min": min(own) if own else None,
            "max": max(own) if own else None,
            "runs": max(map(len, self.samples.values())),
            "peers": peers,
            "bar": self.bar.as_json() if self.bar else None,
            "ok": self.bar.holds(value, ratios) if self.bar else None,
        }


class Figures:
    """All figures of one call of the program, in the order in which they were first measured."""

    def __init__(self):
        self.by_name = {}

    def add(self, bench, metric, unit, who, value, bar=None):
        """Adds one run's sample of a contender: "forerun", or a peer's name."""
        figure = self.by_name.setdefault((bench, metric), Figure(bench, metric, unit, bar))
        figure.samples.setdefault(who, []).append(float(value))

    def as_json(self):
        return [figure.as_json() for figure in self.by_name.values()]


def number(value):
    """Three significant digits, thousands apart."""
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:#.3g}".rstrip(".")


def spread(measured):
    return f"{number(measured['min'])} – {number(measured['max'])}" if measured["value"] is not None else "–"


def bar_text(bar):
    if not bar:
        return ""
    sign, limit = ("≥", bar["at_least"]) if "at_least" in bar else ("≤", bar["at_most"])
    text = f"{sign} {limit:.3g}" + (" × " + bar["of"].removeprefix("ratio to ") if bar["of"] != "value" else "")
    return f"{text}, {bar_text(bar['also'])}" if "also" in bar else text


def table(figures):
    """The lines to print for figures in their JSON form: ours, and below it each peer with our ratio to it."""
    rows = [("bench", "metric", "unit", "median", "min – max", "ratio", "bar", "")]
    for figure in figures:
        verdict = {True: "ok", False: "MISSED", None: ""}[figure["ok"]]
        value = number(figure["value"])
        bar = bar_text(figure["bar"])
        rows.append((figure["bench"], figure["metric"], figure["unit"], value, spread(figure), "", bar, verdict))
        for peer in figure["peers"]:
            ratio = f"{number(peer['ratio'])} ×" if peer["ratio"] is not None else ""
            rows.append(("", "  " + peer["name"], "", number(peer["value"]), spread(peer), ratio, "", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def write_json(path, figures):
    with open(path, "w", encoding="utf-8") as out:
        json.dump(figures, out, indent=1, ensure_ascii=False)
        out.write("\n")
