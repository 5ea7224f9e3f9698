"""Link the sources of a page into one text: ES modules, style sheets, markup.

The sources below ``js/`` are plain ES modules, which editors, biome and browsers understand. But a widget's
module is imported from a blob, and a page at ``file://`` may not load modules at all: neither can follow a
relative import. So the linker puts everything that an entry imports in front of it. Each module stands in a
function of its own, so that equal names in two modules do not clash.

The linker understands ``import { a, b } from "./x.js"``, and ``export`` before the declaration of a function,
a class or a ``const`` with one name. It refuses any other import or export, and names its file and line.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

FOLDER = Path(__file__).parent

VIEWER_STYLES = (
    "css/causes.css",
    *(f"css/viewer/{part}.css" for part in ("base", "head", "stage", "details", "readout", "help")),
)
"""The style sheets of the viewer, in the order in which they stand in a page."""

_IMPORT = re.compile(r'^import\s*\{([\w$\s,]*)\}\s*from\s*"(\.{1,2}/[\w./-]+\.js)";[ \t]*$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:(?:async )?function\*?|class|const) ([\w$]+)\b)", re.MULTILINE)
_NOT_UNDERSTOOD = re.compile(
    r"^\s*(?:import|export)\b.*|\bimport\s*[(.].*|^await\b.*|^for await\b.*", re.MULTILINE
)


class LinkError(Exception):
    """A source cannot be linked; the text names the file and the line."""


def module(entry: str, folder: Path = FOLDER / "js") -> str:
    """Return an ES module that imports nothing; its default export holds what `entry` exports.

    Parameters
    ----------
    entry : str
        Path below `folder`, with ``/``: ``viewer/kernel.js``.
    folder : Path
        Where the sources are.

    Raises
    ------
    LinkError
        When an import or export is not understood, a name is imported twice or not exported, a module does
        not exist, or modules import each other.
    """
    return f'{script(entry, folder)}export default modules["{entry}"];\n'


@cache
def script(entry: str, folder: Path = FOLDER / "js") -> str:
    """Return a plain script that runs `entry` and what it imports; see `module`. It is linked once."""
    linked = _Linked(folder)
    linked.add(entry, ())
    return "const modules = {};\n" + "".join(linked.texts.values())


def text(*names: str) -> str:
    """Return the content of these style sheets or pages below this folder, joined in this order."""
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)


class _Linked:
    """Collect modules in the order in which they must run, each after those that it imports."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._exports: dict[str, list[str]] = {}
        self.texts: dict[str, str] = {}

    def add(self, name: str, above: tuple[str, ...]) -> None:
        if name in self.texts:
            return
        if name in above:
            raise LinkError(f"{' imports '.join((*above[above.index(name) :], name))}: a circle.")
        path = self._folder / name
        if not path.is_file():
            raise LinkError(f"{name} does not exist; it is imported by {above[-1] if above else 'a page'}.")
        source = path.read_text(encoding="utf-8")
        known: set[str] = set()
        parts = []
        for match in _IMPORT.finditer(source):
            names = [each.strip() for each in match[1].split(",") if each.strip()]
            if any(" " in each or "\n" in each for each in names):  # { a as b }
                continue
            wanted = _below(name, match[2])
            self.add(wanted, (*above, name))
            for each in names:
                if each not in self._exports[wanted]:
                    raise LinkError(f"{_at(name, source, match.start())}: {wanted} exports no {each}.")
                if each in known:
                    raise LinkError(f"{_at(name, source, match.start())}: {each} is imported twice.")
                known.add(each)
            lines = "\n" * match[0].count("\n")
            parts.append((match.span(), f'const {{ {", ".join(names)} }} = modules["{wanted}"];{lines}'))
        exports = [match[1] for match in _EXPORT.finditer(source)]
        parts += [(match.span(), "") for match in _EXPORT.finditer(source)]
        body = _replaced(source, sorted(parts))
        if found := _NOT_UNDERSTOOD.search(body):
            raise LinkError(f"{_at(name, body, found.start())}: not understood: {found[0].strip()}")
        self._exports[name] = exports
        result = f"return {{ {', '.join(exports)} }};" if exports else "return {};"
        self.texts[name] = f'modules["{name}"] = (() => {{\n"use strict";\n{body}{result}\n}})();\n'


def _replaced(source: str, parts: list[tuple[tuple[int, int], str]]) -> str:
    """Replace some parts of the source; the number of lines stays the same."""

    def pieces() -> Iterator[str]:
        at = 0
        for (start, end), instead in parts:
            yield source[at:start] + instead
            at = end
        yield source[at:]

    return "".join(pieces())


def _below(name: str, path: str) -> str:
    """Return the path of an imported module, below the folder of the sources."""
    parts: list[str] = list(PurePosixPath(name).parent.parts)
    for part in path.split("/"):
        if part == "..":
            if not parts:
                raise LinkError(f"{name} imports {path}, which lies outside of the sources.")
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _at(name: str, source: str, place: int) -> str:
    """Return file and line of a place in the source."""
    # The expressions that find a place may match line breaks before it.
    place += len(source[place:]) - len(source[place:].lstrip())
    return f"{name}, line {source.count(chr(10), 0, place) + 1}"
