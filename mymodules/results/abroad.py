"""Manifests of runs on other computers than the one that made them: nothing in them is believed."""

import contextlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from mymodules.remote.listing import why_not
from mymodules.results import runfiles

_ABROAD = "on-another-computer"  # no folder


def manifest_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest as other computers have it: there it names no folder, whoever has written it."""
    found = {**manifest, "brought": True, "out": _ABROAD, "pictures_dir": _ABROAD}
    for role in ("root", "first", "second"):
        name = _last(manifest.get(role))
        found[role] = f"{_ABROAD}/{role}/{role if why_not(name) else name}"
    rules = manifest.get("rules")
    if isinstance(rules, dict) and rules.get("file") is not None:
        found["rules"] = {**rules, "file": _last(rules["file"])}
    if isinstance(unused := manifest.get("unused_rules"), list):
        found["unused_rules"] = [*map(_last, unused)]
    return found


def _last(path: object) -> str:
    return re.split(r"[\\/]", str(path))[-1]


def ended(manifest: Mapping[str, Any]) -> datetime | None:
    """Return when a run of another computer was over, by the clock of that one; None if unknown."""
    begun, seconds = runfiles.begun(manifest.get("stamp")), manifest.get("seconds")
    if begun is not None and isinstance(seconds, int | float):
        with contextlib.suppress(OverflowError, ValueError):  # it may be no number
            return begun + timedelta(seconds=max(0, seconds))
    return None
