"""What a device that came by IKEv2 shows its person when it fails, and what helps there: told by what it sent, and
where it stopped."""

from __future__ import annotations

from collections.abc import Callable

from lotor.explain.attempts import Attempt
from lotor.explain.fingerprint import ANDROID, APPLE, WINDOWS, Trace, initiator
from lotor.model.frozen import frozen
from lotor.model.kinds import Kind
from lotor.model.policy import Side
from lotor.model.reason import Cause
from lotor.model.reasons.proposals import NoProposal

POLICY = (
    "as administrator Set-VpnConnectionIPsecConfiguration -ConnectionName NAME -EncryptionMethod GCMAES256 "
    "-IntegrityCheckMethod SHA256 -DHGroup ECP256 -CipherTransformConstants GCMAES256 "
    "-AuthenticationTransformConstants GCMAES256 -PfsGroup None -Force"
)


@frozen
class Sight:
    """`shows`: what the person reads on the device, empty where it shows nothing of its own. `fix`: what to change,
    empty where the reason alone tells better."""

    device: str
    fits: Callable[[Attempt], bool]
    shows: str
    fix: str = ""


def sight(attempt: Attempt) -> Sight | None:
    """None for other devices and other failures, and at a client: it says itself what is wrong."""
    if attempt.side is not Side.GATEWAY or not attempt.failed or not attempt.by_ikev2:
        return None
    device = initiator(Trace(attempt.vendors, attempt.offers, attempt.nonce))
    return next((each for each in _SIGHTS if each.device == device and each.fits(attempt)), None)


def _cause(*causes: Cause) -> Callable[[Attempt], bool]:
    return lambda attempt: attempt.reason is not None and attempt.reason.cause in causes


def _kind(*kinds: Kind) -> Callable[[Attempt], bool]:
    return lambda attempt: attempt.reason is not None and attempt.reason.kind in kinds


def _no_keys(attempt: Attempt) -> bool:
    return _cause(Cause.NO_PROPOSAL)(attempt) and not attempt.established


def _no_pair(attempt: Attempt) -> bool:
    """Everything went well until traffic was to be agreed on."""
    offered = any(isinstance(each, NoProposal) for each in (*attempt.met, attempt.reason))
    return bool(attempt.established) and offered


def _unheard(attempt: Attempt) -> bool:
    """Nothing of the device came after the answer to its first message."""
    return _silent(attempt) and bool(attempt.chosen) and not attempt.established


def _disliked(attempt: Attempt) -> bool:
    """The device saw the gateway's certificate and proof, and did not go on."""
    gone = _silent(attempt) or _cause(Cause.PEER_CLOSED)(attempt) or _kind(Kind.PROOF_NOT_ACCEPTED)(attempt)
    return gone and bool(attempt.established) and not (attempt.rounds or attempt.inner or attempt.met)


_silent = _cause(Cause.NO_ANSWER, Cause.DEAD_PEER)
_untrusted = _cause(Cause.CERTIFICATE)
_refused = _cause(Cause.LOGIN_REFUSED, Cause.NOT_JUDGED)

_SIGHTS = (
    # the first that fits
    Sight(WINDOWS, _no_keys, "13868, policy match error", POLICY),
    Sight(WINDOWS, _no_pair, "13868, policy match error", POLICY),
    Sight(
        WINDOWS,
        _unheard,
        "809, no answer; or 13806, where it is to show a certificate of the machine and has none",
        "for 13806 import a certificate with its key into the machine's store, or let the connection use EAP",
    ),
    Sight(
        WINDOWS,
        _disliked,
        "13801, IKE authentication credentials are unacceptable",
        "as administrator Import-Certificate -FilePath ca.crt -CertStoreLocation Cert:\\LocalMachine\\Root, for only "
        "the machine's store counts, and dial a name that the gateway's certificate has",
    ),
    Sight(WINDOWS, _untrusted, "13801, IKE authentication credentials are unacceptable"),
    Sight(WINDOWS, _kind(Kind.LOGIN_ACCOUNT_EXPIRED, Kind.LOGIN_USER_EXPIRED), "647, the account is disabled"),
    Sight(WINDOWS, _kind(Kind.LOGIN_PASSWORD_EXPIRED, Kind.LOGIN_PASSWORD_DUE), "648, the password is expired"),
    Sight(WINDOWS, _refused, "691, and asks for name and password again"),
    Sight(
        APPLE,
        _no_keys,
        "",
        "a profile has one proposal only: lotor profile NAME --for ios writes one that this gateway takes",
    ),
    Sight(
        APPLE,
        _disliked,
        "no reason: it falls silent when it does not like the gateway's certificate",
        "install ca.crt as a profile, trust it (Settings, General, About, Certificate Trust Settings), and let Remote "
        "ID be a name that the gateway's certificate has",
    ),
    Sight(
        ANDROID,
        _disliked,
        "no reason: it falls silent when it does not like the gateway's certificate, or had to wait 15 seconds",
        "install ca.crt as a CA certificate, choose it in the connection, and let the server address be a name that "
        "the gateway's certificate has",
    ),
)
