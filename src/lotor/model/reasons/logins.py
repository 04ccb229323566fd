"""Why a login came to nothing, at the gateway that judges it and at the client that hears of it."""

from __future__ import annotations

from typing import ClassVar, Literal

from lotor.model.kinds import Kind
from lotor.model.network import Address
from lotor.model.reason import Cause, Reason, Told, filled

# --- the gateway -----------------------------------------------------------------------------------------------------


class LoginReason(Reason):
    """Base. `user` as the client spelled it. `objection` is what stands against the login, a format string like `line`.
    `words` are for the person at the client; empty: the person hears no more than that the login was refused."""

    cause = Cause.LOGIN_REFUSED
    line = "login of {name} refused: {clause}"
    objection: ClassVar[str]
    words: ClassVar[str] = ""
    user: str

    @property
    def name(self) -> str:
        return self.user or "nobody"

    @property
    def clause(self) -> str:
        return filled(self.objection, self)

    @property
    def message(self) -> str:
        return self.words


class UnknownUser(LoginReason):
    """There is no user of that name. The client cannot tell it from a wrong password."""

    kind = Kind.LOGIN_UNKNOWN_USER
    objection = "unknown user"


class WrongPassword(LoginReason):
    """The user exists, and the password is another one; with `auth_source local` also that of a locked user."""

    kind = Kind.LOGIN_WRONG_PASSWORD
    objection = "wrong password"


class Locked(LoginReason):
    """Somebody locked the user or the account on purpose, or a directory did after wrong passwords."""

    kind = Kind.LOGIN_ACCOUNT_LOCKED
    objection = "the {entry} is locked"
    entry: Literal["user", "account"]


class AccountExpired(LoginReason):
    """The account is over its date, as shadow, PAM or a directory says; the password was right. `said` is for the
    person."""

    kind = Kind.LOGIN_ACCOUNT_EXPIRED
    objection = "the account expired"
    said: str = ""

    @property
    def message(self) -> str:
        return self.said


class PasswordExpired(LoginReason):
    """The password was right, and is older than shadow or a directory allows."""

    kind = Kind.LOGIN_PASSWORD_EXPIRED
    objection = "the password expired"


class PasswordDue(LoginReason):
    """The password was right, and shadow, PAM or a directory demands a new one before the next login. `said` is for the
    person."""

    kind = Kind.LOGIN_PASSWORD_DUE
    objection = "the password must be changed before the next login"
    said: str = ""

    @property
    def message(self) -> str:
        return self.said


class NotInGroup(LoginReason):
    """The password was right, and the user is in none of the groups of `auth_groups`."""

    kind = Kind.LOGIN_NOT_IN_GROUP
    objection = "not in a group of auth_groups ({groups})"
    groups: str


class UserExpired(LoginReason):
    """The password was right, and the last day of the user of `auth_source local`, or of the group, is over."""

    kind = Kind.LOGIN_USER_EXPIRED
    objection = "the user's last day was {day}"
    words = "your access has ended: ask the gateway's administrator"
    told = Told.PERSON
    day: str


class Ikev1Ended(LoginReason):
    """The login was right, and came by IKEv1, which nobody takes from the user any more (`ikev1_until`)."""

    kind = Kind.LOGIN_IKEV1_ENDED
    objection = "IKEv1 ended for the user on {day}"
    words = "IKEv1 ended for you on {day}: connect by IKEv2"
    told = Told.PERSON
    day: str

    @property
    def message(self) -> str:
        return filled(self.words, self)


class SecondFactorMissing(LoginReason):
    """The password was right; a group of the user requires a second factor, and the user has none yet."""

    kind = Kind.LOGIN_SECOND_FACTOR_MISSING
    objection = "a group requires a second factor, and the user has none"
    words = "you need a second factor, and have none yet: ask the gateway's administrator"
    told = Told.PERSON


