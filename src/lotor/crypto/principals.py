"""User principal names in certificates of persons, as Active Directory's authority writes them: an alternative name of
another kind, with UTF-8 in it ([MS-PKCA] §3.1.5.2, object identifier 1.3.6.1.4.1.311.20.2.3)."""

from __future__ import annotations

from cryptography import x509

PRINCIPAL = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
MOST = 16
"""Of one certificate; a person has one."""
LONGEST = 253
"""Octets: what EAP and RADIUS carry of a name."""
_UTF8_STRING = 0x0C


def principals(alternatives: x509.SubjectAlternativeName | None) -> tuple[tuple[str, ...], str]:
    """The names, and in words what is wrong with one: then none of them counts, since nobody knows what whoever issued
    them meant."""
    found = alternatives.get_values_for_type(x509.OtherName) if alternatives else []
    values = [each.value for each in found if each.type_id == PRINCIPAL]
    if len(values) > MOST:
        return (), f"there are {len(values)} of them; {MOST} are the most"
    try:
        return tuple(dict.fromkeys(map(_name, values))), ""
    except ValueError as fault:
        return (), str(fault)


def _name(octets: bytes) -> str:
    """`user@domain` out of what stands inside of the explicit tag [0]. `ValueError`."""
    name = _text(octets)
    user, _, domain = name.partition("@")
    if not user or not domain or "@" in domain:
        raise ValueError("it is not of the form user@domain")
    if not name.isprintable():
        raise ValueError("it has control characters")
    return name


def _text(octets: bytes) -> str:
    """Of a UTF8String, whose length is the shortest form of itself (DER)."""
    if octets[:1] != bytes([_UTF8_STRING]):
        raise ValueError("it is no UTF8String")
    long = octets[1:2] == b"\x81"
    length, value = int.from_bytes(octets[1 + long : 2 + long]), octets[2 + long :]
    if length != len(value) or long is not (length > 0x7F):
        raise ValueError("its length is not that of what is there")
    if not 1 <= length <= LONGEST:
        raise ValueError(f"it has {length} octets; 1 to {LONGEST} are allowed")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
