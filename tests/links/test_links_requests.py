"""Heads of requests: what browsers send, and what nobody gets a page for."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotor.links.requests import LONGEST_AGENT, MOST_FIELDS, MOST_HEAD, BadRequest, Request, Status, parsed

HEAD = b"GET /abc HTTP/1.1\r\nHost: VPN.example.net:8443 \r\nUser-Agent: Mozilla/5.0 (iPhone)\r\nAccept: */*"


def test_what_a_browser_sends():
    assert parsed(HEAD) == Request("GET", "/abc", "vpn.example.net:8443", "Mozilla/5.0 (iPhone)")
    assert parsed(b"HEAD /abc?fbclid=1 HTTP/1.0").target == "/abc"
    assert parsed(b"HEAD /abc HTTP/1.0").reads
    assert not parsed(b"POST /abc HTTP/1.1\r\nHost: a").reads


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET",
        b"GET  /abc HTTP/1.1\r\nHost: a",
        b"GET abc HTTP/1.1\r\nHost: a",
        b"GET https://a/abc HTTP/1.1\r\nHost: a",
        b"CONNECT a:443 HTTP/1.1\r\nHost: a",
        b"GET * HTTP/1.1\r\nHost: a",
        b"GET /abc HTTP/2.0\r\nHost: a",
        b"GET /abc HTTP/1.1",
        b"GET /abc HTTP/1.1\r\nHost: a\r\nHost: b",
        b"GET /abc HTTP/1.1\r\nHost: a\r\n folded: b",
        b"GET /abc HTTP/1.1\r\nHost : a",
        b"GET /abc HTTP/1.1\nHost: a",
        b"GET /abc HTTP/1.1\r\nHost: a\r\nX: b\0c",
        b"GET /abc HTTP/1.1\r\nHost: a\r\nContent-Length: 5",
        b"GET /abc HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked",
        b"GET /a\tb HTTP/1.1\r\nHost: a",
        b"get /abc HTTP/1.1\r\nHost: a",
        b"\x16\x03\x01\x02\x00\x01",
    ],
)
def test_what_no_browser_sends(head):
    with pytest.raises(BadRequest) as refused:
        parsed(head)
    assert refused.value.status is Status.BAD_REQUEST


def test_what_is_too_long_is_told_as_that():
    for head in (HEAD + b"\r\nX: " + b"y" * MOST_HEAD, HEAD + b"\r\nX: y" * MOST_FIELDS):
        with pytest.raises(BadRequest) as refused:
            parsed(head)
        assert refused.value.status is Status.FIELDS_TOO_LARGE
    assert len(parsed(b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: " + b"y" * 4096).agent) == LONGEST_AGENT
    with pytest.raises(BadRequest):
        parsed(b"GET /" + b"y" * 600 + b" HTTP/1.1\r\nHost: a")


@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda more: HEAD + b"\r\n" + more))
def test_any_octets_are_a_request_or_none(head):
    with contextlib.suppress(BadRequest):
        assert parsed(head).target.startswith("/")
