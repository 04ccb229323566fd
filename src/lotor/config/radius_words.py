"""A RADIUS server as a line of radiuscfg names it: with a shared secret, or over TLS."""

from __future__ import annotations

from typing import Any

from lotor.config.arguments import Argument, File, Number, Text
from lotor.config.lexer import Kind
from lotor.config.servers import RadiusServer, RadiusTls
from lotor.config.words import Mistake, Words
from lotor.model.secret import Secret

TLS = "tls"
SECRET_OF_TLS = "radsec"  # noqa: S105 - everybody knows it: TLS protects, not this
"""Where TLS protects, both ends take this one (RFC 6614 §2.3)."""

_HOST = Text("a host name in quotes", longest=253, shown="host")
_PORT = Number(1, 65535)
_SECRET = Text("the shared secret in quotes", longest=128, make=Secret, shown="secret")
_NAME = Text("the name in the server's certificate, in quotes", longest=253, pattern=r"[A-Za-z0-9_.:-]+", shown="name")
_OPTIONS: dict[str, tuple[tuple[str, Argument], ...]] = {
    "ca": (("authority", File()),),
    "certificate": (("certificate", File()), ("key", File())),
    "name": (("name", _NAME),),
    "secret": (("secret", _SECRET),),
}


class ServerWords(Argument):
    """Host, maybe a port, and the secret; or the word tls and what belongs to it, in any order."""

    def read(self, words: Words) -> RadiusServer:
        host = _HOST.read(words)
        port = _PORT.read(words) if _is_word(words) and not _is_word(words, TLS) else None
        if not _is_word(words, TLS):
            return RadiusServer(host, port, _SECRET.read(words))
        words.bare(TLS)
        given = _given(words)
        secret: Secret = given.pop("secret", Secret(SECRET_OF_TLS))
        return RadiusServer(host, port, secret, tls=RadiusTls(**given))

    def syntax(self) -> str:
        return '"host" [N] ("secret"|tls [ca "file"] [certificate "file" "key file"] [name "name"] [secret "secret"])'


def _given(words: Words) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while words.peek() is not None:
        option = words.bare("ca, certificate, name or secret")
        if option.text not in _OPTIONS:
            raise Mistake(option.at, f"{words.name} … tls takes ca, certificate, name and secret")
        for field, argument in _OPTIONS[option.text]:
            if field in found:
                raise Mistake(option.at, f"{option.text} stands here twice")
            found[field] = argument.read(words)
    return found


def _is_word(words: Words, text: str = "") -> bool:
    following = words.peek()
    return following is not None and following.kind is Kind.WORD and text in ("", following.text)
