"""Read rules from a file, and refuse every mistake in it with its line, its rule and what would be right."""

import os
import tomllib
from numbers import Integral
from pathlib import Path
from typing import Any

from mymodules.errors import SettingsError
from mymodules.paths import AnyPath, local_path, shown
from mymodules.project_file import misread
from mymodules.rules import keys, lines
from mymodules.rules.keys import nearest, quoted
from mymodules.rules.lines import TableLines
from mymodules.rules.rule import KINDS, GoldFuzzy, GoldSampleArea, GoldSobel, Limits, Rule, Rules

TABLE = "rule"
"""The array of tables that rules are in a file."""

BOM = "\ufeff"
"""The byte order mark, which a file may begin with."""

_OTHERS = ("folders",)  # what else may stand in the file; see `settings`
_FIRST_KIND = next(iter(KINDS))
_MOST_NAMED = 10  # mistakes in one message
_STRONGEST = 255  # edge; none is above


def read(path: AnyPath) -> Rules:
    """Return the rules of a file.

    Parameters
    ----------
    path : path
        A TOML file with tables ``[[rule]]``; see `Limits` for their keys.

    Raises
    ------
    SettingsError
        If it cannot be read, or has a mistake.
    """
    file = local_path(path, "The file of rules", "file")
    return parse(text_in(file), file)


def text_in(file: Path) -> str:
    """Return the text of a file of rules, with its byte order mark and its line ends.

    Raises
    ------
    SettingsError
        If it cannot be read.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"The rules in {shown(file)} cannot be read ({error.strerror}): name a file that can."
        ) from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(misread(file, error)) from error


def parse(text: str, path: Path) -> Rules:
    """Return the rules of a text; ``path`` is the file that it is from.

    Raises
    ------
    SettingsError
        If it has mistakes: all of them, at most ten.
    """
    text = text.removeprefix(BOM).replace("\r\n", "\n")
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(misread(path, error, text)) from error
    places, top = lines.tables(text, TABLE)
    mistakes: list[tuple[int, str]] = []
    for key in document:
        if key not in (TABLE, *_OTHERS):
            guess = nearest(key, [TABLE, *_OTHERS])
            mistakes.append(
                (top[key], f"there is no {quoted(key)} in this file: {guess} Rules are [[rule]].")
            )
    tables = document.get(TABLE, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        mistakes.append((top[TABLE], "each rule begins with [[rule]], in two pairs of brackets."))
        tables = []
    if len(tables) > keys.MOST_RULES:
        mistakes.append((top[TABLE], f"there are {len(tables):,} rules, and {keys.MOST_RULES:,} may be."))
        tables = []
    if len(places) != len(tables):  # written as one value
        places = [TableLines(top[TABLE]) for _ in tables]
    rules = [_rule(*item, mistakes) for item in zip(tables, places, strict=True)]
    _check_names(tables, places, mistakes)
    if mistakes:
        raise SettingsError(_message(path, mistakes))
    return Rules(tuple(rule for rule in rules if rule is not None), path)


def given(rules: AnyPath | Rules, *, moves: bool = True) -> Rules:
    """Return the rules of an argument: a file, or rules, which may have no more than a file could.

    Raises
    ------
    SettingsError
        If it is neither, the file cannot be read, the rules have a mistake, or there are some although it is
        not found out what moved.
    """
    if not isinstance(rules, Rules | str | os.PathLike):
        raise SettingsError(
            "rules must be the path of a file, or Rules((Rule(...), ...)), all in one tuple, not of the type "
            f"{type(rules).__name__}."
        )
    found = _checked(rules) if isinstance(rules, Rules) else read(rules)
    if found.rules and not moves:
        where = "" if found.path is None else f" in {shown(found.path)}"
        raise SettingsError(
            f"The rules{where} need to know what moved: leave out moves=False, or pass rules=Rules()."
        )
    return found


def _checked(rules: Rules) -> Rules:
    """Return rules that Python has made as a file with them is read; raise SettingsError for mistakes."""
    mistakes: list[str] = []
    found: list[Rule] = []
    names: set[str] = set()
    if len(rules.rules) > keys.MOST_RULES:
        mistakes.append(f"there are {len(rules.rules):,} rules, and {keys.MOST_RULES:,} may be.")
    for rule in rules.rules[: keys.MOST_RULES]:
        if not isinstance(rule, Rule) or type(rule.takes) not in KINDS.values():
            mistakes.append(f"{quoted(rule)} is not a rule.")
            continue
        table = {"name": rule.name, **rule.entry()}
        if rule.pictures:
            table["pictures"] = rule.pictures
        own: list[tuple[int, str]] = []
        read_again = _rule(_plain(table), TableLines(0), own, as_written=False)
        mistakes += [sentence for _, sentence in own]
        if read_again is not None and read_again.name in names:
            mistakes.append(f"rule {quoted(rule.name)}: another rule has this name: give it another.")
        elif read_again is not None:
            names.add(read_again.name)
            found.append(read_again)
    if mistakes:
        where = "rules" if rules.path is None else shown(rules.path)
        raise SettingsError(_first_of([f"{where}: {sentence}" for sentence in mistakes]))
    return Rules(tuple(found), rules.path)


def _plain(value: Any) -> Any:
    """Return a value of Python as TOML gives it."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else value


