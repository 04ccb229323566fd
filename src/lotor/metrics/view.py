"""What the daemon tells of its figures, as JSON values: the samples of each family by its name."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import TypedDict

from lotor.metrics.counting import Counting
from lotor.metrics.families import FAMILIES

SCHEMA = 1


class SampleView(TypedDict):
    """`labels` in the order of the family; a figure has a `value`, a histogram the `counts` of its buckets and the
    `total` in seconds."""

    labels: list[str]
    value: float
    counts: list[int]
    total: float


class MetricsView(TypedDict):
    """`version` of the program; `processes`: process ids by name."""

    schema: int
    version: str
    processes: dict[str, int]
    families: dict[str, list[SampleView]]


def figure(value: float, *labels: str) -> SampleView:
    return SampleView(labels=list(labels), value=value, counts=[], total=0.0)


def counted(counting: Counting) -> dict[str, list[SampleView]]:
    """The families that `counting` fills; what did not happen yet is 0 where its labels are known."""
    told = _zeros() | dict(counting.counters)
    found: dict[str, list[SampleView]] = {}
    for (name, labels), value in told.items():
        found.setdefault(name, []).append(figure(value, *labels))
    for name, histogram in counting.histograms.items():
        found[name] = [SampleView(labels=[], value=0.0, counts=list(histogram.counts), total=histogram.total)]
    return found


def filled(name: str, values: Mapping[tuple[str, ...], float]) -> list[SampleView]:
    """The samples of one family, zeros included."""
    zeros = dict.fromkeys(FAMILIES[name].known(), 0.0)
    return [figure(value, *labels) for labels, value in (zeros | dict(values)).items()]


def labelled(name: str, source: object, without: Container[str] = ()) -> list[SampleView]:
    """The samples of a family whose label names the fields of `source`."""
    return [figure(getattr(source, label), label) for (label,) in FAMILIES[name].known() if label not in without]


COUNTED = (
    "lotor_logins_total",
    "lotor_peers_dead_total",
    "lotor_renewals_total",
    "lotor_sa_pairs_total",
    "lotor_sessions_changed_total",
)
"""Of `Counting`, those that are shown as 0 from the beginning."""


def _zeros() -> dict[tuple[str, tuple[str, ...]], int]:
    return {(name, labels): 0 for name in COUNTED for labels in FAMILIES[name].known()}
