"""Failures that can be told better than by their cause alone: what each looks like, and what helps."""

from __future__ import annotations

from collections.abc import Callable

from lotor.explain.attempts import Attempt
from lotor.model.algorithms import AuthMethod
from lotor.model.frozen import frozen
from lotor.model.kinds import Kind
from lotor.model.policy import Side
from lotor.model.reason import Cause
from lotor.model.reasons.proposals import Misfit, NoProposal
from lotor.model.reasons.protocol import QuickModeRefused
from lotor.wire.v1.numbers import NotifyType

SILENT = frozenset({Cause.NO_ANSWER, Cause.DEAD_PEER})
WITH_KEY = frozenset(each.value for each in AuthMethod if each.pre_shared_key)
OUT_OF_DATE = (Kind.CERTIFICATE_EXPIRED, Kind.CERTIFICATE_NOT_YET_VALID)
WRONG_IDENTITY = NotifyType.INVALID_ID_INFORMATION.name


@frozen
class Case:
    """`side` None: at both ends."""

    side: Side | None
    fits: Callable[[Attempt], bool]
    fix: str


def fix_of(attempt: Attempt) -> str:
    """Empty where nothing is known but the cause."""
    own = (case for case in _CASES if case.side in {None, attempt.side})
    return next((case.fix for case in own if case.fits(attempt)), "")


def _of(*kinds: Kind) -> Callable[[Attempt], bool]:
    return lambda attempt: attempt.reason is not None and attempt.reason.kind in kinds


def _silent_after(step: Callable[[Attempt], bool]) -> Callable[[Attempt], bool]:
    return lambda attempt: _cause(attempt) in SILENT and step(attempt)


def _blocked(attempt: Attempt) -> bool:
    """Phase 1 went on at port 4500, where nothing came back."""
    return _left_waiting(attempt) and not attempt.reached


def _left_waiting(attempt: Attempt) -> bool:
    """Nothing came of phase 1."""
    return bool(attempt.established) and not (attempt.rounds or attempt.inner or attempt.pairs)


def _goes_not_on(attempt: Attempt) -> bool:
    silent = _cause(attempt) in SILENT or _of(Kind.STALLED)(attempt)
    return silent and _left_waiting(attempt) and attempt.reached


def _proved_here(attempt: Attempt) -> bool:
    """Of IKEv2: the client has heard this end's proof, with which the first answer under the keys begins."""
    return attempt.by_ikev2 and _left_waiting(attempt)


def _never_proved_here(attempt: Attempt) -> bool:
    """Of IKEv2: nothing came under the keys that both agreed on."""
    return attempt.by_ikev2 and _unproved(attempt)


def _unproved(attempt: Attempt) -> bool:
    return bool(attempt.chosen) and not attempt.established


def _keyed(attempt: Attempt) -> bool:
    return _unproved(attempt) and attempt.method in WITH_KEY


def _keyed_in_main_mode(attempt: Attempt) -> bool:
    """Both keys are needed to read the third pair of messages."""
    return attempt.mode.startswith("main") and attempt.method in WITH_KEY and not attempt.established


def _other_key(attempt: Attempt) -> bool:
    """Also where the peer's key fits and the peer refuses: then this end's key does not fit there."""
    fits = attempt.method in WITH_KEY and bool(attempt.verdict) and attempt.disbelieved is None
    differs = _of(Kind.PSK_DIFFERS, Kind.PSK_DIFFERS_LIKELY)(attempt) or fits
    return not attempt.established and _cause(attempt) is Cause.PROTOCOL and differs


def _brings_an_address(attempt: Attempt) -> bool:
    refused = isinstance(attempt.reason, QuickModeRefused) and attempt.reason.notify == WRONG_IDENTITY
    return refused and bool(attempt.established) and not attempt.inner


def _other_pfs(attempt: Attempt) -> bool:
    return any(each.misses(Misfit.PFS_GROUP) for each in _proposals(attempt))


def _no_pair(attempt: Attempt) -> bool:
    return bool(attempt.established) and any(isinstance(each, NoProposal) for each in attempt.met)


def _proposals(attempt: Attempt) -> list[NoProposal]:
    return [each for each in (*attempt.met, attempt.reason) if isinstance(each, NoProposal)]


def _cause(attempt: Attempt) -> Cause | None:
    return attempt.reason.cause if attempt.reason is not None else None


