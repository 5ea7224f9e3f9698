"""Finished runs in an output folder, written without our own code."""

import hashlib
import json
from pathlib import Path

STAMP = "20260101-000000-123456789"
LATER = "20260201-000000-123456789"


def digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def run_of(stamp: str = STAMP, rows: bytes = b"rows", **about: object) -> dict[str, bytes]:
    """Return the files of a run by name; its changes and a drawing are among them."""
    changes = b"changes of " + rows
    manifest = {"stamp": stamp, "complete": True, "root": "/home/me", "first": "/home/me/shots/before"}
    manifest |= {"second": "/home/me/shots/after", "csv_digest": digest(rows)}
    manifest |= {"changes_digest": digest(changes), **about}
    return {
        f"changes-{stamp}.csv": changes,
        f"results-{stamp}.csv": rows,
        f"results-{stamp}.json": json.dumps(manifest).encode(),
        f"03.diff-{stamp}/deep/a.png-1.orig.png": b"drawing of " + rows,
    }


def parsed(contents: dict[str, bytes]) -> dict[str, object]:
    """Return files with manifests as what they say."""
    return {name: json.loads(data) if name.endswith(".json") else data for name, data in contents.items()}


def abroad(contents: dict[str, bytes]) -> dict[str, object]:
    """Return the files of such runs as other computers have them: their manifests name no folder of any."""
    root = "on-another-computer"
    said = {"brought": True, "root": f"{root}/root/me", "out": root, "pictures_dir": root}
    said |= {"first": f"{root}/first/before", "second": f"{root}/second/after"}
    return {name: each | said if isinstance(each, dict) else each for name, each in parsed(contents).items()}


def but_manifests(contents: dict[str, bytes]) -> dict[str, bytes]:
    """Return files with manifests as if they said nothing, and without those that are no part of a run."""
    kept = {
        name: data
        for name, data in contents.items()
        if not (name.endswith((".lock", ".id")) or ".sending-" in name)
    }
    return {name: b"" if name.endswith(".json") else data for name, data in kept.items()}


def put(folder: Path, contents: dict[str, bytes]) -> None:
    """Have these files in a folder."""
    for name, data in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
