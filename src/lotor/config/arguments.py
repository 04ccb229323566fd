"""The kinds of arguments of directives. Each reads its words, says what it expects, and shows its syntax."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Any, ClassVar

from lotor.config.lexer import Kind, Token
from lotor.config.settings import Address, FileName, ListenAddress
from lotor.config.words import Mistake, Words, place

HIGHEST = 2**31 - 1
UNITS = {
    **dict.fromkeys(("sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("hour", "hours"), 3600),
}


class Argument(ABC):
    """One kind of argument."""

    @abstractmethod
    def read(self, words: Words) -> Any:
        """The value. Raises `Mistake`."""

    @abstractmethod
    def syntax(self) -> str:
        """How it is written, for the reference."""

    def remarks(self) -> tuple[tuple[str, str], ...]:
        """Pairs of (word, what it means), for the reference."""
        return ()

    def limits(self) -> str:
        """What values are taken, as a sentence for the reference; empty where the syntax says it all."""
        return ""


@dataclass(frozen=True)
class Flag(Argument):
    """No argument: the presence of the directive is the value."""

    def read(self, words: Words) -> bool:
        del words
        return True

    def syntax(self) -> str:
        return ""


@dataclass(frozen=True)
class Number(Argument):
    """A decimal number. `clamps`: one out of range becomes the nearest that is not, with a warning. `zero`: what 0
    stands for, where it is out of range."""

    low: int = 0
    high: int = HIGHEST
    unit: str = ""
    clamps: bool = False
    zero: int | None = None

    def read(self, words: Words) -> int:
        wanted = self.wanted()
        token = words.bare(wanted)
        digits = token.text.removeprefix("+")
        if not digits.isascii() or not digits.isdigit():
            raise Mistake(token.at, f"{token} is not a decimal number: {words.name} wants {wanted}")
        value = int(digits[-20:]) if len(digits.lstrip("0")) <= 20 else self.high + 1
        if not self.low <= value <= self.high:
            value = self._nearest(value, token, words)
        self._refuse_unit(words)
        return value

    def _nearest(self, value: int, token: Token, words: Words) -> int:
        near = self.zero if self.zero is not None and value == 0 else max(self.low, min(value, self.high))
        if not self.clamps and (value or self.zero is None):
            raise Mistake(token.at, f"{token} is out of range: {words.name} wants {self.wanted()}")
        words.reading.warn(token.at, f"{words.name} {token.text} counts as {near}: it takes {self.wanted()}")
        return near

    def _refuse_unit(self, words: Words) -> None:
        following = words.peek()
        if self.unit and following and following.text in UNITS:
            raise Mistake(following.at, f"{words.name} counts {self.unit} and takes no unit: leave {following} out")

    def wanted(self) -> str:
        what = f"a number of {self.unit}" if self.unit else "a number"
        if self.high == HIGHEST:
            return f"{what}, {self.low} or more" if self.low else what
        return f"{what} from {self.low} to {self.high}"

    def syntax(self) -> str:
        return "N"

    def limits(self) -> str:
        if self.high == HIGHEST:
            return ""
        beyond = "; what is beyond counts as the nearest of them" if self.clamps else ""
        return f"N is {self.low} to {self.high}{f' {self.unit}' if self.unit else ''}{beyond}."


@dataclass(frozen=True)
class Duration(Argument):
    """A number and its unit, to seconds."""

    low: int = 0
    high: int = HIGHEST

    def read(self, words: Words) -> int:
        token = words.bare("a number and a unit, like 1 hour")
        glued = re.fullmatch(r"\+?(\d{1,12})([A-Za-z]*)", token.text, re.ASCII)
        if not glued:
            raise Mistake(token.at, f"{token} is not a number: {words.name} wants a number and a unit, like 1 hour")
        value = int(glued[1]) * self._unit(words, glued[1], glued[2], token)
        if not self.low <= value <= self.high:
            text = f"this is {value} seconds: {words.name} takes {self.low} to {self.high} seconds"
            raise Mistake(token.at, text)
        return value

    def _unit(self, words: Words, number: str, glued: str, token: Token) -> int:
        following = words.peek()
        if not glued and following is None:
            raise Mistake(words.at, f"the unit of time is missing: write {number} sec, {number} min or {number} hour")
        unit = token if glued else words.bare("a unit: sec, min or hour")
        text = glued or unit.text
        if text not in UNITS:
            raise Mistake(unit.at, f'"{text}" is not a unit of time: {words.name} takes sec, min or hour')
        return UNITS[text]

    def syntax(self) -> str:
        return "N (sec|min|hour)"

    def limits(self) -> str:
        return "" if self.high == HIGHEST else f"It is {self.low} to {self.high} seconds."


@dataclass(frozen=True)
class Measured(Argument):
    """A number and one of the `units`, converted to the base unit, from `low` to `high`."""

    low: int
    high: int
    units: ClassVar[Mapping[str, int]]
    example: ClassVar[str]

    def read(self, words: Words) -> int:
        wanted, names = f"a number and a unit, like {self.example}", list(self.units)
        listed = ", ".join(names[:-1]) + f" or {names[-1]}"
        token = words.bare(wanted)
        glued = re.fullmatch(r"(\d{1,12})([A-Za-z]*)", token.text, re.ASCII)
        if not glued:
            raise Mistake(token.at, f"{token} is not a number: {words.name} wants {wanted}")
        unit = glued[2] or words.bare(f"a unit: {listed}").text
        if unit not in self.units:
            raise Mistake(words.last.at, f'"{unit}" is not a unit here: {words.name} takes {listed}')
        value = int(glued[1]) * self.units[unit]
        if not self.low <= value <= self.high:
            raise Mistake(token.at, f"{glued[1]} {unit} is out of range: {words.name} takes {self._span()}")
        return value

    def syntax(self) -> str:
        return f"N ({'|'.join(self.units)})"

    def limits(self) -> str:
        return f"It is {self._span()}."

    @abstractmethod
    def _span(self) -> str: ...


VOLUMES = {"MB": 1024, "GB": 1024**2, "TB": 1024**3}
"""Kilobytes of 1024 octets."""


@dataclass(frozen=True)
class Volume(Measured):
    """A number and its unit, to kilobytes, as quick mode counts them."""

    low: int = VOLUMES["MB"]
    high: int = 1024 * VOLUMES["TB"]
    units = VOLUMES
    example = "10 GB"

    def _span(self) -> str:
        return f"{self.low // VOLUMES['MB']} MB to {self.high // VOLUMES['TB']} TB"


RATES = {"kbit": 125, "Mbit": 125_000, "Gbit": 125_000_000}
"""Octets a second."""


@dataclass(frozen=True)
class Rate(Measured):
    """A number and its unit, to octets a second."""

    low: int = RATES["kbit"]
    high: int = 1000 * RATES["Gbit"]
    units = RATES
    example = "20 Mbit"

    def _span(self) -> str:
        return f"{self.low // RATES['kbit']} kbit to {self.high // RATES['Gbit']} Gbit a second"


@dataclass(frozen=True)
class Text(Argument):
    """A quoted string. `pattern` is what it must match in full; `make` turns it into the value."""

    what: str = "a name in quotes"
    longest: int = 1023
    pattern: str = ".+"
    make: Callable[[str], Any] = str
    shown: str = "S"

    def read(self, words: Words) -> Any:
        token = words.quoted(self.what)
        if len(token.text) > self.longest:
            raise Mistake(token.at, f"this is longer than {self.longest} characters: {words.name} wants {self.what}")
        if not re.fullmatch(self.pattern, token.text):
            raise Mistake(token.at, f"{token} does not do: {words.name} wants {self.what}")
        return self.make(token.text)

    def syntax(self) -> str:
        return f'"{self.shown}"'


@dataclass(frozen=True)
class File(Argument):
    """A quoted file name. `prefix` is the kind of `path` that is put before a relative one."""

    prefix: str = ""
    shown: str = "file"

    def read(self, words: Words) -> FileName:
        return place(words, self.prefix, words.quoted("the name of a file in quotes"))

    def syntax(self) -> str:
        return f'"{self.shown}"'


WANTED_ADDRESS = {
    4: "an IPv4 address, like 10.99.99.1",
    6: "an IPv6 address, like fd00:99::1",
    None: "an IP address",
}


@dataclass(frozen=True)
class AddressOf(Argument):
    """A bare IP address. `version` None accepts both. `check` returns what is wrong with an address, or an empty
    text."""

    version: int | None = 4
    check: Callable[[Address], str] = lambda _: ""

    def read(self, words: Words) -> Address:
        wanted = WANTED_ADDRESS[self.version]
        token = words.bare(wanted)
        address = to_address(token, words, wanted)
        if self.version not in {None, address.version}:
            raise Mistake(token.at, f"{token} is an IPv{address.version} address: {words.name} wants {wanted}")
        wrong = self.check(address)
        if wrong:
            raise Mistake(token.at, f"{token} {wrong}")
        return address

    def syntax(self) -> str:
        return "ADDR"


def to_address(token: Token, words: Words, wanted: str, text: str | None = None) -> Address:
    """The address that a word, or a part of it, stands for."""
    try:
        return ip_address(token.text if text is None else text)
    except ValueError:
        hint = " (host names are not taken here)" if re.search(r"[g-zG-Z]", token.text) else ""
        raise Mistake(token.at, f"{token} is not an IP address: {words.name} wants {wanted}{hint}") from None


@dataclass(frozen=True)
class AddressPort(Argument):
    """ADDR or ADDR[port]. With `anonymous` that word stands for any address (value None)."""

    port: int = 500
    anonymous: bool = False

    def read(self, words: Words) -> ListenAddress | None:
        wanted = "an IP address, or one with a port, like 192.0.2.1[500]"
        token = words.joined(f"{wanted}, or anonymous" if self.anonymous else wanted)
        host, port = split_port(token, words, self.port)
        if self.anonymous and host == "anonymous":
            return None
        address = to_address(token, words, f"{wanted}, or anonymous" if self.anonymous else wanted, host)
        return ListenAddress(address, port, token.at)

    def syntax(self) -> str:
        return "(ADDR[[port]]|anonymous[[port]])" if self.anonymous else "ADDR[[port]]"


def split_port(token: Token, words: Words, default: int) -> tuple[str, int]:
    """The parts of ADDR[port]."""
    host, bracket, port = token.text.partition("[")
    if not bracket:
        return host, default
    number = port[:-1]
    if not port.endswith("]") or not re.fullmatch(r"\d{1,5}", number, re.ASCII) or not 0 < int(number) < 65536:
        raise Mistake(token.at, f"{token} has no good port: {words.name} wants it like 192.0.2.1[500], 1 to 65535")
    return host, int(number)


@dataclass(frozen=True)
class ListOf(Argument):
    """One or more, separated by commas. `loose` accepts blanks instead of commas, as racoon does in `remote`."""

    item: Argument
    most: int = 256
    loose: bool = False

    def read(self, words: Words) -> tuple[Any, ...]:
        """Everything that is wrong with the list is told at once."""
        values: list[Any] = []
        mistakes: list[Mistake] = []
        while len(values) <= self.most:
            at = words.at
            try:
                values.append(self.item.read(words))
            except Mistake as mistake:
                mistakes.append(mistake)
                words.skip()
            if not words.comma() and not (self.loose and self._goes_on(words)):
                break
        if len(values) > self.most:
            mistakes.append(Mistake(at, f"{words.name} takes at most {self.most}"))
        if mistakes:
            first, *more = mistakes
            raise Mistake(first.at, first.text, more)
        return tuple(values)

    def _goes_on(self, words: Words) -> bool:
        following = words.peek()
        return following is not None and following.text in {word for word, _ in self.item.remarks()}

    def syntax(self) -> str:
        return f"{self.item.syntax()}[, {self.item.syntax()} …]"

    def remarks(self) -> tuple[tuple[str, str], ...]:
        return self.item.remarks()


@dataclass(frozen=True)
class Several(Argument):
    """One argument after the other. `make` builds the value from them."""

    items: tuple[Argument, ...]
    make: Callable[..., Any]

    def read(self, words: Words) -> Any:
        return self.make(*[item.read(words) for item in self.items])

    def syntax(self) -> str:
        return " ".join(item.syntax() for item in self.items)

    def remarks(self) -> tuple[tuple[str, str], ...]:
        return tuple(pair for item in self.items for pair in item.remarks())


@dataclass(frozen=True)
class Maybe(Argument):
    """An argument that may be left out. `kind`: it is present when the next token is of this kind."""

    item: Argument
    default: Any = None
    kind: Kind | None = None

    def read(self, words: Words) -> Any:
        following = words.peek()
        if following is None or (self.kind and following.kind is not self.kind):
            return self.default
        return self.item.read(words)

    def syntax(self) -> str:
        return f"[{self.item.syntax()}]"


@dataclass(frozen=True)
class Either(Argument):
    """A string in quotes, or a bare word."""

    string: Argument
    word: Argument

    def read(self, words: Words) -> Any:
        following = words.peek()
        chosen = self.string if following is None or following.kind is Kind.STRING else self.word
        return chosen.read(words)

    def syntax(self) -> str:
        return f"({self.string.syntax()}|{self.word.syntax()})"


@dataclass(frozen=True)
class Quoted(Argument):
    """What else stands without quotes, in quotes."""

    item: Argument

    def read(self, words: Words) -> Any:
        words.unquote()
        return self.item.read(words)

    def syntax(self) -> str:
        return f'"{self.item.syntax()}"'


@dataclass(frozen=True)
class Placed(Argument):
    """An argument whose value remembers its place in the file, in its field `at`."""

    item: Argument

    def read(self, words: Words) -> Any:
        at = words.at
        return replace(self.item.read(words), at=at)

    def syntax(self) -> str:
        return self.item.syntax()

    def remarks(self) -> tuple[tuple[str, str], ...]:
        return self.item.remarks()


@dataclass(frozen=True)
class Mode(Argument):
    """Permission bits of a file, written in octal."""

    def read(self, words: Words) -> int:
        token = words.bare("permission bits in octal, like 0660")
        if not re.fullmatch(r"0?[0-7]{3}", token.text, re.ASCII):
            raise Mistake(token.at, f"{token} are no permission bits: {words.name} wants them in octal, like 0660")
        if int(token.text, 8) & 0o111:
            words.reading.warn(token.at, f"{token} gives a socket execute bits, which mean nothing there")
        return int(token.text, 8)

    def syntax(self) -> str:
        return "mode"


def pool_start(address: Address) -> str:
    """Why an address cannot be the first of a pool."""
    if address.is_multicast or address.is_loopback or address.is_unspecified or address.is_link_local:
        private = "10.99.99.1" if address.version == 4 else "fd00:99::1"
        return f"cannot be given to a client: take a private network, like {private}"
    return ""


def netmask(address: Address) -> str:
    """What is wrong with a network mask."""
    hole = ~int(address) & 0xFFFFFFFF
    if not int(address) or hole & (hole + 1):
        return "is no network mask: its one bits must stand together at the left, like 255.255.255.0"
    return ""
