"""All verbs by number: 1 to 9 are the signer's, 10 to 19 those of logins and leases, 20 to 29 those of sockets and the
tunnel device, 30 to 39 those of the host and its scripts, 40 to 49 those of the configuration, 50 to 59 those of the
processes themselves, 60 to 69 those by which the warden asks the process of back ends, 70 to 79 those of accounting, 80
to 89 those of what the warden keeps, 90 to 109 those by which it asks for what several gateways know together, 110 to
119 those of what is ordered of sessions, and of other gateways, 120 to 129 those by which the process of a one-time
link asks the command that started it, 130 to 139 the same of the one that speaks with an authority (ACME), 140 to 149
those of the kernel's ESP."""

from __future__ import annotations

from typing import Any

from lotor.privsep.accounting import BACKLOG, INTERIM, START, STOP
from lotor.privsep.backing import ABANDON_ROUND, ACCOUNT, BACK_ENDS, CHECK, CONFIGURE, GROUPS
from lotor.privsep.carrying import (
    ACTIVATE_PAIR,
    CLOSE_CARRIER,
    COUNT_PAIRS,
    INSTALL_PAIR,
    MOVE_PAIR,
    OPEN_CARRIER,
    PAIRS_TOLD,
    REMOVE_PAIR,
)
from lotor.privsep.certifying import AGREE, ISSUED, REFUSED_BY, SHOW_CHALLENGE, SIGN_STATEMENT
from lotor.privsep.configuring import PROVISION, PUBLIC_FILE, PUBLIC_FILES, TAKE_OVER, WITHDRAW
from lotor.privsep.demanding import DEMANDS, SETTLE
from lotor.privsep.hosting import ADMIT, ATTACH, CHANGED, CLOSED, DETACH, OPEN, PORTAL, RUN_HOOK
from lotor.privsep.leasing import ACQUIRE_LEASE, RELEASE_LEASE
from lotor.privsep.linking import SIGN_HANDSHAKE, VISITED
from lotor.privsep.living import ABOUT, FAILED, GIVEN, LIVES, READY
from lotor.privsep.logging_in import ABANDON, CHECK_LOGIN, OPEN_TICKET, SEAL_TICKET
from lotor.privsep.opening import OPEN_RAW_ESP, OPEN_TUNNEL, OPEN_UDP, SOURCE_TOWARDS
from lotor.privsep.ordering import ORDERS, OUTCOME
from lotor.privsep.reaching import CONNECTED, LOG_OUT, LOOK
from lotor.privsep.recording import BAN, BANS, LIFT, STORE_STATE
from lotor.privsep.sharing import SHARED
from lotor.privsep.signing import DERIVE_SKEYID, KEYED_AUTH, MIX_PPK, SAVED_PASSWORD, SIGN, SIGN_AUTH, SIGN_TLS
from lotor.privsep.verb import Verb

VERBS: dict[int, Verb[Any, Any]] = {
    verb.number: verb
    for verb in (
        *(SIGN, DERIVE_SKEYID, SAVED_PASSWORD, SIGN_AUTH, KEYED_AUTH, MIX_PPK, SIGN_TLS),
        *(CHECK_LOGIN, ABANDON, ACQUIRE_LEASE, RELEASE_LEASE, SEAL_TICKET, OPEN_TICKET),
        *(OPEN_UDP, OPEN_RAW_ESP, SOURCE_TOWARDS, OPEN_TUNNEL),
        *(ADMIT, ATTACH, DETACH, RUN_HOOK, CHANGED, CLOSED, OPEN, PORTAL),
        *(PROVISION, TAKE_OVER, WITHDRAW, PUBLIC_FILE, PUBLIC_FILES),
        *(READY, FAILED, ABOUT, GIVEN, LIVES, BACK_ENDS),
        *(START, INTERIM, STOP, BACKLOG),
        *(STORE_STATE, BANS, BAN, LIFT),
        *(ORDERS, OUTCOME),
        *(LOOK, CONNECTED, LOG_OUT),
        *(CONFIGURE, CHECK, ABANDON_ROUND, ACCOUNT, GROUPS, DEMANDS, SETTLE),
        *SHARED,
        *(SIGN_HANDSHAKE, VISITED),
        *(OPEN_CARRIER, CLOSE_CARRIER, INSTALL_PAIR, ACTIVATE_PAIR, REMOVE_PAIR, MOVE_PAIR, COUNT_PAIRS, PAIRS_TOLD),
        *(SIGN_STATEMENT, SHOW_CHALLENGE, AGREE, ISSUED, REFUSED_BY),
    )
}