class NoNtHash(LoginReason):
    """Without an NT hash of the password nobody can judge MSCHAPv2. The client cannot tell it from a wrong password."""

    kind = Kind.LOGIN_NO_NT_HASH
    objection = "MSCHAPv2 needs an NT hash, and the user has none: 'lotor user passwd --mschap {user}' makes one"


class NtHashClosed(LoginReason):
    """The user has an NT hash, which no key of this gateway opens. The client cannot tell it from a wrong password."""

    kind = Kind.LOGIN_NT_HASH_CLOSED
    objection = "no key of this gateway opens the NT hash: 'lotor user passwd --mschap {user}' makes a new one"


class SecondFactorNeedsCode(LoginReason):
    """The password was right, and MSCHAPv2 has no place for the code of the user's second factor."""

    kind = Kind.LOGIN_SECOND_FACTOR_NEEDS_CODE
    objection = "the password is right, and MSCHAPv2 has no place for the code of the second factor"
    words = "this way of logging in has no place for your code: ask the gateway's administrator for another one"
    told = Told.PERSON


class WrongCode(LoginReason):
    """The password was right, and the code of the second factor is another one, too old, or used already."""

    kind = Kind.LOGIN_WRONG_CODE
    objection = "the password is right, the code is wrong or was used before"
    words = "the code is wrong, or was used before: wait for the next one"
    told = Told.PERSON


class TooManyCodes(LoginReason):
    """The password was right; after many wrong codes none counts for a while. Somebody else may know the password."""

    kind = Kind.LOGIN_TOO_MANY_CODES
    objection = "the password is right, and after many wrong codes none counts for {seconds} s"
    words = "too many wrong codes: wait an hour, or ask the gateway's administrator"
    told = Told.PERSON
    seconds: int


class RootNever(LoginReason):
    """Root never logs in by `auth_source system`, whatever the password."""

    kind = Kind.LOGIN_ROOT
    objection = "root never logs in here"


class HostClosed(LoginReason):
    """The host takes no logins now: its nologin file exists."""

    kind = Kind.LOGIN_HOST_CLOSED
    objection = "{file} exists: nobody but root may log in to this host now"
    file: str


class ServerRefused(LoginReason):
    """A server of logins refused it, and tells nobody whether it knows the user. `said` is its message to the person,
    who sees it."""

    kind = Kind.LOGIN_SERVER_REFUSED
    objection = "{server} refused it{saying}"
    server: str
    said: str = ""

    @property
    def saying(self) -> str:
        return f', and says "{self.said}"' if self.said else ""

    @property
    def message(self) -> str:
        return self.said


class OtherService(LoginReason):
    """The password was right, and the server gives the user another service than a tunnel (RFC 2865 §5.6)."""

    kind = Kind.LOGIN_OTHER_SERVICE
    objection = "{server} gives the user another service than a tunnel (Service-Type {service})"
    server: str
    service: int


class PamRefused(LoginReason):
    """The modules of `auth_source pam` refused it. `step`: auth (who is it?), account (may he?) or credentials;
    `detail` as PAM puts it; `said`: what the modules said to the person."""

    kind = Kind.LOGIN_PAM_REFUSED
    objection = "PAM refused it ({step}): {detail}"
    step: str
    detail: str
    said: str = ""

    @property
    def message(self) -> str:
        return self.said


class SeveralEntries(LoginReason):
    """More than one entry of the directory has the login name, so that nobody can say whose password counts."""

    kind = Kind.LOGIN_SEVERAL_ENTRIES
    objection = "several entries of the directory have this {attribute}: it must be one of a kind below base"
    attribute: str


class DirectoryRefused(LoginReason):
    """The directory knows the user, and does not take the login for another reason than the password. `detail` is its
    own words."""

    kind = Kind.LOGIN_DIRECTORY_REFUSED
    objection = "the directory refuses it: {detail}"
    detail: str


