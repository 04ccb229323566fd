"""Arguments that are one of several words: what each word means, and whether it is weak or refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from lotor.config.arguments import Argument
from lotor.config.lexer import Kind, Token
from lotor.config.settings import Algorithm
from lotor.config.words import Mistake, Words, suggestion


@dataclass(frozen=True)
class Choice:
    """One word. `weak`, `refused`: why. A refused word has no `value`. `lengths` are the key lengths in bits that may
    follow the name of an algorithm; `bits` is the default one."""

    word: str
    value: Any = None
    meaning: str = ""
    weak: str = ""
    refused: str = ""
    aliases: tuple[str, ...] = ()
    lengths: tuple[int, ...] = ()
    bits: int = 0

    @property
    def words(self) -> tuple[str, ...]:
        return (self.word, *self.aliases)

    def remark(self) -> str:
        """What the reference says of the word."""
        limits = (
            f"refused: {self.refused}" if self.refused else "",
            f"weak: {self.weak}" if self.weak else "",
            f"also written {', '.join(self.aliases)}" if self.aliases else "",
            self._sizes(),
        )
        return "; ".join(part for part in (self.meaning, *limits) if part)

    def _sizes(self) -> str:
        """The key lengths of an algorithm that can be used."""
        if not self.lengths or self.refused:
            return ""
        return f"{one_of([str(length) for length in self.lengths])} bits, {self.bits} when no length is written"


@dataclass(frozen=True)
class Keyword(Argument):
    """Exactly one of the words. `skips`: in a list, a word that is refused is left out with a warning."""

    choices: tuple[Choice, ...]
    skips: bool = False

    def read(self, words: Words) -> Any:
        token = words.bare(self._wanted())
        return self.judge(words, token, self.find(words, token)).value

    def find(self, words: Words, token: Token) -> Choice:
        for choice in self.choices:
            if token.text in choice.words:
                return choice
        near = suggestion(token.text, (word for choice in self.choices for word in choice.words))
        raise Mistake(token.at, f"{token} is not known here: {words.name} wants {self._wanted()}{near}")

    def judge(self, words: Words, token: Token, choice: Choice) -> Choice:
        if choice.refused:
            self._refuse(words, token, choice.refused)
        if choice.weak:
            words.reading.warn(token.at, f"{words.name} {token.text} is weak: {choice.weak}")
        return choice

    def _refuse(self, words: Words, token: Token, why: str) -> None:
        """The rest of the block is judged all the same."""
        text = f"{words.name} {token.text} is refused"
        if self.skips:
            words.reading.warn(token.at, f"{text} and is left out: {why}")
        else:
            words.reserve(token.at, f"{text}: {why}")

    def _wanted(self) -> str:
        return one_of([choice.word for choice in self.choices if not choice.refused])

    def syntax(self) -> str:
        listed = "|".join(choice.word for choice in self.choices)
        return listed if len(listed) < 50 else "NAME"

    def remarks(self) -> tuple[tuple[str, str], ...]:
        return tuple((choice.word, choice.remark()) for choice in self.choices)


@dataclass(frozen=True)
class AlgorithmOf(Keyword):
    """The name of an algorithm and, where its keys differ in length, maybe the length in bits."""

    def read(self, words: Words) -> Algorithm[Any]:
        token, glued = self._unglued(words.bare(self._wanted()))
        choice = self.find(words, token)
        bits = self._length(words, token, choice, glued)
        self.judge(words, token, choice)
        return Algorithm(choice.word, choice.value, bits, token.at)

    def _unglued(self, token: Token) -> tuple[Token, Token | None]:
        """The name, and the length that stands right behind it, as in aes256."""
        words = {word for choice in self.choices for word in choice.words}
        sized = (word for choice in self.choices if choice.lengths for word in choice.words)
        names = [word for word in sized if token.text.startswith(word) and token.text[len(word) :].isdigit()]
        if token.text in words or not names:
            return token, None
        name = max(names, key=len)
        at = replace(token.at, column=token.at.column + len(name))
        length = Token(Kind.WORD, token.text[len(name) :], at, token.width - len(name))
        return replace(token, text=name, width=len(name)), length

    def _length(self, words: Words, name: Token, choice: Choice, glued: Token | None) -> int:
        following = words.peek()
        if glued is None and (following is None or following.kind is not Kind.WORD or not following.text[0].isdigit()):
            return choice.bits
        token = glued or words.take("a key length")
        if not choice.lengths:
            raise Mistake(token.at, f"{name.text} has keys of one length only: leave {token} out")
        if token.text not in {str(length) for length in choice.lengths}:
            few = one_of([str(n) for n in choice.lengths]) if len(choice.lengths) < 5 else self._span(choice.lengths)
            raise Mistake(token.at, f"{token} is no key length of {name.text}: it takes {few} bits")
        return int(token.text)

    @staticmethod
    def _span(lengths: tuple[int, ...]) -> str:
        return f"{lengths[0]} to {lengths[-1]} in steps of 8"

    def syntax(self) -> str:
        return "NAME [bits]" if any(choice.lengths for choice in self.choices) else "NAME"


@dataclass(frozen=True)
class Case:
    """A word that determines what follows it. `make` builds the value from what follows."""

    word: str
    argument: Argument
    make: Callable[[Any], Any]
    meaning: str = ""
    refused: str = ""


@dataclass(frozen=True)
class Cases(Argument):
    """One of several forms, distinguished by their first word. `otherwise` reads a form that begins with a string."""

    cases: tuple[Case, ...]
    otherwise: Argument | None = None

    def read(self, words: Words) -> Any:
        following = words.peek()
        if self.otherwise and (following is None or following.kind is Kind.STRING):
            return self.otherwise.read(words)
        token = words.bare(self._wanted())
        case = self._find(words, token)
        if case.refused:
            raise Mistake(token.at, f"{words.name} {token.text} is refused: {case.refused}")
        return case.make(case.argument.read(words))

    def _find(self, words: Words, token: Token) -> Case:
        for case in self.cases:
            if case.word == token.text:
                return case
        near = suggestion(token.text, (case.word for case in self.cases))
        raise Mistake(token.at, f"{token} is not known here: {words.name} wants {self._wanted()}{near}")

    def _wanted(self) -> str:
        listed = [case.word for case in self.cases if not case.refused]
        return one_of([self.otherwise.syntax(), *listed] if self.otherwise else listed)

    def syntax(self) -> str:
        forms = [f"{case.word} {case.argument.syntax()}".strip() for case in self.cases]
        if self.otherwise:
            forms.insert(0, self.otherwise.syntax())
        return forms[0] if len(forms) == 1 else f"({' | '.join(forms)})"

    def remarks(self) -> tuple[tuple[str, str], ...]:
        return tuple((case.word, _case_remark(case)) for case in self.cases)


def _case_remark(case: Case) -> str:
    return "; ".join(part for part in (case.meaning, f"refused: {case.refused}" if case.refused else "") if part)


def one_of(words: list[str]) -> str:
    """a, b or c"""
    return " or ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)


SWITCH = Keyword((Choice("on", value=True), Choice("off", value=False)))
