"""The judgement of a peer: signature, chain, dates, usage, name, in this order; one function can say `Trusted`.

A client judges by the gateway that a person meant; a gateway, which meant nobody, by the identity that a client claims.
"""

from __future__ import annotations

from datetime import datetime

from lotor.crypto.certificates import LEAST_RSA_BITS, Certificate, CertificateError
from lotor.crypto.ecdsa import verify_hash
from lotor.crypto.persons import person
from lotor.crypto.rsa import LEAST_EXPONENT, verify_bare
from lotor.crypto.signatures import verify
from lotor.crypto.x509.chains import Chain, ChainFault, date_fault, verify_chain
from lotor.crypto.x509.received import MOST_OCTETS, MOST_RECEIVED, KeyRefusedError, parse_received
from lotor.model.algorithms import SignatureScheme
from lotor.model.identity import Identity, IdentityPattern, IdKind
from lotor.model.judgement import PeerProof, Trusted, Untrusted
from lotor.model.reasons import certificates
from lotor.model.reasons.certificates import CertificateReason, Role
from lotor.trust import refusals
from lotor.trust.grounds import Grounds
from lotor.trust.hostnames import meant_gateway, names_gateway
from lotor.trust.identifiers import identity_certified, identity_matches
from lotor.trust.revocation import revocation_fault
from lotor.trust.specification import RemoteTrust


class _Refusal(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, reason: CertificateReason) -> None:
        super().__init__(reason)
        self.reason = reason


def judge(grounds: Grounds, proof: PeerProof, now: datetime) -> Trusted | Untrusted:
    """Fails closed: whatever is not proved is `Untrusted`, with the reason."""
    try:
        received = _received(grounds, proof)
        leaf = received[0]
        _require_signature(leaf, proof)
        if grounds.rules.peers_certfile is not None and not _is_server(grounds, proof):
            chain = _require_pinned(grounds, leaf, now, proof)
        else:
            chain = _require_chain(grounds, received, now, proof)
            _require_usage(grounds, chain, proof)
        named = str(leaf.subject) or refusals.fingerprint(leaf)
        if _gets_in(proof):
            return Trusted(named, _person(grounds, chain, proof))
        if proof.client:
            _require_client(grounds, chain, proof)
        else:
            _require_gateway(grounds, chain, proof)
    except _Refusal as refusal:
        return Untrusted(refusal.reason)
    return Trusted(named)


def _received(grounds: Grounds, proof: PeerProof) -> tuple[Certificate, ...]:
    """The peer's certificates; the pinned one where it sent none."""
    if len(proof.chain) > MOST_RECEIVED or sum(map(len, proof.chain)) > MOST_OCTETS:
        raise _Refusal(refusals.too_many(proof.chain))
    if not proof.chain and grounds.pinned and not proof.in_tls:  # TLS proved no key without a certificate
        return (grounds.pinned,)
    if not proof.chain:
        raise _Refusal(certificates.NoCertificate())
    leaf = _parse(proof.chain[0])
    return leaf, *(one for der in proof.chain[1:] if (one := _parse_helper(der)))


def _parse(der: bytes) -> Certificate:
    try:
        return parse_received(der)
    except KeyRefusedError as fault:
        raise _Refusal(certificates.UnusableKey(str(fault))) from None
    except CertificateError as fault:
        raise _Refusal(certificates.Unreadable(str(fault))) from None


def _parse_helper(der: bytes) -> Certificate | None:
    """An intermediate that cannot be read or used does not help, and does not harm."""
    try:
        return parse_received(der)
    except CertificateError:
        return None


def _require_signature(leaf: Certificate, proof: PeerProof) -> None:
    if proof.in_tls:
        fits = _fits_tls(leaf)
    elif proof.scheme is not None:
        fits = _fits_scheme(leaf, proof, proof.scheme)
    elif proof.curve is None:
        fits = _fits_rsa(leaf, proof)
    elif leaf.ecdsa_key is None or leaf.curve is not proof.curve:
        raise _Refusal(refusals.not_ecdsa(leaf, proof.curve))
    else:
        fits = verify_hash(leaf.ecdsa_key, proof.signed, proof.signature)
    if not fits:
        raise _Refusal(refusals.bad_signature(leaf))


def _fits_tls(leaf: Certificate) -> bool:
    """TLS has proved the key, which must be one that counts here."""
    if leaf.public_key is None:
        raise _Refusal(refusals.strange_key(leaf))
    if leaf.rsa_key is not None:
        _require_strength(leaf)
    return True


