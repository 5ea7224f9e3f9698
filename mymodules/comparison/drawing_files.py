"""The files of a pair's drawings: their paths, and how to remove them.

For a pair named ``shop/cart.png`` these five may be written below the run's pictures folder:

    shop/cart.png-1.orig.png     first, boxes drawn around the regions
    shop/cart.png-2.new.png      second, likewise
    shop/cart.png-3.diff.png     the SSIM map, black where SSIM is 0 or less
    shop/cart.png-4.thresh.png   its threshold, white where changed
    shop/cart.png-5.delta.png    orange where colours differ, blue where only alpha does

`paths` chooses the part before ``-1.orig.png`` for all names of a run, so that no two drawings have the same
path on any file system. What they show is up to `drawings`.
"""

import contextlib
import hashlib
import os
import unicodedata
from collections.abc import Collection
from pathlib import Path

ENDINGS = ("-1.orig.png", "-2.new.png", "-3.diff.png", "-4.thresh.png", "-5.delta.png")

_LONGEST_NAME = 255 - max(len(ending) for ending in ENDINGS)  # bytes
_RESERVED = {"con", "prn", "aux", "nul", "conin$", "conout$"}
_RESERVED |= {f"{port}{n}" for port in ("com", "lpt") for n in "123456789¹²³"}


def paths(names: Collection[str]) -> dict[str, str]:
    """Return the paths of drawings by the names of pairs: below the pictures folder, without the ending.

    Most paths are the name itself, and are left out. A name that would be too long for a file system, that
    Windows reserves, or that differs from another one only in case or Unicode form, is shortened and ends in
    8 digits of its digest.

    Parameters
    ----------
    names : collection of str
        All names of a run, with ``/``: which of them collide depends on the others.
    """
    folds, again = set[str](), set[str]()
    for name in names:
        fold = _fold(name)
        (again if fold in folds else folds).add(fold)
    del folds
    parents = {Path(parent) for parent in {name.rpartition("/")[0] for name in names}}
    folders = {_fold(above.as_posix()) for parent in parents for above in (parent, *parent.parents)}
    drawings = {folder for folder in folders if folder.endswith(ENDINGS)}  # named so, at least
    found = {}
    for name in names:
        fold = _fold(name)
        *above, last = name.split("/")
        collides = fold in again or any(fold + ending in drawings for ending in ENDINGS if drawings)
        above = [_shortened(part, part) if _unfit(part) else part for part in above]
        if collides or _unfit(last):
            last = _shortened(last, name)
        if (path := "/".join([*above, last])) != name:
            found[name] = path
    return found


def remove_others(folder: Path, drawing_paths: Collection[str]) -> None:
    """Remove all drawings below a folder but those at these paths (best effort)."""
    for ending in ENDINGS:
        for path in folder.rglob(f"*{ending}"):
            below = path.relative_to(folder).as_posix().removesuffix(ending)
            if below not in drawing_paths:
                with contextlib.suppress(OSError):
                    path.unlink()


def remove(folder: Path, drawing_path: str) -> None:
    """Remove the drawings of a pair (best effort)."""
    for ending in ENDINGS:
        with contextlib.suppress(OSError):
            (folder / (drawing_path + ending)).unlink()


def _fold(name: str) -> str:
    if name.isascii():
        return name if (lower := name.lower()) == name else lower  # no second text in memory
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _unfit(part: str) -> bool:
    """Return whether a part of a path is reserved on Windows, or too long."""
    reserved = part.split(".")[0].strip().lower() in _RESERVED or part.endswith((".", " "))
    return reserved or len(os.fsencode(part)) > _LONGEST_NAME


def _shortened(part: str, name: str) -> str:
    """Cut a part of a path to fit, without its ending, and add 8 digits of the digest of ``name``."""
    mark = "-" + hashlib.blake2b(os.fsencode(name), digest_size=4).hexdigest()
    short = part if "." not in part.lstrip(".") else part.rpartition(".")[0]
    while len(os.fsencode(short)) + len(mark) > _LONGEST_NAME:
        short = short[:-1]
    short = short.rstrip(". ")
    return (short.replace(".", "-") if _unfit(short) else short) + mark
