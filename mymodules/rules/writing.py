"""Add rules to a file, and leave everything that stands there as it is: comments, order, line ends.

What would not be read as the rules that were there and the new ones is never written.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mymodules import files, locks
from mymodules.errors import OutputError, ResultsError, SettingsError
from mymodules.paths import AnyPath, local_path, shown
from mymodules.regions import Region
from mymodules.rules.reading import BOM, TABLE, parse, text_in
from mymodules.rules.rule import Limits, Rule, Rules

if TYPE_CHECKING:
    import tomlkit


def add(path: AnyPath, rules: Sequence[Rule]) -> Rules:
    """Add rules to a file, which is created if it is absent; return all that it has then.

    Raises
    ------
    SettingsError
        If the file has a mistake, or one of the rules cannot be added, such as one whose name is there
        already. Nothing was written.
    OutputError
        If another process is writing the file, or it cannot be written.
    """
    file = local_path(path, "The file of rules", "file").resolve()  # a link stays one
    try:
        lock = locks.Lock(file.with_name(f"{file.name}.lock"), file)
    except ResultsError as error:  # which speaks of a run to resume
        raise OutputError(f"{shown(file)} is being written by another process: try again.", file) from error
    try:
        new = _with(rules, file)
        files.write(file, [new.encode()])
    finally:
        lock.release()
    return parse(new, file)


def checked(path: AnyPath, rules: Sequence[Rule]) -> Rules:
    """Return the rules that a file would have after `add`, and raise what it would; write nothing."""
    file = local_path(path, "The file of rules", "file")
    return parse(_with(rules, file), file)


def added(text: str, rules: Iterable[Rule], path: Path) -> str:
    """Return the text of a file with further rules after its own.

    Parameters
    ----------
    text : str
        It may begin with a byte order mark; its lines may end as on Windows.
    rules : iterable of Rule
    path : Path
        The file that it is from, for messages.

    Raises
    ------
    SettingsError
        If it has a mistake, also one that a new rule makes of it.
    """
    rules = tuple(rules)
    before = parse(text, path).rules
    if not rules:
        return text
    tables = text_of(rules)
    new = _in_value(text, rules)
    if new is None:
        ends = "\r\n" if "\r\n" in text else "\n"
        gap = "" if not text.strip(f"{BOM}\r\n") else "\n" if text.endswith("\n") else "\n\n"
        new = text + (gap + tables).replace("\n", ends)
    if parse(new, path).rules != before + parse(tables, path).rules:
        raise SettingsError(
            f"No rule can be added to {shown(path)} as it is written: begin each of its rules with [[rule]]."
        )
    return new


def _with(rules: Sequence[Rule], file: Path) -> str:
    return added(text_in(file) if file.exists() else "", rules, file)


def text_of(rules: Iterable[Rule]) -> str:
    """Return rules as they are written in a file, each behind its line ``[[rule]]``."""
    import tomlkit  # only those who write need it

    tables = []
    for rule in rules:
        table = tomlkit.table()
        for key, value in _entry(rule).items():
            boxes = key == "mask" and len(value) > 1
            table[key] = tomlkit.item(value).multiline(True) if boxes else value
        array = tomlkit.aot()
        array.append(table)
        tables.append(tomlkit.dumps({TABLE: array}))
    return "\n".join(tables)


def _in_value(text: str, rules: Sequence[Rule]) -> str | None:
    """Return the text with rules added to those that are written as one value; None if they are not."""
    import tomlkit

    document = tomlkit.parse(text.removeprefix(BOM))
    value = document.get(TABLE)
    if not isinstance(value, tomlkit.items.Array):
        return None
    for rule in rules:
        table = tomlkit.inline_table()
        table.update(_entry(rule))
        value.append(table)
    return BOM * text.startswith(BOM) + tomlkit.dumps(document)


def _entry(rule: Rule) -> dict[str, Any]:
    """Return the keys of a rule and their values as TOML has them, name and pictures first."""
    entry = rule.entry()
    if isinstance(rule.takes, Limits):
        del entry["kind"]  # which is meant where there is none
    found: dict[str, Any] = {"name": rule.name}
    found |= {"pictures": _plain(rule.pictures)} if rule.pictures else {}
    return found | {key: _plain(value) for key, value in entry.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | Region):
        return [_plain(each) for each in value]
    return _quoted(value) if isinstance(value, str) else value


def _quoted(text: str) -> "tomlkit.items.String":
    """Return a text as TOML has it; what could steer a terminal or mislead a reader is escaped."""
    import tomlkit

    written = "".join(
        f"\\{letter}" if letter in '"\\' else letter if shown(letter) == letter else f"\\u{ord(letter):04x}"
        for letter in text
    )
    return tomlkit.items.String(tomlkit.items.StringType.SLB, text, written, tomlkit.items.Trivia())
