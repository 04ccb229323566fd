"""Who a certificate of a person says logs in: by its user principal names, its addresses of mail, or its CN.

What counts is the name as the certificate spells it. The name that a client gives only chooses among several.
"""

from __future__ import annotations

from lotor.crypto.certificates import Certificate


def person(said: bytes, leaf: Certificate, *, by_subject: bool) -> str | None:
    """The name of the certificate that is the one that the client gave, but for the case of ASCII letters and a full
    stop at its end; None: it vouches for no such name. `by_subject` False: an authority has constraints, which reach
    neither the subject nor principal names."""
    given = said.lower().removesuffix(b".")
    names = persons(leaf, by_subject=by_subject)
    return next((each for each in names if each.encode(errors="replace").lower() == given), None)


def persons(leaf: Certificate, *, by_subject: bool = True) -> tuple[str, ...]:
    """All names by which its holder may log in, the first of which is the usual one. The subject counts where the
    alternative names have none for its kind, and a common name if it is the only one: those of a directory have the
    name of a container as well."""
    mails = (*(leaf.principals if by_subject else ()), *leaf.emails)
    common = leaf.subject.values("CN") if by_subject else ()
    usual = common if len(common) == 1 else ()
    if not mails and by_subject and not leaf.strange_principals:
        mails = leaf.subject.values("emailAddress") or usual
    hosts = leaf.dns_names if leaf.has_alternatives else usual
    return (*(each for each in mails if "@" in each), *(each for each in hosts if not {"@", "*"} & set(each)))
