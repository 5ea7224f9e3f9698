"""``--store-from`` and ``--store-to``: the store is seeded before a run, and pushed after it.

A store only saves time: what fails here is printed, and changes neither the run nor its exit code.
"""

import argparse
from pathlib import Path

from mymodules.cli.wording import Wording
from mymodules.errors import MymodulesError, SettingsError
from mymodules.remote import address, check_writable, is_remote

NAMES = ("store_from", "store_to")
"""The options by the names that the parser gives them."""


def check(options: argparse.Namespace, *, has_store: bool) -> None:
    """Raise SettingsError if these options cannot be used with the others."""
    for name in NAMES:
        option, url = f"--{name.replace('_', '-')}", getattr(options, name)
        if url is None:
            continue
        if not has_store:
            raise SettingsError(f"{option} needs a store: leave it out, or --store none.")
        if options.watch:
            raise SettingsError(f"{option} is for single runs: leave out --watch or {option}.")
        if not is_remote(url):
            raise SettingsError(f"{option} must be a URL, such as s3://bucket/store.snapshot.")
    if options.store_to is not None:
        check_writable(options.store_to)


def repeatable(options: argparse.Namespace) -> list[str]:
    """Return those of the options that may be printed: a URL may have a password."""
    return [name for name in NAMES if (url := getattr(options, name)) is None or address(url) == url]


def seed(options: argparse.Namespace, root: Path, words: Wording) -> None:
    """Seed the store in a folder if that was asked for."""
    if (url := options.store_from) is None:
        return
    from mymodules import store  # few runs ask for it

    try:
        with store.DiffStore(root) as opened:
            found = store.seed(opened, url)
    except MymodulesError as error:
        words.complain(f"The store is not seeded, and the run goes on without that. {error}")
        return
    if found is None:
        words.say(f"There is no snapshot {address(url)} yet.")
        return
    left_out = f", {found.unsound:,} left out as unsound" if found.unsound else ""
    words.say(f"{address(url)}: {found.new:,} records are new here, {found.known:,} known{left_out}.")


def push(options: argparse.Namespace, root: Path, words: Wording) -> None:
    """Push the store in a folder if that was asked for."""
    if (url := options.store_to) is None:
        return
    from mymodules import store

    try:
        with store.DiffStore(root) as opened:
            new = store.push(opened, url)
    except MymodulesError as error:
        words.complain(f"The store is not pushed; the results are complete. {error}")
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            "Interrupted: the results are complete, and the store is not pushed."
        ) from None
    else:
        words.say(f"{address(url)}: {new:,} records are new there.")