def of_entries(entries: object, path: Path | None) -> Rules | None:
    """Return the rules of `Rules.entries`, which a file beside results holds; None if they are not rules."""
    mistakes: list[tuple[int, str]] = []
    found = [
        _rule(entry, TableLines(0), mistakes, as_written=False) if isinstance(entry, dict) else None
        for entry in (entries if isinstance(entries, list) else [None])
    ]
    rules = tuple(rule for rule in found if rule is not None)
    if len(rules) < len(found) or len({rule.name for rule in rules}) < len(rules):
        return None
    return Rules(rules, path)


def _message(path: Path, mistakes: list[tuple[int, str]]) -> str:
    return _first_of([f"{shown(path)}, line {line}: {sentence}" for line, sentence in sorted(mistakes)])


def _first_of(found: list[str]) -> str:
    more = len(found) - _MOST_NAMED
    return "\n".join([*found[:_MOST_NAMED], *([f"There are {more} more mistakes."] if more > 0 else [])])


def _rule(
    table: dict[str, Any], place: TableLines, mistakes: list[tuple[int, str]], *, as_written: bool = True
) -> Rule | None:
    """Return a rule, or None if it has a mistake, which is added to the others.

    If it is not as a person has written it, keys may be left out that others ask for.
    """
    name = table.get("name")
    who = f"rule {quoted(name)}" if isinstance(name, str) else "this rule"
    before = len(mistakes)

    def mistake(key: str, sentence: str) -> None:
        mistakes.append((place.keys.get(key, place.line), f"{who}: {sentence}"))

    kind = table.get("kind", _FIRST_KIND)
    if not isinstance(kind, str) or kind not in KINDS:
        mistake("kind", f"kind must be one of {', '.join(KINDS)}, in quotes, not {quoted(kind)}.")
        return None
    known = keys.of_kind(kind)
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key == "kind":
            continue
        if key not in known:
            mistake(key, _unknown(key, kind))
            continue
        try:
            values[key] = known[key](value)
        except ValueError as error:
            mistake(key, f"{key} {error}, not {quoted(value)}.")
    for key in keys.required(kind):
        if key not in table:
            mistake(key, f"it has no {key}: add it.")
    if len(mistakes) == before and as_written:
        for key, sentence in _contradictions(kind, values):
            mistake(key, sentence)
    if len(mistakes) > before:
        return None
    return Rule(values.pop("name"), pictures=values.pop("pictures", ()), takes=KINDS[kind](**values))


def _unknown(key: str, kind: str) -> str:
    others = [other for other in KINDS if key in keys.of_kind(other)]
    if others:
        return f'{key} belongs to rules with kind = "{others[0]}", and this one\'s kind is "{kind}".'
    return f"there is no key {quoted(key)}: {nearest(key, ['kind', *keys.of_kind(kind)])}"


def _contradictions(kind: str, values: dict[str, Any]) -> list[tuple[str, str]]:
    """Return keys whose values make no sense together, each with a sentence."""
    takes = KINDS[kind](**{key: value for key, value in values.items() if key not in ("name", "pictures")})
    found = []
    if isinstance(takes, Limits):
        if takes == Limits(side=takes.side, metric=takes.metric):
            found.append(("name", "it takes nothing: add a mask, a limit such as largest = 8, or kinds."))
        elif takes == Limits(side=takes.side, threshold=0, metric="oklab"):
            found.append(
                ("threshold", "it takes nothing: by oklab no colours are alike at 0: raise threshold.")
            )
        if "side" in values and "mask" not in values:
            found.append(
                ("side", "side belongs to a mask: add mask = [[x, y, width, height]], or remove side.")
            )
        if "metric" in values and not {"threshold", "antialiased"} & values.keys():
            found.append(("metric", "metric belongs to a threshold: add threshold = 0.1, or remove metric."))
    elif _accepts_only_equal(takes):
        found.append(("name", "it takes nothing: raise its limits."))
    if isinstance(takes, GoldSampleArea) and takes.max_different > takes.width**2:
        found.append(("max_different", f"max_different must be at most width x width, {takes.width**2}."))
    return found


def _accepts_only_equal(takes: GoldFuzzy | GoldSobel | GoldSampleArea) -> bool:
    """Return whether one of Gold's matchers accepts no pictures that differ, whatever they show."""
    if isinstance(takes, GoldSampleArea):
        return not (takes.max_different or takes.delta)
    if takes.ignored_border or (isinstance(takes, GoldSobel) and takes.edge_threshold < _STRONGEST):
        return False
    delta = takes.pixel_per_channel_delta_threshold or takes.pixel_delta_threshold
    return not (takes.max_different_pixels and delta)


def _check_names(
    tables: list[dict[str, Any]], places: list[TableLines], mistakes: list[tuple[int, str]]
) -> None:
    """Add a mistake for each name that an earlier rule has."""
    seen: dict[str, int] = {}
    for table, place in zip(tables, places, strict=True):
        name = table.get("name")
        if not isinstance(name, str):
            continue
        line = place.keys.get("name", place.line)
        if name in seen:
            who = f"rule {quoted(name)}"
            mistakes.append((line, f"{who}: the rule in line {seen[name]} has this name: give it another."))
        seen.setdefault(name, line)
