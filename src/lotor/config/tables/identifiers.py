"""The argument of my_identifier and peers_identifier."""

from __future__ import annotations

from lotor.config.arguments import AddressOf, Either, File, Flag, Maybe, Placed, Quoted, Text
from lotor.config.choices import Case, Cases
from lotor.config.settings import Address, FileName, IdentifierSetting
from lotor.model.identity import IdKind

QUOTED = Quoted(AddressOf(None))


def _address(address: Address | None) -> IdentifierSetting:
    if address is None:
        return IdentifierSetting(IdKind.IPV4_ADDR)
    kind = IdKind.IPV4_ADDR if address.version == 4 else IdKind.IPV6_ADDR
    return IdentifierSetting(kind, str(address))


def _keyid_tag(tag: str) -> IdentifierSetting:
    return IdentifierSetting(IdKind.KEY_ID, tag)


def _keyid_file(file: FileName) -> IdentifierSetting:
    return IdentifierSetting(IdKind.KEY_ID, None, file)


_KEYID = Cases(
    (
        Case("tag", Text("a text in quotes"), _keyid_tag),
        Case("file", File(), _keyid_file),
    ),
    File(),
)


def identifier(any_address: str, any_name: str) -> Placed:
    """The forms of an identifier; the parameters say what `address` and `asn1dn` mean without a value."""
    return Placed(
        Cases(
            (
                Case("address", Maybe(Either(QUOTED, AddressOf(None))), _address, any_address),
                Case("fqdn", Text("a host name in quotes", 253), lambda s: IdentifierSetting(IdKind.FQDN, s)),
                Case(
                    "user_fqdn",
                    Text("a mail address in quotes", 253),
                    lambda s: IdentifierSetting(IdKind.USER_FQDN, s),
                ),
                Case("keyid", _KEYID, _keyid, "octets: of a file, or (tag) as written"),
                Case("keyid_use", Text("a text in quotes"), _keyid_tag, "Apple's word for keyid tag"),
                Case("keyid_file", File(), _keyid_file, "Apple's word for keyid file"),
                Case(
                    "asn1dn",
                    Maybe(Text("a name like CN=vpn.example.net in quotes")),
                    lambda s: IdentifierSetting(IdKind.DER_ASN1_DN, s),
                    any_name,
                ),
                Case("subnet", Flag(), lambda _: None, refused="no peer can be a whole network; use address"),
            )
        )
    )


def _keyid(value: IdentifierSetting | FileName) -> IdentifierSetting:
    return _keyid_file(value) if isinstance(value, FileName) else value
