"""Completion for bash, zsh and fish, from the parser: `python -m lotor.cli.completions packaging/completion`.

The scripts are tables: nothing of lotor is started when a person types the key.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from lotor.cli.described import DescribedCommand, DescribedOption, described
from lotor.cli.main import lotor, racoonctl_group

MADE = "# Made by `python -m lotor.cli.completions`."
Words = list[tuple[str, str]]
"""Words and what they mean."""
HELP = (("-h", "Show this message and exit."), ("--help", "Show this message and exit."))
PROGRAMS = (("lotor", lotor), ("racoonctl", racoonctl_group))

BASH = """\
{made}
# bash completion for {program}
declare -gA _lotor_words _lotor_options _lotor_values
{tables}
_lotor() {{
    local here=${{1##*/}} word value skip='' current=${{COMP_WORDS[COMP_CWORD]}} number
    COMPREPLY=()
    for ((number = 1; number < COMP_CWORD; number++)); do
        word=${{COMP_WORDS[number]}}
        if [[ -n $skip ]]; then skip=''; continue; fi
        value=${{_lotor_values["$here|$word"]-}}
        if [[ -n $value ]]; then skip=$value
        elif [[ -n ${{_lotor_options["$here $word"]-}} ]]; then here="$here $word"
        fi
    done
    if [[ -z $skip && $current == -* ]]; then skip=${{_lotor_options["$here"]}}
    elif [[ -z $skip ]]; then skip=${{_lotor_words["$here"]-}}
    fi
    case $skip in
    '' | any) ;;
    file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$skip" -- "$current") ;;
    esac
}}
complete -F _lotor {program}
"""
ZSH = """\
#compdef lotor racoonctl
{made}
typeset -gA _lotor_words _lotor_options _lotor_values
{tables}
_lotor() {{
    local here=${{words[1]:t}} word key skip= number
    for ((number = 2; number < CURRENT; number++)); do
        word=${{words[number]}}
        if [[ -n $skip ]]; then skip=; continue; fi
        key="$here|$word"
        if [[ -n ${{_lotor_values[$key]-}} ]]; then skip=${{_lotor_values[$key]}}
        elif [[ -n ${{_lotor_options[$here $word]-}} ]]; then here="$here $word"
        fi
    done
    local -a rows
    if [[ -z $skip && ${{words[CURRENT]}} == -* ]]; then skip=options; rows=("${{(@f)_lotor_options[$here]}}")
    elif [[ -z $skip ]]; then skip=${{_lotor_words[$here]-}}; rows=("${{(@f)skip}}")
    else rows=("${{(@f)skip}}")
    fi
    case $skip in
    '' | any) ;;
    file) _files ;;
    *) _describe word rows ;;
    esac
}}
_lotor "$@"
"""
FISH = """\
{made}
# fish completion for {program}
function __lotor_at
    set -l here (path basename (commandline -opc)[1])
    set -l skip no
    for word in (commandline -opc)[2..]
        if test $skip = yes
            set skip no
        else if contains -- "$here|$word" $__lotor_values
            set skip yes
        else if contains -- "$here $word" $__lotor_commands
            set here "$here $word"
        end
    end
    test "$here" = "$argv[1]"
end
{tables}
"""


def completions() -> Mapping[str, str]:
    """The text of each script by the name that its shell looks for: bash and fish want one for each program."""
    made, every = {}, []
    for program, group in PROGRAMS:
        commands = list(described(group, program))
        made[program] = BASH.format(made=MADE, program=program, tables="\n".join(_bash(commands)))
        made[f"{program}.fish"] = FISH.format(made=MADE, program=program, tables="\n".join(_fish(commands)))
        every += commands
    return {**made, "_lotor": ZSH.format(made=MADE, tables="\n".join(_zsh(every)))}


def _bash(commands: Iterable[DescribedCommand]) -> Iterator[str]:
    for table, key, value in _tables(commands, lambda words: " ".join(word for word, _ in words)):
        yield f"{table}[{_text(key)}]={_text(value)}"


def _zsh(commands: Iterable[DescribedCommand]) -> Iterator[str]:
    for table, key, value in _tables(
        commands, lambda words: "\n".join(f"{word}:{_told(what)}" for word, what in words)
    ):
        yield f"{table}+=({_text(key)} {_text(value)})"


def _tables(commands: Iterable[DescribedCommand], shown: Callable[[Words], str]) -> Iterator[tuple[str, str, str]]:
    """Table, key and value: the words and the options of a command, and what follows an option: words, `file` or
    `any`."""
    known = {each.words: each for each in commands}
    for each in known.values():
        here = " ".join(each.words)
        yield "_lotor_options", here, shown([*((name, one.help) for one in each.options for name in one.names), *HELP])
        words = [(name, known[(*each.words, name)].short) for name in each.names] or [(one, "") for one in each.choices]
        if words or each.file:
            yield "_lotor_words", here, shown(words) if words else "file"
        for option in each.options:
            for name in option.names if option.value else ():
                yield "_lotor_values", f"{here}|{name}", shown([(one, "") for one in option.choices]) or _kind(option)


def _fish(commands: Iterable[DescribedCommand]) -> Iterator[str]:
    known = {each.words: each for each in commands}
    yield "set -ga __lotor_commands " + " ".join(_text(" ".join(words)) for words in known)
    values = [f"{' '.join(each.words)}|{name}" for each in known.values() for name in _valued(each)]
    yield "set -ga __lotor_values " + " ".join(map(_text, values))
    for each in known.values():
        at = '__lotor_at "{}"'.format(" ".join(each.words))
        start = f"complete -c {each.program} -n {_text(at)}"
        if not each.file:
            yield f"{start} -f"
        for name in each.names:
            yield f"{start} -a {_text(name)} -d {_text(known[(*each.words, name)].short)}"
        if each.choices:
            yield f"{start} -a {_text(' '.join(each.choices))}"
        yield f"{start} -s h -l help -d {_text(HELP[0][1])}"
        for option in each.options:
            yield f"{start} {_fish_option(option)}"


def _fish_option(option: DescribedOption) -> str:
    parts = [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names]
    if option.value:
        parts.append("-r -F" if option.file else "-x")
    if option.choices:
        parts.append(f"-a {_text(' '.join(option.choices))}")
    return " ".join([*parts, f"-d {_text(option.help)}"])


def _valued(command: DescribedCommand) -> Iterator[str]:
    return (name for option in command.options if option.value for name in option.names)


def _kind(option: DescribedOption) -> str:
    return "file" if option.file else "any"


def _told(text: str) -> str:
    """A description for zsh, where a colon ends a word."""
    return text.replace(":", "\\:")


def _text(text: str) -> str:
    """In single quotes, for all three shells alike: none of our texts has a backslash before a quote."""
    return "'" + text.replace("'", "'\\''") + "'"


def write(directory: Path) -> None:
    """Raises `OSError`."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in completions().items():
        (directory / name).write_text(text)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