class NoName(LoginReason):
    """The client sent no login name, or one that is no printable text of a sensible length."""

    kind = Kind.LOGIN_NO_NAME
    objection = "the client sent no usable login name"


class AnswerTooLong(LoginReason):
    """An answer of the client is too long to be a password."""

    kind = Kind.LOGIN_ANSWER_TOO_LONG
    objection = "an answer of more than {most} octets"
    most: int


class OneRound(LoginReason):
    """The back end asks for more, and the client's way to log in has no second question."""

    kind = Kind.LOGIN_ONE_ROUND
    objection = "a code is asked for, and {way} has no second question: it is typed behind the password"
    words = "a code is needed too: type it behind the password"
    way: str

    @property
    def message(self) -> str:
        return self.words


class NoVerdict(LoginReason):
    """The back end asked for more in every round that one login may take."""

    kind = Kind.LOGIN_NO_VERDICT
    objection = "no verdict after {rounds} rounds"
    rounds: int


class NobodyLogsIn(LoginReason):
    """The configuration has no mode_cfg section: it is that of a client."""

    kind = Kind.LOGIN_NOT_CONFIGURED
    objection = "this configuration has no mode_cfg section, so nobody logs in here"


# --- the gateway, where nobody looked at the password ----------------------------------------------------------------

AGAIN = "try again"
LATER = f"the gateway cannot check logins now: {AGAIN} later, and tell its administrator"
BUSY = f"the gateway is busy with other logins: {AGAIN} in a moment"


class Unjudged(LoginReason):
    """Base: nothing was said against the password, and the attempt counts as no guess."""

    cause = Cause.NOT_JUDGED
    told = Told.PERSON


class Throttled(Unjudged):
    """Many guesses from the same place stand in line: an answer would take too long."""

    kind = Kind.LOGIN_THROTTLED
    objection = "too many attempts from there are waiting for an answer already"
    words = f"too many logins from your address are waiting: {AGAIN} in a minute"


class BannedForNow(Unjudged):
    """The login, or the address it came from, is banned: by an administrator, or after many wrong logins. Nobody
    looked at the password, but where it is the back end's own name for the user that is banned."""

    kind = Kind.LOGIN_BANNED
    objection = "banned, see lotor ban list"
    words = "no login from your address, or by this name, is taken for a while: ask the administrator of the gateway"


class Busy(Unjudged):
    """More logins wait for a processor than could be answered in a useful time."""

    kind = Kind.LOGIN_GATEWAY_BUSY
    objection = "{waiting} logins are waiting already"
    words = BUSY
    waiting: int


class Closing(Unjudged):
    """The gateway ends, and the login was still waiting."""

    kind = Kind.LOGIN_GATEWAY_CLOSING
    objection = "the gateway is closing"
    words = BUSY


class AccountChanged(Unjudged):
    """The user's entry changed while the password was checked."""

    kind = Kind.LOGIN_ACCOUNT_CHANGED
    objection = "the account was changed while the password was checked"
    words = f"your account was changed just now: {AGAIN}"


class AnswerLate(Unjudged):
    """The answer to a further question, as for a code of the second factor, came too late, under another name, or to a
    login that the gateway does not know any more: nobody waits longer than two minutes (`auth_source local`), three
    (PAM) or five (RADIUS), and the place may be needed for others."""

    kind = Kind.LOGIN_ANSWER_LATE
    objection = "the answer came too late, or to a login that is not known any more"
    words = f"your answer came too late: {AGAIN}"


class NotShownThere(Unjudged):
    """The `auth_source` cannot judge what the client shows in the place of a password."""

    kind = Kind.LOGIN_NOT_SHOWN_THERE
    objection = "auth_source {source} cannot judge {what}"
    words = "the gateway cannot check logins of this kind: tell its administrator"
    source: str
    what: str


