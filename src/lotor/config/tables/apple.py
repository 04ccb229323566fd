"""The directives of `remote` that Apple's racoon added: read, so that its files load. None has an effect of its own."""

from __future__ import annotations

from typing import Any

from lotor.config.arguments import AddressOf, Argument, File, Number, Several, Text
from lotor.config.choices import SWITCH, Case, Cases, Choice, Keyword
from lotor.config.directive import Directive, Use
from lotor.model.secret import Secret


def _ignored(name: str, argument: Argument, meaning: str, note: str, **more: Any) -> Directive:
    return Directive(name, argument, f"Apple: {meaning}", default_text="none", use=Use.NO_EFFECT, note=note, **more)


def _word(word: str) -> Keyword:
    return Keyword((Choice(word, word),))


def _same(value: Any) -> Any:
    return value


_SECRET = Text("a text in quotes", make=Secret, shown="…")
SHARED_SECRET = Cases(
    (
        Case("use", _SECRET, _same, "the key itself"),
        Case("key", _SECRET, _same, "the key itself"),
        Case("keychain", _SECRET, _same, "a name in the keychain"),
        Case("keychain_by_id", _SECRET, _same, "a name in the keychain"),
    )
)
VERIFICATION = Cases(
    (
        Case(
            "sec_framework",
            Cases(
                (
                    Case("use_peers_identifier", Text("a name in quotes"), _same),
                    Case("use_open_dir", Text("a name in quotes"), _same),
                )
            ),
            _same,
        ),
    )
)
IDLE = Several(
    (
        _word("idle_timeout"),
        Number(),
        _word("idle_direction"),
        Keyword(tuple(Choice(word, word) for word in ("idle_outbound", "idle_inbound", "idle_any"))),
    ),
    lambda *values: values,
)

APPLE = (
    _ignored(
        "shared_secret",
        SHARED_SECRET,
        "the shared key, or where the keychain has it.",
        "keys stand in the file of path pre_shared_key",
        secret=True,
    ),
    _ignored(
        "dpd_algorithm",
        Keyword(tuple(Choice(f"dpd_{word}_detect", word) for word in ("inbound", "blackhole"))),
        "when a peer is probed.",
        "a peer is probed when nothing came from it for dpd_delay",
    ),
    _ignored("local_address", AddressOf(None), "the own address.", "the routes of the host choose it"),
    _ignored("disconnect_on_idle", IDLE, "end a connection that nobody uses.", "a connection lasts until it is ended"),
    _ignored(
        "nat_traversal_multi_user",
        SWITCH,
        "several clients behind one NAT router.",
        "any number of clients may be behind one NAT router",
    ),
    _ignored(
        "nat_traversal_keepalive",
        SWITCH,
        "keep the NAT router's mapping open.",
        "natt_keepalive in timer { } says how often",
    ),
    _ignored(
        "certificate_verification",
        VERIFICATION,
        "what judges certificates.",
        "certificates are judged by ca_type, peers_certfile and verify_identifier",
    ),
    Directive(
        "open_dir_auth_group",
        Text("the name of a group in quotes"),
        "Apple: the group that may log in.",
        use=Use.REFUSED,
        note="it would admit everybody else as well; write auth_groups in mode_cfg { }",
    ),
    Directive(
        "keepalive",
        File(),
        "A word that racoon reserves.",
        use=Use.REFUSED,
        note="racoon has no such directive either; take the line out. natt_keepalive stands in timer { }",
    ),
)
