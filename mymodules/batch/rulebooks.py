"""Which rules a run has, and what its manifest says about them.

The rules of a project are in the ``compare.toml`` of its root, where ``[folders]`` stands. A file of this
name beside other folders may be anybody's: it is named and not used.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mymodules.errors import SettingsError
from mymodules.paths import is_same, shown
from mymodules.project_file import FILE
from mymodules.rules import Rules, fingerprint
from mymodules.settings import Settings

if TYPE_CHECKING:
    from mymodules.batch.request import Request

_MOST = 1 << 20  # bytes that are looked at of a file that is not used
_RULE = re.compile(
    rb"""^(?:\xef\xbb\xbf)?[ \t]*(\[\[[ \t]*["']?rule\b|["']?rule["']?[ \t]*=)""", re.MULTILINE
)


def of_project(chosen: Settings, request: "Request") -> Rules:
    """Return the rules of a new run; raise SettingsError if they have a mistake, or cannot be applied."""
    asked, own = request.rules, chosen.root / FILE
    if asked is None:
        if not os.path.lexists(own):
            return Rules()
        asked = own
    from mymodules.rules import given  # most runs have no rules

    return given(asked, moves=request.moves)


def of_resumed(path: Path, manifest: Mapping[str, Any], request: "Request") -> Rules:
    """Return the rules that a run was begun with; raise SettingsError if others are asked for.

    It is also raised if the manifest does not say which these were: without them other rows would pass.
    """
    begun = _begun(path, manifest["rules"]) if "rules" in manifest else Rules()
    if request.rules is not None:
        from mymodules.rules import given

        if given(request.rules).rules != begun.rules:
            raise SettingsError(f"{shown(path)} was begun with other rules: leave out rules to resume it.")
    return begun


def _begun(path: Path, book: object) -> Rules:
    """Return the rules that the manifest of a run names; ``path`` is its CSV."""
    from mymodules.rules import of_entries

    file, entries, sealed = (
        book.get(key) if isinstance(book, Mapping) else None for key in ("file", "rules", "fingerprint")
    )
    begun = of_entries(entries, None if file is None else Path(str(file)))
    if begun is None or fingerprint(begun.rules) != sealed:
        raise SettingsError(
            f"{shown(path)} cannot be resumed: what its manifest says about its rules is damaged. "
            "Begin a new run."
        )
    return begun


def recorded(chosen: Settings, request: "Request", *, asked: bool) -> dict[str, Any]:
    """Return what the manifest of a new run says about rules; nothing if there are none.

    `asked` says whether the caller named them. Who wants none need not hear of files with some.
    """
    rules = request.rules
    assert isinstance(rules, Rules)
    if asked and rules.path is None and not rules.rules:
        return {}
    found: dict[str, Any] = {}
    if rules.rules:
        file = None if rules.path is None else str(rules.path)
        found["rules"] = {
            "file": file,
            "fingerprint": fingerprint(rules.rules),
            "rules": rules.entries(),
        }
    unused = [str(path) for path in _beside(chosen) if rules.path is None or not is_same(path, rules.path)]
    if unused:
        found["unused_rules"] = unused
    return found


def _beside(chosen: Settings) -> Iterator[Path]:
    """Yield the files with rules beside or in the compared folders, but that of the root."""
    near = [place for folder in (chosen.first, chosen.second) for place in (folder.parent, folder)]
    for folder in dict.fromkeys(near):
        path = folder / FILE
        if _has_rules(path) and not is_same(path, chosen.root / FILE):
            yield path


def _has_rules(path: Path) -> bool:
    """Return whether a file has rules, as far as its beginning shows."""
    if not os.path.isfile(path):  # noqa: PTH113 - Path may raise
        return False
    try:
        with path.open("rb") as file:
            return _RULE.search(file.read(_MOST)) is not None
    except OSError:
        return False
