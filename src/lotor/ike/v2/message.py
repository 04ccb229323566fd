"""A message of IKEv2 that counts: its header, its payloads, where it came from, and whether keys proved it."""

from __future__ import annotations

from dataclasses import field

from lotor.model.frozen import frozen
from lotor.model.network import Path
from lotor.wire.header import Header
from lotor.wire.v2.chain import Chain


@frozen
class Message:
    """`chain`: the payloads, those inside SK or SKF once it is opened. `octets`: the whole datagram as it came, of
    IKE_SA_INIT; of IKE_INTERMEDIATE its header, the type of the first payload inside, and the content in clear, which
    AUTH covers (RFC 9242 §3.3.2). `protected`: it came under the
    keys of the SA; only IKE_SA_INIT, and refusals that prove nothing, come without."""

    header: Header
    chain: Chain
    path: Path
    octets: bytes = field(default=b"", repr=False)
    protected: bool = False