def _fits_scheme(leaf: Certificate, proof: PeerProof, scheme: SignatureScheme) -> bool:
    """IKEv2: the key may be of any kind, and the scheme must be one of its."""
    if leaf.public_key is None:
        raise _Refusal(refusals.strange_key(leaf))
    if leaf.rsa_key is not None:
        _require_strength(leaf)
    return verify(leaf.public_key, scheme, proof.signed, proof.signature)


def _fits_rsa(leaf: Certificate, proof: PeerProof) -> bool:
    if leaf.rsa_key is None:
        raise _Refusal(refusals.not_rsa(leaf))
    _require_strength(leaf)
    return verify_bare(leaf.rsa_key, proof.signed, proof.signature)


def _require_strength(leaf: Certificate) -> None:
    """Of an RSA key."""
    if leaf.key_bits < LEAST_RSA_BITS:
        raise _Refusal(refusals.weak_key(leaf))
    if leaf.key_exponent < LEAST_EXPONENT:
        raise _Refusal(refusals.weak_exponent(leaf))


def _require_pinned(grounds: Grounds, leaf: Certificate, now: datetime, proof: PeerProof) -> Chain:
    if grounds.pinned is None or leaf.der != grounds.pinned.der:
        raise _Refusal(refusals.not_pinned(leaf, grounds.rules.peers_certfile, _role(proof)))
    if fault := date_fault(leaf, now):
        raise _Refusal(refusals.broken_chain(fault, (), "", now))
    return Chain((leaf,))


def _require_chain(grounds: Grounds, received: tuple[Certificate, ...], now: datetime, proof: PeerProof) -> Chain:
    if not grounds.rules.verify_cert and not _gets_in(proof):
        return Chain(received[:1])
    found = verify_chain(received[0], received[1:], grounds.anchors, now)
    if isinstance(found, ChainFault):
        raise _Refusal(refusals.broken_chain(found, grounds.anchors, grounds.anchor_place, now, _role(proof)))
    if grounds.lists and (fault := revocation_fault(found, grounds.lists, grounds.rules.crl_policy, now)):
        raise _Refusal(fault)
    return found


def _gets_in(proof: PeerProof) -> bool:
    """Whether a certificate inside of EAP is a client's login: then nothing is let pass that names nobody."""
    return proof.in_tls and proof.client


def _role(proof: PeerProof) -> Role:
    return "client" if proof.client else "gateway"


def _require_usage(grounds: Grounds, chain: Chain, proof: PeerProof) -> None:
    """RFC 4945 §5.1.3: key usage and extended key usage, where they are there, allow what the peer does: those of every
    authority between the leaf and ours, too. An authority itself is no peer."""
    rules, leaf = grounds.rules, chain.leaf
    if not rules.verify_cert and not _gets_in(proof):
        return
    if leaf.authority:
        raise _Refusal(refusals.authority_as_peer(leaf, _role(proof)))
    for issuer in chain.issuers[:-1]:
        if not _allows(issuer, proof):
            raise _Refusal(refusals.wrong_usage_of_issuer(issuer, _role(proof)))
    if rules.verify_identifier is False and not proof.client:
        return
    if leaf.signs_messages is False:
        raise _Refusal(refusals.wrong_key_usage(leaf))
    if not _allows(leaf, proof):
        raise _Refusal(refusals.wrong_usage(leaf, _role(proof)))


def _allows(certificate: Certificate, proof: PeerProof) -> bool:
    return certificate.client_usage if proof.client else certificate.gateway_usage


def _is_server(grounds: Grounds, proof: PeerProof) -> bool:
    """Whether it is a server inside of EAP that is not the gateway: nothing that is said of that one counts for it."""
    return proof.in_tls and not proof.client and bool(grounds.rules.server)


def _require_gateway(grounds: Grounds, chain: Chain, proof: PeerProof) -> None:
    if _is_server(grounds, proof):
        meant = meant_gateway(grounds.rules.server, proof.address)
        if grounds.rules.verify_cert and not names_gateway(chain, meant):
            raise _Refusal(refusals.wrong_server(chain, meant))
        return
    if grounds.rules.peers_certfile is None:
        _require_name(grounds, chain, proof)
    _require_identity(grounds, chain, proof)
    if proof.scheme is not None or proof.in_tls:
        _require_shown(grounds, chain, proof.identity)


