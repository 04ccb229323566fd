"""What one `remote` block judges peers by: rules, trust anchors, a pinned certificate and revocation lists."""

from __future__ import annotations

from lotor.crypto.certificates import Certificate
from lotor.model.frozen import frozen
from lotor.trust.revocation import ListFiles
from lotor.trust.specification import RemoteTrust


@frozen
class Grounds:
    """`anchor_place` says in words where the anchors came from."""

    rules: RemoteTrust
    anchors: tuple[Certificate, ...] = ()
    anchor_place: str = ""
    pinned: Certificate | None = None
    lists: ListFiles | None = None
