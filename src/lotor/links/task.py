"""What the process of a link is told by the command that starts it: everything that it can ever show."""

from __future__ import annotations

from dataclasses import field
from enum import Enum

from lotor.crypto.tls import TlsKey
from lotor.model.frozen import frozen


class Shows(Enum):
    """What a document is for. A FILE counts, as the first fetch; what is BESIDE it goes with it."""

    PAGE = "page"
    FILE = "file"
    BESIDE = "beside"
    GONE = "gone"


@frozen
class Document:
    """`path` is below the token, without a slash in front. `device` is the word of `lotor profile --for`, empty on the
    page that asks which one it is. `name`: of a file, for people. `media`: its type (RFC 9110 §8.3); `keep`: the
    browser saves it, where it would show it otherwise."""

    path: str
    shows: Shows
    device: str
    media: str
    body: bytes = field(repr=False)
    name: str = ""
    keep: bool = False


@frozen
class Task:
    """`identity`: whom to become (`Identity.word`). `host`: its name in the link.
    `chain`: certificates of the gateway, leaf first, DER, whose private key is elsewhere. `seconds`: so long the link
    lives. `documents` follow, one message each; the listening socket comes with this one."""

    identity: str
    host: str
    token: str = field(repr=False)
    chain: tuple[bytes, ...]
    key: TlsKey
    policy: str
    seconds: float
    documents: int