def _require_shown(grounds: Grounds, chain: Chain, identity: Identity) -> None:
    """IKEv2 (RFC 7296 §3.5): the certificate vouches for the IDr, which need not be the name that was meant. A key id
    counts where `peers_identifier` names it."""
    rules, leaf = grounds.rules, chain.leaf
    if rules.peers_certfile is not None or not rules.verify_cert or rules.verify_identifier is False:
        return
    if identity.kind == IdKind.KEY_ID and rules.verify_identifier and _is_named(rules, identity, leaf):
        return
    if not identity_certified(identity, leaf) and not _fits_wildcard(chain, identity):
        raise _Refusal(refusals.uncertified_identity(leaf, identity))


def _is_named(rules: RemoteTrust, identity: Identity, leaf: Certificate) -> bool:
    return any(one.value is not None and identity_matches(one, identity, leaf) for one in rules.peers_identifiers)


def _fits_wildcard(chain: Chain, identity: Identity) -> bool:
    return identity.kind == IdKind.FQDN and names_gateway(chain, identity.data.decode("latin-1"))


def _require_name(grounds: Grounds, chain: Chain, proof: PeerProof) -> None:
    """The certificate names the gateway that was meant, unless the administrator named it in another way."""
    rules = grounds.rules
    if rules.verify_identifier is False or not rules.verify_cert or _named_by_identifier(grounds):
        return
    meant = meant_gateway(proof.host, proof.address)
    configured = rules.address == proof.address and names_gateway(chain, proof.address)
    vouched = bool(proof.vouched) and names_gateway(chain, meant_gateway(proof.vouched, proof.address))
    if not configured and not vouched and not names_gateway(chain, meant):
        if proof.in_tls:
            raise _Refusal(refusals.wrong_server(chain, meant))
        raise _Refusal(refusals.wrong_name(chain, meant, proof.identity))


def _named_by_identifier(grounds: Grounds) -> bool:
    """Only an identifier with a value that certificates can vouch for takes the place of the gateway's name."""
    rules = grounds.rules
    patterns = rules.peers_identifiers
    return (
        rules.verify_identifier is True
        and bool(patterns)
        and all(pattern.value is not None and pattern.kind != IdKind.KEY_ID for pattern in patterns)
    )


def _require_identity(grounds: Grounds, chain: Chain, proof: PeerProof) -> None:
    rules, leaf, identity = grounds.rules, chain.leaf, proof.identity
    if rules.verify_identifier is not True:
        return
    patterns = rules.peers_identifiers
    if patterns and not any(identity_matches(pattern, identity, leaf) for pattern in patterns):
        raise _Refusal(refusals.wrong_identity(leaf, identity, "gateway"))
    if rules.peers_certfile is None and identity.kind != IdKind.KEY_ID and not identity_certified(identity, leaf):
        raise _Refusal(refusals.uncertified_identity(leaf, identity))


def _require_client(grounds: Grounds, chain: Chain, proof: PeerProof) -> None:
    """The identity that the client claims is one that the block allows, and its certificate vouches for it."""
    rules, identity = grounds.rules, proof.identity
    if rules.verify_identifier is False:
        return
    fitting = _require_allowed(rules, chain, proof)
    if rules.peers_certfile is not None or (not rules.verify_cert and rules.verify_identifier is None):
        return
    if identity.kind == IdKind.KEY_ID and any(one.value is not None for one in fitting):
        return
    if not identity_certified(identity, chain.leaf, by_subject=not _constrained(chain)):
        raise _Refusal(refusals.uncertified_client(chain.leaf, identity))


def _person(grounds: Grounds, chain: Chain, proof: PeerProof) -> str:
    """Who logs in by a certificate inside of EAP, as the certificate spells the name."""
    if grounds.rules.verify_identifier is not False:
        _require_allowed(grounds.rules, chain, proof)
    found = person(proof.identity.data, chain.leaf, by_subject=not _constrained(chain))
    if found is None:
        raise _Refusal(refusals.uncertified_person(chain, proof.identity, constrained=_constrained(chain)))
    return found


def _require_allowed(rules: RemoteTrust, chain: Chain, proof: PeerProof) -> list[IdentityPattern]:
    """By a `peers_identifier`, where there are any; those that fit."""
    fitting = [one for one in rules.peers_identifiers if identity_matches(one, proof.identity, chain.leaf)]
    if rules.peers_identifiers and not fitting:
        raise _Refusal(refusals.wrong_identity(chain.leaf, proof.identity, "client"))
    return fitting


def _constrained(chain: Chain) -> bool:
    """Whether an authority has constraints, which do not reach names inside a subject."""
    return any(issuer.constrains_names for issuer in chain.issuers)
