"""What runs in the process of one login, or of one step of a session: libpam and the modules of the service.

It is started by exec as a script, and is made of the standard library alone: nothing of the gateway is in its memory.
It speaks over one socket pair, in messages that are lists of octets. The first one says what is to be done.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
import signal
import socket
import sys
import syslog
from collections.abc import Callable, Iterator
from ctypes import CFUNCTYPE, POINTER, byref, c_char_p, c_int, c_size_t, c_uint, c_void_p, cast
from typing import Any

# --- the messages, which both ends have from here ---------------------------------------------------------------------

LONGEST_MESSAGE = 32_768
"""Octets of one message."""
MOST_PARTS = 128
LONGEST_TEXT = 1024
"""Octets of what a module says at once, and of the name of a user."""
LONGEST_SAID = 4096
"""Octets of all that modules say between two answers."""
MOST_PROMPTS = 32
"""Prompts and lines of one login, as many as PAM lets a module show at once."""
MOST_VARIABLES = 64
"""What modules leave for the environment of a session, each at most `LONGEST_VARIABLE` octets."""
LONGEST_VARIABLE = 256

LOGIN, OPEN, CLOSE = b"login", b"open", b"close"
"""To the process: service, user, password (empty but for a login), host, terminal, and what `OPEN` left (`CLOSE`)."""
ASK = b"ask"
"""From the process: whether what is typed may be seen (`SEEN`), the prompt, what was said before it. The answer is a
message of one part."""
DONE = b"done"
"""From the process, last: the step that ended it, the code of PAM, its words, the user, what was said, variables."""
SEEN, HIDDEN = b"1", b"0"
PROVED, ROOT, UNUSABLE = b"proved", b"root", b"unusable"
"""Steps that are none of PAM's: all was right; the account is root's; PAM could not be used at all."""
START, AUTHENTICATE, ACCOUNT, CREDENTIALS, SESSION = b"start", b"authenticate", b"account", b"credentials", b"session"


def packed(*parts: bytes) -> bytes:
    """Each part behind its length in four octets."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def unpacked(message: bytes) -> list[bytes]:
    """Raises `ValueError` for what `packed` does not make."""
    parts: list[bytes] = []
    place = 0
    while place < len(message):
        end = place + 4 + int.from_bytes(message[place : place + 4], "big")
        if end > len(message) or place + 4 > len(message) or len(parts) >= MOST_PARTS:
            raise ValueError("not a message of this line")
        parts.append(message[place + 4 : end])
        place = end
    return parts


# --- libpam -----------------------------------------------------------------------------------------------------------

SUCCESS, SYSTEM_ERR, PERM_DENIED, CONV_ERR = 0, 4, 6, 19
PROMPT_ECHO_OFF, PROMPT_ECHO_ON, ERROR_MSG, TEXT_INFO = 1, 2, 3, 4
USER, TTY, RHOST, RUSER, USER_PROMPT, FAIL_DELAY = 2, 3, 4, 8, 9, 10
DISALLOW_NULL_AUTHTOK, ESTABLISH_CRED, DELETE_CRED = 0x1, 0x2, 0x4

ASKS_FOR_NAME = b"lotor login: "
"""What a module asks that wants the name of the user once more."""


class _Message(ctypes.Structure):
    _fields_ = (("style", c_int), ("text", c_char_p))


class _Response(ctypes.Structure):
    _fields_ = (("text", c_void_p), ("code", c_int))


_Converse = CFUNCTYPE(c_int, c_int, POINTER(POINTER(_Message)), POINTER(POINTER(_Response)), c_void_p)
_Delay = CFUNCTYPE(None, c_int, c_uint, c_void_p)


class _Conversation(ctypes.Structure):
    _fields_ = (("converse", _Converse), ("data", c_void_p))