GATEWAY, CLIENT = Side.GATEWAY, Side.CLIENT
SAME_SAINFO = (
    "make sainfo the same at both ends: encryption_algorithm, authentication_algorithm, pfs_group and lifetime"
)
SAME_KEY = "write the same key for this peer into the files of pre-shared keys of both ends (path pre_shared_key)"
SAME_PPK = "write the same PPK by the same name into the files of PPKs of both ends (path ppk)"
_CASES = (
    # the first that fits
    Case(
        GATEWAY,
        _of(Kind.LOGIN_UNKNOWN_USER),
        "compare the spelling with the person; lotor user add NAME makes a user where auth_source is local, useradd "
        "where it is system",
    ),
    Case(
        GATEWAY,
        _of(Kind.LOGIN_ACCOUNT_LOCKED),
        "the user is locked on purpose: ask who did it; lotor user unlock NAME where auth_source is local, usermod -U "
        "NAME where it is system",
    ),
    Case(
        GATEWAY,
        _of(Kind.LOGIN_ACCOUNT_EXPIRED, Kind.LOGIN_PASSWORD_EXPIRED, Kind.LOGIN_PASSWORD_DUE),
        "chage -l NAME tells the dates of the account; passwd NAME or chage -E sets new ones",
    ),
    Case(
        GATEWAY,
        _of(Kind.LOGIN_NOT_IN_GROUP),
        "take the user into a group of auth_groups (usermod -aG GROUP NAME), if the person is to come in at all",
    ),
    Case(
        GATEWAY,
        _of(Kind.LOGIN_USER_EXPIRED),
        "lotor user set NAME expires=DAY gives the user another last day, lotor user set NAME expires= none",
    ),
    Case(
        GATEWAY,
        _of(Kind.LOGIN_IKEV1_ENDED),
        "set the device up for IKEv2 (docs/ikev2.md, lotor profile); another ikev1_until of the user, the group or "
        "mode_cfg gives IKEv1 another last day",
    ),
    Case(
        GATEWAY,
        _of(Kind.LOGIN_SECOND_FACTOR_MISSING),
        "lotor user totp on NAME gives the user a second factor; lotor user group NAME tells what a group requires",
    ),
    Case(
        GATEWAY,
        _of(Kind.LOGIN_NO_NT_HASH, Kind.LOGIN_NT_HASH_CLOSED),
        "lotor user passwd --mschap NAME stores what MSCHAPv2 needs; in a fleet type it at a gateway with fleet_key",
    ),
    Case(
        GATEWAY,
        _of(Kind.LOGIN_ONE_ROUND),
        "the person types the code right behind the password; a client with EAP-GTC, also inside of EAP-TTLS, is asked "
        "for it by itself",
    ),
    Case(
        None,
        _of(Kind.EAP_TLS_FAILED),
        "where it says UnknownCA, BadCertificate or CertificateUnknown, an end lacks the authority of the other: the "
        "client needs the gateway's ca.crt for EAP, too, and the gateway ca_type for certificates of persons. "
        "CertificateRequired: the client has none. Versions: both ends need TLS 1.2 or 1.3",
    ),
    Case(
        GATEWAY,
        _of(Kind.LOGIN_SECOND_FACTOR_NEEDS_CODE),
        "give the device EAP-TTLS with PAP, or EAP-GTC, which have a place for the code; or lotor user totp off NAME",
    ),
    Case(
        GATEWAY,
        _of(Kind.LOGIN_NOT_SHOWN_THERE),
        "MSCHAPv2 needs auth_source local, with lotor user passwd --mschap NAME, or auth_source radius, to whose "
        "server EAP is passed on; passwords of system, pam and ldap come by EAP-TTLS with PAP, or EAP-GTC",
    ),
    Case(
        GATEWAY,
        _of(Kind.LOGIN_WRONG_CODE),
        "compare the clocks of this host and of the phone; a new phone needs lotor user totp on NAME, and a recovery "
        "code stands in for a lost one. If it was not the person: lotor user passwd NAME, for the password is known",
    ),
    Case(
        GATEWAY,
        _of(Kind.LOGIN_TOO_MANY_CODES),
        "ask the person: if somebody else tries codes, the password is known, and lotor user passwd NAME sets a new "
        "one, which also ends the wait",
    ),
    Case(
        GATEWAY,
        _of(Kind.LOGIN_PAM_REFUSED),
        "journalctl -t lotor has what the modules of PAM logged; auth: name, password or code; account: the account "
        "lines of the service say no (docs/pam.md)",
    ),
    Case(GATEWAY, _of(Kind.LOGIN_ROOT), "give the person an account: root never logs in here"),
    Case(
        GATEWAY,
        _of(Kind.LOGIN_WRONG_PASSWORD),
        "ask the person to type it again; lotor user passwd NAME sets a new one where auth_source is local, passwd "
        "NAME where it is system",
    ),
    Case(
        GATEWAY,
        _of(Kind.LOGIN_SERVER_REFUSED),
        "the log of the RADIUS server says why: a wrong password, an unknown user, or a rule of its own",
    ),
    Case(
        GATEWAY,
        _of(Kind.LOGIN_SEVERAL_ENTRIES),
        "name a narrower base in ldapcfg, or an attr_user that every user has for himself",
    ),
    Case(
        GATEWAY,
        _of(Kind.LOGIN_DIRECTORY_REFUSED),
        "the directory's own words stand beside it: lift the lock of the entry, or give it a password, there",
    ),
    Case(
        GATEWAY,
        _of(Kind.LOGIN_OTHER_SERVICE),
        "let the server answer with Service-Type Framed-User, or with none, for users of the tunnel",
    ),
    Case(
        GATEWAY,
        _of(Kind.POOL_NOT_CONFIGURED, Kind.MODE_CFG_NOT_CONFIGURED),
        "add mode_cfg { network4 ADDRESS; pool_size NUMBER; } to the configuration, then lotor reload",
    ),
    Case(
        GATEWAY,
        _of(Kind.GRANT_OUTSIDE_POOL),
        "correct the address that the back end of logins grants, make the pool large enough for it (network4, "
        "pool_size), or let it be in a granted_network of mode_cfg",
    ),
    Case(
        GATEWAY,
        _of(Kind.GRANT_IN_USE),
        "lotor status tells who has the address: end that session, or grant each user another address",
    ),
    Case(
        GATEWAY,
        _of(Kind.GRANT_INSIDE),
        "correct the address that the back end of logins grants, or name it in a granted_network of mode_cfg if no "
        "host inside has it",
    ),
    Case(
        GATEWAY,
        _of(Kind.GRANT_POOL_UNKNOWN, Kind.GRANT_FILTER_UNKNOWN),
        "correct the name that the back end of logins grants, or add that pool to mode_cfg, or rules for that filter "
        "to network; unkept_grants note; in mode_cfg lets the person in without it",
    ),
    Case(
        GATEWAY,
        _of(Kind.GRANT_RATE_UNKEPT),
        "engine userspace; keeps rates; or take the rate out of the back end of logins; unkept_grants note; in "
        "mode_cfg lets the person in without it",
    ),
    Case(
        GATEWAY,
        _of(Kind.GRANT_MISSING),
        "let the back end of logins grant an address (Framed-IP-Address), or add network4 and pool_size to mode_cfg",
    ),
    Case(
        GATEWAY,
        _of(Kind.FLEET_AWAY),
        "look at lotor status and at the database; while_store_away known; lets in whoever has an address still",
    ),
    Case(GATEWAY, _of(Kind.POOL_FAULT), "mend what the journal names, then let the person connect again"),
    Case(
        CLIENT,
        _of(
            Kind.POOL_NOT_CONFIGURED,
            Kind.MODE_CFG_NOT_CONFIGURED,
            Kind.GRANT_OUTSIDE_POOL,
            Kind.GRANT_IN_USE,
            Kind.GRANT_INSIDE,
            Kind.GRANT_POOL_UNKNOWN,
            Kind.GRANT_FILTER_UNKNOWN,
            Kind.GRANT_RATE_UNKEPT,
            Kind.GRANT_MISSING,
            Kind.POOL_FAULT,
            Kind.FLEET_AWAY,
        ),
        "ask the gateway's administrator: its journal says why no address was given",
    ),
    Case(
        GATEWAY,
        _of(*OUT_OF_DATE),
        "the client needs a new certificate; if the date is this host's mistake, set its clock",
    ),
    Case(
        CLIENT,
        _of(*OUT_OF_DATE),
        "look at the clock of this host first; if it is right, the gateway's administrator makes a new certificate "
        "(lotor pki gateway). No password was sent",
    ),
    Case(
        CLIENT,
        _of(Kind.CERTIFICATE_OTHER_NAME, Kind.IDENTITY_NOT_CERTIFIED_GATEWAY),
        "call the gateway by a name that its certificate has, or do what the reason says once its administrator told "
        "you that it is the right one. No password was sent",
    ),
    Case(
        GATEWAY,
        _of(Kind.EAP_NO_COMMON_METHOD),
        "add the method to eap of the remote block (docs/ikev2.md says which users it can judge), let the RADIUS "
        "server offer it, or set the device up for one that is there",
    ),
    Case(
        CLIENT,
        _of(Kind.EAP_METHOD_NOT_AGREED),
        "ask the administrator by which method people log in, and name it in eap of the remote block; a password is "
        "not shown by a method that nobody named here",
    ),
    Case(
        CLIENT,
        _of(Kind.EAP_SERVER_NOT_PROVED, Kind.CERTIFICATE_OTHER_SERVER),
        "ask the administrator whether a RADIUS server judges logins, by which name and which authority: write them "
        "into eap_server and ca_type; without eap_server only the gateway itself counts. No password was sent",
    ),
    Case(
        GATEWAY,
        _of(Kind.IDENTITY_NOT_CERTIFIED_PERSON),
        "let the person's device give the name that the certificate has (the identity of EAP), or issue a certificate "
        "with that name; one of Windows has it as user principal name",
    ),
    Case(
        GATEWAY,
        _of(Kind.PSK_UNKNOWN_PEER),
        "add that line if this is a client of yours; else leave the stranger outside",
    ),
    Case(None, _other_key, SAME_KEY),
    Case(None, _of(Kind.PPK_DIFFERS), SAME_PPK),
    Case(GATEWAY, _of(Kind.PPK_UNKNOWN), f"if this is a client of yours, add that line: {SAME_PPK}"),
    Case(
        GATEWAY,
        _of(Kind.PPK_MISSING),
        "give the client its PPK (lotor: path ppk and ppk on; strongSwan: ppk_id), or let it in without by ppk on;",
    ),
    Case(CLIENT, _of(Kind.PPK_UNKNOWN), f"add a line for that gateway: {SAME_PPK}; ppk on; goes without"),
    Case(
        CLIENT,
        _of(Kind.PPK_NOT_USED),
        "ask the gateway's administrator for a PPK; ppk on; goes without one, until quantum computers read what was "
        "recorded",
    ),
    Case(
        CLIENT,
        _of(Kind.PROVED_ONCE_THERE),
        "write what the gateway wants: my_auth pubkey; or my_auth eap;",
    ),
    Case(
        CLIENT,
        _of(Kind.PPK_REFUSED),
        f"the gateway's journal says whether it knows the PPK: {SAME_PPK}",
    ),
    Case(
        CLIENT,
        _brings_an_address,
        "the gateway takes no address that a client brings: write mode_cfg on; into the remote block, to get one there",
    ),
    Case(
        GATEWAY,
        _of(Kind.PROOF_NOT_ACCEPTED),
        "the client refused this gateway's certificate, and its own log says why: mostly it has another authority "
        "(ca_type), or called the gateway by a name or an address that the certificate does not have",
    ),
    Case(
        CLIENT,
        _of(Kind.PROOF_NOT_ACCEPTED),
        "the gateway refused this host's certificate, key or identity (certificate_type, my_identifier), and its "
        "journal says why",
    ),
    Case(
        GATEWAY,
        _other_pfs,
        "let pfs_group of sainfo be what the client does, or change the client (lotor: pfs_group in sainfo; vpnc: "
        "Perfect Forward Secrecy dh14)",
    ),
    Case(
        None,
        _of(Kind.CHILD_TAKEN_AWAY),
        "see that no program or script of this host takes away SAs that are not its own: setkey -F and ip xfrm state "
        "flush take all (docs/kernel.md)",
    ),
    Case(None, _of(Kind.CHILD_LEFT_BEHIND), "correct what the line before it in the log says that this host refused"),
    Case(CLIENT, _other_pfs, "let pfs_group of sainfo be what the gateway has; its journal names it"),
    Case(None, _no_pair, SAME_SAINFO),
    Case(
        CLIENT,
        _silent_after(_keyed_in_main_mode),
        f"in main mode a peer that falls silent here mostly holds another key: {SAME_KEY}",
    ),
    Case(
        CLIENT,
        _goes_not_on,
        "the gateway answers, at UDP port 4500 too, but does not go on after phase 1: its journal says why",
    ),
    Case(
        CLIENT,
        _silent_after(_blocked),
        "the gateway answered at UDP port 500, and nothing came back at port 4500: let UDP 4500 through in both "
        "directions on every firewall and router on the way",
    ),
    Case(
        GATEWAY,
        _silent_after(_proved_here),
        "the client fell silent after our proof: mostly it does not accept our certificate (Windows shows 13801, Apple "
        "and Android no reason), and lotor check --explain tells what each device finds wrong with it; else a firewall "
        "on the way stops large datagrams (ike_frag on)",
    ),
    Case(
        GATEWAY,
        _silent_after(_never_proved_here),
        "the client agreed on keys, and what follows never came: let UDP 4500 through, to which it goes on, and large "
        "datagrams (ike_frag on)",
    ),
    Case(
        GATEWAY,
        _silent_after(_keyed_in_main_mode),
        f"the client fell silent, or what it sent could not be read: mostly it holds another key; {SAME_KEY}",
    ),
    Case(
        GATEWAY,
        _silent_after(_keyed),
        "the client fell silent after our proof: mostly it holds another key; else UDP 4500 is stopped on the way, to "
        "which it goes on behind a NAT",
    ),
    Case(
        GATEWAY,
        _silent_after(_unproved),
        "the client fell silent after our proof: it does not accept our certificate (its own log says why), or a "
        "firewall on the way stops UDP 4500, to which it goes on behind a NAT, or large datagrams (ike_frag on)",
    ),
)
