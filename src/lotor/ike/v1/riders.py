"""Payloads that accompany phase 1 in every mode: vendor ids, certificates and requests for them, initial contact."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from lotor.crypto.certificates import CertificateError
from lotor.crypto.x509.pkcs7 import unwrap_certificates
from lotor.crypto.x509.received import MOST_OCTETS, MOST_RECEIVED
from lotor.ike.errors import PolicyRefusal
from lotor.ike.events import LeftOut
from lotor.ike.v1.session import V1Session
from lotor.model.algorithms import IkeSuite
from lotor.model.policy import RemotePolicy, Switch
from lotor.model.reasons.certificates import TooMany
from lotor.wire.v1.chain import Chain
from lotor.wire.v1.numbers import CertificateEncoding, NotifyType
from lotor.wire.v1.payloads import Certificate, CertificateRequest, Notification, VendorId
from lotor.wire.v1.vendors import NAT_TRAVERSALS, NatTraversal, Vendor, can_reassemble, fragmentation, recognise


def offered(remote: RemotePolicy) -> tuple[VendorId, ...]:
    """The initiator's vendor ids."""
    names: list[Vendor] = [Vendor.XAUTH, Vendor.UNITY]
    if remote.dpd.announce:
        names.append(Vendor.DPD)
    if remote.nat_traversal is not Switch.OFF:
        names += [version.vendor for version in NAT_TRAVERSALS]
    return (*(VendorId(name.value) for name in names), *_fragmentation(remote))


def echoed(remote: RemotePolicy, heard: frozenset[Vendor], version: NatTraversal | None) -> tuple[VendorId, ...]:
    """The responder's vendor ids: what the initiator announced and this end supports, and the one chosen version of NAT
    traversal."""
    names: list[Vendor] = [name for name in (Vendor.XAUTH, Vendor.UNITY) if name in heard]
    if remote.dpd.announce and Vendor.DPD in heard:
        names.append(Vendor.DPD)
    if version is not None:
        names.append(version.vendor)
    return (
        *(VendorId(name.value) for name in names),
        *(_fragmentation(remote) if Vendor.FRAGMENTATION in heard else ()),
    )


def _fragmentation(remote: RemotePolicy) -> tuple[VendorId, ...]:
    return () if remote.ike_frag is Switch.OFF else (VendorId(fragmentation()),)


def heard(chain: Chain) -> frozenset[Vendor]:
    """The vendor ids that are known here. FRAGMENTATION counts only if it covers the exchanges of this end."""
    known = set()
    for payload in chain.all(VendorId):
        vendor = recognise(payload.data)
        if vendor is not None and (vendor is not Vendor.FRAGMENTATION or can_reassemble(payload.data)):
            known.add(vendor)
    return _shared(frozenset(known))


@lru_cache(maxsize=64)
def _shared(known: frozenset[Vendor]) -> frozenset[Vendor]:
    """One set object for all peers that announce the same vendor ids."""
    return known


def certificates(session: V1Session, vendors: frozenset[Vendor]) -> tuple[Certificate, ...]:
    """Our chain, leaf first. vpnc gets the leaf alone, since it takes the last CERT as the signer's."""
    if not session.remote.send_cert:
        return ()
    chain = session.remote.certificates
    if not session.initiator and _is_vpnc(vendors) and len(chain) > 1:
        session.context.tell(LeftOut(session.id, len(chain) - 1))
        chain = chain[:1]
    return tuple(Certificate(CertificateEncoding.X509_SIGNATURE, der) for der in chain)


MOST_REQUESTS = 16
_OF_VPNC = frozenset({Vendor.UNITY, Vendor.RFC3947, Vendor.DRAFT_03, Vendor.DRAFT_01, Vendor.DRAFT_00})
_NOT_OF_VPNC = frozenset({Vendor.FRAGMENTATION, Vendor.SHREW})


def _is_vpnc(vendors: frozenset[Vendor]) -> bool:
    """Whether the peer looks like vpnc in its first message; CISCO_VPNC comes with the third."""
    return vendors >= _OF_VPNC and not vendors & _NOT_OF_VPNC


def requests(remote: RemotePolicy) -> tuple[CertificateRequest, ...]:
    """One certificate request for each authority that is trusted here, an empty name where none is configured, or all
    of the public: their names fill no message. None where the peer does not sign."""
    if not remote.send_cr or all(suite.method.pre_shared_key for suite in remote.proposals):
        return ()
    few = 0 < len(remote.authority_names) <= MOST_REQUESTS
    names = remote.authority_names if few else (b"",)
    return tuple(CertificateRequest(CertificateEncoding.X509_SIGNATURE, name) for name in names)


def requests_of_client(remote: RemotePolicy, suite: IkeSuite) -> tuple[CertificateRequest, ...]:
    """The responder's certificate requests, where the initiator signs. vpnc never signs, and fails at an unexpected
    request."""
    return requests(remote) if suite.method.signs(initiator=True) else ()


def requests_of_gateway(remote: RemotePolicy, suite: IkeSuite) -> tuple[CertificateRequest, ...]:
    """The initiator's certificate requests in main mode, where the responder signs."""
    return requests(remote) if suite.method.signs(initiator=False) else ()


def requested_issuers(said: Iterable[Chain]) -> frozenset[bytes]:
    """Names (DER) of the authorities whose certificates a peer asks for; an empty name accepts any."""
    requests = (request for chain in said for request in chain.all(CertificateRequest))
    return frozenset(one.data for one in requests if one.encoding == CertificateEncoding.X509_SIGNATURE)


def received_certificates(chain: Chain) -> tuple[bytes, ...]:
    """The peer's X.509 certificates in DER as sent, leaf first, with those in a PKCS#7 wrapping. Raises a refusal when
    they are too many or too long to look at."""
    sent = [each for each in chain.all(Certificate) if each.encoding in _X509]
    octets = sum(len(each.data) for each in sent)
    if len(sent) > MOST_RECEIVED or octets > MOST_OCTETS:
        reason = TooMany(len(sent), octets, MOST_RECEIVED, MOST_OCTETS)
        raise PolicyRefusal(reason, NotifyType.AUTHENTICATION_FAILED)
    return tuple(der for each in sent for der in _unwrapped(each))


_X509 = frozenset({CertificateEncoding.X509_SIGNATURE, CertificateEncoding.PKCS7})


def _unwrapped(sent: Certificate) -> tuple[bytes, ...]:
    """The certificates of a PKCS#7 wrapping. One that cannot be unwrapped stays as it is, so that its judge reports
    it."""
    if sent.encoding == CertificateEncoding.X509_SIGNATURE:
        return (sent.data,)
    try:
        return unwrap_certificates(sent.data)
    except CertificateError:
        return (sent.data,)


def initial_contact(session: V1Session) -> tuple[Notification, ...]:
    """INITIAL-CONTACT. A renewal does not send it, since the peer is to keep what it has with this end."""
    if not session.remote.initial_contact or session.renews is not None:
        return ()
    spi = session.spis.initiator + session.spis.responder
    return (Notification(NotifyType.INITIAL_CONTACT, spi=spi),)


def says_initial_contact(chain: Chain) -> bool:
    return any(note.type == NotifyType.INITIAL_CONTACT for note in chain.all(Notification))
