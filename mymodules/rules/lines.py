"""In which lines of a TOML file the tables of an array and their keys stand; `tomllib` does not say it."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?""""{0,2}'
    r"|'''.*?''''{0,2}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*"
    r"|[^\"'#]",
    re.DOTALL,
)


@dataclass
class TableLines:
    """Where one table of an array stands.

    Attributes
    ----------
    line : int
        That of its header, from 1.
    keys : dict of str to int
        The line of each of its keys.
    """

    line: int
    keys: dict[str, int] = field(default_factory=dict)


def tables(text: str, name: str) -> tuple[list[TableLines], dict[str, int]]:
    """Return where the tables ``[[name]]`` of a file stand, and the keys and tables at the file's top level.

    Parameters
    ----------
    text : str
        Valid TOML.
    name : str
        Of the array.
    """
    found: list[TableLines] = []
    top: dict[str, int] = {}
    header: list[str] = []
    for line, statement in _statements(text):
        if statement.startswith("["):
            header = _path(tomllib.loads(statement))
            top.setdefault(header[0], line)
            if statement.startswith("[[") and header == [name]:
                found.append(TableLines(line))
            elif found and header[0] == name:
                found[-1].keys.setdefault(header[1], line)
            continue
        key = _path(tomllib.loads(_key(statement) + "= 0"))[0]
        if not header:
            top.setdefault(key, line)
        elif header == [name] and found:
            found[-1].keys.setdefault(key, line)
    return found, top


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each header and each key with its value, and its first line; comments are left out."""
    line = depth = 0
    begun: int | None = None
    parts: list[str] = []
    for match in _TOKEN.finditer(text + "\n"):
        token = match[0]
        if token == "\n" and not depth and begun is not None:
            yield begun, "".join(parts).strip()
            begun, parts = None, []
        elif not token.startswith("#"):
            depth += (token in "[{") - (token in "]}")
            if begun is None and not token.isspace():
                begun = line + 1
            if begun is not None:
                parts.append(token)
        line += token.count("\n")


def _key(statement: str) -> str:
    """Return what stands before the equals sign."""
    parts: list[str] = []
    for match in _TOKEN.finditer(statement):
        if match[0] == "=":
            break
        parts.append(match[0])
    return "".join(parts)


def _path(table: Any) -> list[str]:
    """Return the names that lead to the innermost of nested tables with one item each."""
    names = []
    while isinstance(table, dict | list) and table:
        if isinstance(table, dict):
            ((name, table),) = table.items()
            names.append(name)
        else:
            table = table[0]
    return names