class BackEndFault(Unjudged):
    """The back end cannot judge: a file cannot be read, it does not answer, or it broke. `detail` says which."""

    kind = Kind.LOGIN_BACK_END_FAULT
    objection = "{detail}"
    words = LATER
    detail: str


# --- the gateway, where the login is right ---------------------------------------------------------------------------


class AlreadyConnected(Reason):
    """The person is logged in from elsewhere, and `unique refuse` allows one session each."""

    kind = Kind.ALREADY_CONNECTED
    cause = Cause.ALREADY_CONNECTED
    line = "{user} is logged in already from {address}"
    told = Told.PERSON
    user: str
    address: Address


class TooManySessions(Reason):
    """The person has as many sessions as `max_sessions` of the block, or the login itself, allows; `limit` says
    which."""

    kind = Kind.TOO_MANY_SESSIONS
    cause = Cause.ALREADY_CONNECTED
    line = "{user} is logged in already {sessions} times, {limit} is {most}"
    told = Told.PERSON
    user: str
    sessions: int
    most: int
    limit: str = "max_sessions"


# --- the client ------------------------------------------------------------------------------------------------------


class SilentAtLogin(Reason):
    """The gateway fell silent when it had the login. It may be gone; OpenIKED treats a wrong password so."""

    kind = Kind.SILENT_AT_LOGIN
    cause = Cause.NO_ANSWER
    line = "no answer from {gateway} to the login{of_whom}: it is gone, or silent at a wrong password, as OpenIKED is"
    told = Told.PERSON
    gateway: Address
    user: str

    @property
    def of_whom(self) -> str:
        return f" of {self.user}" if self.user else ""


class RefusedThere(Reason):
    """The gateway refused the login, and does not say why."""

    kind = Kind.LOGIN_REFUSED
    cause = Cause.LOGIN_REFUSED
    line = "gateway {gateway} refused the login{of_whom}"
    told = Told.PERSON
    gateway: Address
    user: str
    of_whom = SilentAtLogin.of_whom


class RefusedWithWords(Reason):
    """The gateway refused the login, with words for the person. They are shown, and nothing is concluded from them."""

    kind = Kind.LOGIN_REFUSED_WITH_WORDS
    cause = Cause.LOGIN_REFUSED
    line = "gateway {gateway} refused the connection: {words}"
    told = Told.PERSON
    gateway: Address
    words: str


class UnjudgedThere(RefusedWithWords):
    """The gateway says that it has not looked at the password."""

    kind = Kind.LOGIN_NOT_JUDGED
    cause = Cause.NOT_JUDGED


class ConnectedElsewhere(RefusedWithWords):
    """The gateway says that the login is right, and that the person has another session."""

    kind = Kind.ALREADY_CONNECTED_ELSEWHERE
    cause = Cause.ALREADY_CONNECTED


class NoAddressThere(RefusedWithWords):
    """The gateway says that the login is right, and that it has no address to give."""

    kind = Kind.NO_ADDRESS_GIVEN
    cause = Cause.POOL_EXHAUSTED


class NoLoginGiven(Reason):
    """Nobody gave the login before the connection began."""

    kind = Kind.LOGIN_NOT_GIVEN
    cause = Cause.LOGIN_DECLINED
    line = "no login was given"
    told = Told.PERSON


class NobodyAnswers(Reason):
    """The gateway asks for more, and there is no person or file to give it. `again`: it asked before."""

    kind = Kind.LOGIN_NOT_ANSWERED
    cause = Cause.LOGIN_DECLINED
    line = "the gateway asks{once_more} for {wants}, and nobody is there to answer"
    told = Told.PERSON
    wants: str
    again: bool = False

    @property
    def once_more(self) -> str:
        return " again" if self.again else ""


class PersonNotAsked(Reason):
    """The person could not be asked; `detail` says what broke."""

    kind = Kind.PERSON_NOT_ASKED
    cause = Cause.LOGIN_DECLINED
    line = "the person could not be asked: {detail}"
    detail: str