class Talk:
    """What modules ask and say. `ask` brings the answer of the person; name and password are known."""

    def __init__(self, user: bytes, password: bytes, ask: Callable[[bytes, bool, bytes], bytes]) -> None:
        self._user = user
        self._password = password
        self._ask = ask
        self._asked_for_password: bytes | None = None
        self._said: list[bytes] = []
        self._count = 0

    def taken(self) -> bytes:
        """What was said since the last question, a line each."""
        said, self._said = b"\n".join(self._said), []
        return said[:LONGEST_SAID]

    def say(self, style: int, text: bytes) -> bytes:
        """The answer to one message; empty to what is only said. `ValueError`: this cannot be answered."""
        self._count += 1
        if self._count > MOST_PROMPTS:
            raise ValueError("too many prompts")
        text = text[:LONGEST_TEXT]
        if style in {ERROR_MSG, TEXT_INFO}:
            self._said.append(text)
            return b""
        if style not in {PROMPT_ECHO_OFF, PROMPT_ECHO_ON}:
            raise ValueError("a prompt of another kind")
        return self._answer(text, seen=style == PROMPT_ECHO_ON)

    def _answer(self, text: bytes, *, seen: bool) -> bytes:
        """The first prompt without echo is for the password, and so is one that says the same: two modules of a service
        often ask for it each by itself."""
        if seen and text.strip() == ASKS_FOR_NAME.strip():
            return self._user
        if not seen and self._asked_for_password in {None, text}:
            self._asked_for_password = text
            return self._password
        answer = self._ask(text, seen, self.taken())
        if b"\0" in answer:
            raise ValueError("an answer with a NUL")
        return answer


class Pam:
    """libpam, for one user of one service. Raises `OSError` where there is no libpam."""

    def __init__(self, talk: Talk) -> None:
        self._pam = ctypes.CDLL("libpam.so.0", ctypes.RTLD_GLOBAL)  # some modules name no library of their own
        self._c = ctypes.CDLL(None)
        self._c.calloc.restype, self._c.calloc.argtypes = c_void_p, (c_size_t, c_size_t)
        self._c.strdup.restype, self._c.strdup.argtypes = c_void_p, (c_char_p,)
        self._pam.pam_strerror.restype = c_char_p
        self._pam.pam_getenvlist.restype = c_void_p
        self._talk = talk
        self._handle = c_void_p()
        self._converse, self._delay = _Converse(self._conversed), _Delay(lambda *_: None)
        self._conversation = _Conversation(self._converse, None)

    def start(self, service: bytes, user: bytes) -> int:
        code: int = self._pam.pam_start(service, user, byref(self._conversation), byref(self._handle))
        return code

    def call(self, name: str, flags: int) -> int:
        code: int = getattr(self._pam, name)(self._handle, flags)
        return code

    def set(self, item: int, value: bytes) -> int:
        code: int = self._pam.pam_set_item(self._handle, item, value)
        return code

    def never_sleep(self) -> int:
        """A refusal waits nowhere but in the gateway, which counts guesses itself."""
        code: int = self._pam.pam_set_item(self._handle, FAIL_DELAY, cast(self._delay, c_void_p))
        return code

    def put(self, variable: bytes) -> int:
        code: int = self._pam.pam_putenv(self._handle, variable)
        return code

    def user(self) -> bytes:
        """As the modules leave it; empty when there is none."""
        found = c_void_p()
        if self._pam.pam_get_item(self._handle, USER, byref(found)) != SUCCESS or not found.value:
            return b""
        return cast(found, c_char_p).value or b""

    def variables(self) -> list[bytes]:
        listed = self._pam.pam_getenvlist(self._handle)
        if not listed:
            return []
        entries, found = cast(listed, POINTER(c_char_p)), list[bytes]()
        while len(found) < MOST_VARIABLES and (entry := entries[len(found)]) is not None:
            found.append(entry)
        return [each for each in found if len(each) <= LONGEST_VARIABLE]

    def words(self, code: int) -> bytes:
        return bytes(self._pam.pam_strerror(self._handle, code) or b"")

    def end(self, code: int) -> None:
        self._pam.pam_end(self._handle, code)

    def _conversed(self, count: int, messages: Any, responses: Any, _: object) -> int:
        """An exception would come out of it as an answer of chance."""
        try:
            answers = [
                self._talk.say(messages[i].contents.style, messages[i].contents.text or b"") for i in range(count)
            ]
        except (ValueError, OSError):
            return CONV_ERR
        made = self._c.calloc(max(1, count), ctypes.sizeof(_Response))
        if not made:
            return CONV_ERR
        given = cast(made, POINTER(_Response))
        for place, answer in enumerate(answers):
            given[place].text = self._c.strdup(answer)
        responses[0] = given
        return SUCCESS


# --- what is done -----------------------------------------------------------------------------------------------------

Step = tuple[bytes, Callable[[], int]]


