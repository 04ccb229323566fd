"""The table of proposal: one way to protect phase 1."""

from __future__ import annotations

from lotor.config.arguments import Duration, Text
from lotor.config.choices import AlgorithmOf
from lotor.config.directive import MANDATORY, Block, Directive, Use
from lotor.config.settings import Proposal
from lotor.config.tables.algorithms import GROUPS, HASHES, METHODS, PHASE1_CIPHERS

PROPOSAL = Block(
    "proposal",
    (
        Directive(
            "encryption_algorithm",
            AlgorithmOf(PHASE1_CIPHERS),
            "The cipher, and its key length in bits when that is not the usual one.",
            default=MANDATORY,
        ),
        Directive(
            "hash_algorithm",
            AlgorithmOf(HASHES),
            "The hash; its HMAC derives the keys.",
            default=MANDATORY,
        ),
        Directive(
            "authentication_method",
            AlgorithmOf(METHODS),
            "How the peers prove who they are.",
            default=MANDATORY,
        ),
        Directive("dh_group", AlgorithmOf(GROUPS), "The Diffie-Hellman group.", default=MANDATORY),
        Directive(
            "lifetime time",
            Duration(1),
            "How long a phase 1 lives.",
            field="lifetime",
            default_text="that of the remote block",
        ),
        Directive(
            "lifetime byte",
            Text(),
            "A limit by volume.",
            use=Use.REFUSED,
            note="limits by volume were given up; use lifetime time",
        ),
        Directive(
            "gss_id",
            Text("a name in quotes"),
            "The name for GSSAPI.",
            default_text="none",
            use=Use.NO_EFFECT,
            note="there is no GSSAPI",
            aliases=("gssapi_id",),
        ),
    ),
    "One way to protect phase 1; the blocks of a remote are offered in the order of the file. All of them name the "
    "same dh_group when exchange_mode is aggressive.",
    Proposal,
    field="proposals",
    repeatable=True,
    mandatory=True,
)
