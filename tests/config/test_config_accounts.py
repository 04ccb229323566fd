"""How often accounting is told of a session: what is written, what a server granted, what is usual."""

from __future__ import annotations

import pytest

from lotor.config.accounts import SHORTEST_INTERVAL, USUAL_INTERVAL, interim_seconds
from paired import gateway, settings


@pytest.mark.parametrize(
    ("written", "granted", "seconds"),
    [
        ("", None, None),
        ("accounting system;", 300.0, None),
        ("accounting_interval 5 min;", None, 300),
        ("accounting radius;", None, USUAL_INTERVAL),
        ("accounting radius;", 300.0, 300),
        ("accounting radius;", 1.0, SHORTEST_INTERVAL),
        ("accounting radius; accounting_interval 1 sec;", 300.0, 1),
        ("accounting radius; accounting_interval 0 sec;", 300.0, None),
        ("accounting system; accounting_interval 1 hour;", None, 3600),
    ],
)
def test_what_is_written_counts_more_than_what_is_granted(written, granted, seconds):
    mode_cfg = settings(gateway() + f"mode_cfg {{ network4 10.99.99.1; {written} }}").mode_cfg
    assert interim_seconds(mode_cfg, granted) == seconds


def test_a_client_tells_nobody():
    assert interim_seconds(None, 300.0) is None
