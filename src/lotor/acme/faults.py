"""Why an authority gave no certificate: its own words, and what helps."""

from __future__ import annotations

from lotor.model.frozen import frozen
from lotor.model.text import clean

PREFIX = "urn:ietf:params:acme:error:"
"""RFC 8555 §6.7."""
LONGEST = 400
"""Characters of an authority's words."""
WHERE = {"http-01": "TCP port 80", "tls-alpn-01": "TCP port 443"}


class AcmeFault(Exception):  # noqa: N818 - what became of it
    """`text` is a sentence, `fix` what helps. `after`: seconds until another attempt makes sense, None where nothing
    tells."""

    def __init__(self, text: str, fix: str = "", after: float | None = None) -> None:
        super().__init__(text)
        self.text, self.fix, self.after = text, fix, after


@frozen
class Problem:
    """A document of RFC 7807. `kind` without the prefix, empty for one that is not of ACME."""

    kind: str
    detail: str
    name: str = ""

    @classmethod
    def of(cls, told: object) -> Problem:
        """Of an object of JSON, whatever it holds; that of a subproblem where there is one, which names the host."""
        fields = told if isinstance(told, dict) else {}
        inner = fields.get("subproblems")
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            fields = {**fields, **inner[0]}
        identifier = fields.get("identifier")
        name = identifier.get("value", "") if isinstance(identifier, dict) else ""
        kind = str(fields.get("type", ""))
        return cls(
            kind.removeprefix(PREFIX) if kind.startswith(PREFIX) else "",
            clean(str(fields.get("detail", "")), longest=LONGEST),
            clean(str(name), longest=256),
        )


def fault_of(problem: Problem, challenge: str, after: float | None = None) -> AcmeFault:
    """What a person reads."""
    about = f" for {problem.name}" if problem.name else ""
    said = problem.detail or problem.kind or "nothing more"
    fix = FIXES.get(problem.kind, "").format(port=WHERE[challenge])
    wait = after if after is not None else HOUR if problem.kind == "rateLimited" else None
    return AcmeFault(f"the authority refuses{about}: {said}", fix, wait)


HOUR = 3600.0
FIXES = {
    "rateLimited": "it issues no more for now: wait, and make further attempts with --staging",
    "dns": "the name needs an A or AAAA record that leads to this host, and no broken DNSSEC: dig NAME",
    "connection": "it could not reach this host at {port}: let that through firewall and router, over IPv6, too, where "
    "the name has an AAAA record",
    "unauthorized": "something else answered at {port}: does the name lead to this host, or to a proxy before it?",
    "tls": "something else answered at {port}: does the name lead to this host, or to a proxy before it?",
    "incorrectResponse": "something else answered at {port}: does the name lead to this host, or to a proxy before it?",
    "caa": "a CAA record of the domain names other authorities: add this one, or take another by --server",
    "rejectedIdentifier": "it issues none for such a name: take a host name that everybody can look up",
    "unsupportedIdentifier": "it issues none for such a name: take a host name that everybody can look up",
    "externalAccountRequired": "it wants an account made at its web page, which lotor cannot bind: take another by "
    "--server",
    "userActionRequired": "its terms have changed: type lotor pki acme with the names again, and agree",
    "invalidContact": "give another address by --contact",
    "unsupportedContact": "give another address by --contact",
    "badCSR": "it does not take such a key: try --key rsa",
    "badPublicKey": "it does not take such a key: try --key rsa",
    "serverInternal": "that is its own fault: try again in an hour",
    "badNonce": "that is its own fault: try again in an hour",
}
