"""Figures as Prometheus reads them, over HTTP: by its own library, in a process that has no part in the VPN."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from pathlib import Path
from socketserver import BaseServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, generate_latest, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from lotor.metrics.families import BUCKETS, FAMILIES, Family, Kind
from lotor.metrics.processes import usage
from lotor.metrics.view import MetricsView, SampleView, figure

MOST_READERS = 8
"""Requests at the same time: Prometheus asks one after the other, and so does a person who looks."""
READING_SECONDS = 10.0
"""Who has not sent its request and read the answer by then is let go, however slowly it goes on."""
READERS = 0o660
"""Who may connect to a socket's path, less what the umask takes away: nobody but its owner and its group, ever."""


class Figures:
    """A collector: asks anew each time it is read. `ask` returns None when no daemon answers."""

    def __init__(self, ask: Callable[[], MetricsView | None]) -> None:
        self._ask = ask

    def collect(self) -> Iterator[Metric]:
        view = self._ask()
        yield _metric(FAMILIES["lotor_up"], [figure(0 if view is None else 1)])
        if view is None:
            return
        told = view["families"] | _processes(view["processes"])
        told["lotor_info"] = [figure(1, view["version"])]
        for name, family in FAMILIES.items():
            if name in told:
                yield _metric(family, told[name])

    def describe(self) -> Iterable[Metric]:
        """Nothing: the library would ask for all figures once more, only to learn their names."""
        return ()

    def registry(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        registry.register(self)
        return registry

    def text(self) -> bytes:
        """In Prometheus's text format."""
        return generate_latest(self.registry())


def _processes(pids: dict[str, int]) -> dict[str, list[SampleView]]:
    found: dict[str, list[SampleView]] = {}
    for name, pid in pids.items():
        used = usage(pid)
        if used is None:
            continue
        figures = (
            ("lotor_process_resident_memory_bytes", used.resident),
            ("lotor_process_cpu_seconds_total", used.processor),
            ("lotor_process_start_time_seconds", used.started),
        )
        for family, value in figures:
            found.setdefault(family, []).append(figure(value, name))
    return found


def _metric(family: Family, samples: list[SampleView]) -> Metric:
    names = [name for name, _ in family.labels]
    metric = _EMPTY[family.kind](family.name, family.text, labels=names)
    for sample in samples:
        if family.kind is Kind.HISTOGRAM:
            metric.add_metric(sample["labels"], _buckets(sample["counts"]), sample["total"])
        else:
            metric.add_metric(sample["labels"], sample["value"])
    found: Metric = metric
    return found


_EMPTY: dict[Kind, Callable[..., Any]] = {
    Kind.COUNTER: CounterMetricFamily,
    Kind.GAUGE: GaugeMetricFamily,
    Kind.HISTOGRAM: HistogramMetricFamily,
}


def _buckets(counts: list[int]) -> list[tuple[str, int]]:
    """Each counts what the ones before it count, too."""
    ends = [*map(str, BUCKETS), "+Inf"]
    return list(zip(ends, accumulate(counts), strict=True))


# --- over HTTP -------------------------------------------------------------------------------------------------------


class _Reader(WSGIRequestHandler):
    """Writes no line for each request."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        del format, args

    def address_string(self) -> str:
        return "local"

    def get_environ(self) -> dict[str, Any]:
        self.client_address = self.client_address or ("local", 0)  # type: ignore[unreachable] # of a path it is empty
        return dict(super().get_environ())


class _Server(ThreadingMixIn, WSGIServer):
    """At most `MOST_READERS` at a time; whoever comes then is let go at once."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int] | str, family: socket.AddressFamily) -> None:
        self.address_family = family
        self._places = threading.BoundedSemaphore(MOST_READERS)
        super().__init__(address, _Reader)  # type: ignore[arg-type] # a path, for a socket of files

    def server_bind(self) -> None:
        if self.address_family != socket.AF_UNIX:
            super().server_bind()
            return
        os.fchmod(self.socket.fileno(), READERS)  # before it has a path: Linux gives the file this mode
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "local", 0
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        limit = threading.Timer(READING_SECONDS, _hang_up, [request])
        limit.daemon = True
        limit.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            limit.cancel()
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that went away is no news."""


def _hang_up(request: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has gone by itself
        request.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def serving(figures: Figures, where: tuple[str, int] | Path) -> Iterator[BaseServer]:
    """A server that `serve_forever` runs. Raises `OSError` where the place is taken or may not be used."""
    if isinstance(where, Path):
        server = _at_path(where)
    else:
        family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
        server = _Server(where, family)
    server.set_app(make_wsgi_app(figures.registry()))
    try:
        yield server
    finally:
        server.server_close()
        if isinstance(where, Path):
            where.unlink(missing_ok=True)


def _at_path(path: Path) -> _Server:
    """A socket that nobody listens at any more gives its place up."""
    if path.is_socket():
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
    return _Server(str(path), socket.AF_UNIX)
