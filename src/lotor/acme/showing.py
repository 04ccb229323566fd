"""What is shown to those who come to see whether a name leads here: a text over HTTP, a certificate over TLS."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock, Thread

PATH = "/.well-known/acme-challenge/"
PROTOCOL = "acme-tls/1"
AT_ONCE = 64
"""Visitors who are served at a time; where there are more, the one who came first gives way."""
MOST_HEAD = 8_192
"""Octets of a request."""
SECONDS = 5.0
"""For each octet that a visitor sends, and at most MOST_READS of those pieces."""
MOST_READS = 8


class Stand:
    """One listening socket, and what stands there now; whoever comes for something else gets nothing."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._texts: dict[str, bytes] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = Lock()
        self._visitors: dict[socket.socket, None] = {}

    @contextlib.contextmanager
    def text(self, token: str, content: str) -> Iterator[None]:
        """HTTP-01 (RFC 8555 §8.3)."""
        self._texts[token] = content.encode()
        try:
            yield
        finally:
            del self._texts[token]

    @contextlib.contextmanager
    def certificate(self, name: str, pem: bytes) -> Iterator[None]:
        """TLS-ALPN-01 (RFC 8737). `pem`: certificate and key."""
        self._contexts[name] = _context(pem)
        try:
            yield
        finally:
            del self._contexts[name]

    def serve(self, *, tls: bool) -> None:
        """From now on, in threads that end with the process."""
        Thread(target=self._accept, args=(self._tls if tls else self._http,), daemon=True).start()

    def _accept(self, serve: Callable[[socket.socket], None]) -> None:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            while True:
                try:
                    visitor, _ = self._listening.accept()
                except OSError:
                    return
                handle = visitor.dup()  # TLS takes the other one over
                with self._lock:
                    if len(self._visitors) >= AT_ONCE:
                        self._dismiss(next(iter(self._visitors)))
                    self._visitors[handle] = None
                threads.submit(self._served, serve, visitor, handle)

    def _dismiss(self, handle: socket.socket) -> None:
        """Whoever serves it finds its end."""
        del self._visitors[handle]
        with contextlib.suppress(OSError):
            handle.shutdown(socket.SHUT_RDWR)

    def _served(self, serve: Callable[[socket.socket], None], visitor: socket.socket, handle: socket.socket) -> None:
        try:
            visitor.settimeout(SECONDS)
            with visitor, contextlib.suppress(OSError, ValueError):
                serve(visitor)
        finally:
            with self._lock:
                self._visitors.pop(handle, None)
                handle.close()

    def _http(self, visitor: socket.socket) -> None:
        head = b""
        for _ in range(MOST_READS):
            octets = visitor.recv(MOST_HEAD)
            head += octets
            if not octets or b"\r\n\r\n" in head or len(head) > MOST_HEAD:
                break
        words = head.split(b"\r\n", 1)[0].decode("ascii", "replace").split(" ")
        asked = words[1] if len(words) == 3 and words[0] == "GET" else ""
        found = self._texts.get(asked.removeprefix(PATH)) if asked.startswith(PATH) else None
        status = "404 Not Found" if found is None else "200 OK"
        body = found or b""
        fields = f"Content-Type: application/octet-stream\r\nContent-Length: {len(body)}\r\nConnection: close"
        visitor.sendall(f"HTTP/1.1 {status}\r\n{fields}\r\n\r\n".encode() + body)

    def _tls(self, visitor: socket.socket) -> None:
        chosen = next(iter(self._contexts.values()), None)
        if chosen is None:
            return

        def named(end: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
            found = self._contexts.get(name or "")
            if found is None:
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            end.context = found
            return None

        first = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        first.set_alpn_protocols([PROTOCOL])
        first.sni_callback = named
        with first.wrap_socket(visitor, server_side=True) as end:
            end.recv(1)  # the visitor goes by itself


def _context(pem: bytes) -> ssl.SSLContext:
    """The library reads keys from files alone: these are pipes, which nothing on a disk stands for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols([PROTOCOL])
    with _filled(pem) as certificate, _filled(pem) as key:
        context.load_cert_chain(f"/proc/self/fd/{certificate}", f"/proc/self/fd/{key}")
    return context


@contextlib.contextmanager
def _filled(octets: bytes) -> Iterator[int]:
    """The end of a pipe that gives these octets, which must not be more than it holds (64 KiB)."""
    reading, writing = os.pipe()
    try:
        with os.fdopen(writing, "wb") as file:
            file.write(octets)
        yield reading
    finally:
        os.close(reading)