def of_login(pam: Pam) -> Iterator[Step]:
    yield AUTHENTICATE, lambda: pam.call("pam_authenticate", DISALLOW_NULL_AUTHTOK)
    yield ROOT, lambda: PERM_DENIED if is_root(pam.user()) else SUCCESS
    yield ACCOUNT, lambda: pam.call("pam_acct_mgmt", DISALLOW_NULL_AUTHTOK)
    yield CREDENTIALS, lambda: pam.call("pam_setcred", ESTABLISH_CRED)


def of_open(pam: Pam) -> Iterator[Step]:
    yield CREDENTIALS, lambda: pam.call("pam_setcred", ESTABLISH_CRED)
    yield SESSION, lambda: pam.call("pam_open_session", 0)


def of_close(pam: Pam) -> Iterator[Step]:
    yield SESSION, lambda: pam.call("pam_close_session", 0)
    yield CREDENTIALS, lambda: pam.call("pam_setcred", DELETE_CRED)


STEPS = {LOGIN: of_login, OPEN: of_open, CLOSE: of_close}


def is_root(user: bytes) -> bool:
    """Whether the account is root's, whatever its name."""
    try:
        return pwd.getpwnam(os.fsdecode(user)).pw_uid == 0
    except KeyError:
        return False


def settings(pam: Pam, user: bytes, host: bytes, terminal: bytes, variables: list[bytes]) -> Iterator[Step]:
    """What modules may know beside the user."""
    for item, value in ((RHOST, host), (TTY, terminal), (RUSER, user), (USER_PROMPT, ASKS_FOR_NAME)):
        yield START, lambda item=item, value=value: pam.set(item, value)  # type: ignore[misc]  # bound here and now
    yield START, pam.never_sleep
    for variable in variables:
        yield START, lambda variable=variable: pam.put(variable)  # type: ignore[misc]  # the same


def done(ask: Callable[[bytes, bool, bytes], bytes], request: list[bytes]) -> bytes:
    """Does what is asked for. The last message."""
    task, service, user, password, host, terminal, *variables = request
    talk = Talk(user, password, ask)
    try:
        pam = Pam(talk)
    except OSError as fault:
        return packed(DONE, UNUSABLE, b"%d" % SYSTEM_ERR, str(fault).encode(), user, b"")
    if task != CLOSE and is_root(user):
        return packed(DONE, ROOT, b"%d" % PERM_DENIED, b"it is an account of root", user, b"")
    if code := pam.start(service, user):
        return packed(DONE, START, b"%d" % code, pam.words(code), user, b"")
    step, code = PROVED, SUCCESS
    for name, act in (*settings(pam, user, host, terminal, variables), *STEPS[task](pam)):
        if code := act():
            step = name
            break
    name, words, left = pam.user()[:LONGEST_TEXT], pam.words(code), pam.variables() if task == OPEN else []
    pam.end(code)
    return packed(DONE, step, b"%d" % code, words, name, talk.taken(), *left)


# --- the process ------------------------------------------------------------------------------------------------------

PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4
LONGEST_LIFE = 900
"""Seconds, of all rounds together: more than the gateway waits. It ends a process that changed its user, of which the
kernel no longer thinks when the gateway ends."""
MOST_MEMORY = 512 << 20
"""Octets that a module may write to: one that leaks ends its login, not the host."""


def main(descriptor: int) -> None:
    with socket.socket(fileno=descriptor) as line:
        line.set_inheritable(False)
        shelter()

        def ask(prompt: bytes, seen: bool, said: bytes) -> bytes:
            line.sendall(packed(ASK, SEEN if seen else HIDDEN, prompt, said))
            (answer,) = unpacked(line.recv(LONGEST_MESSAGE))
            return answer

        if request := unpacked(line.recv(LONGEST_MESSAGE)):
            line.sendall(done(ask, request))


def shelter() -> None:
    """It ends with the gateway, and leaves no password in a core file or to who looks into its memory. What modules
    write into the host's log is under this name."""
    syslog.openlog("lotor", syslog.LOG_PID, syslog.LOG_AUTHPRIV)
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    signal.alarm(LONGEST_LIFE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    bound = MOST_MEMORY if most == resource.RLIM_INFINITY else min(MOST_MEMORY, most)
    resource.setrlimit(resource.RLIMIT_DATA, (bound, most))


if __name__ == "__main__":
    main(int(sys.argv[1]))
