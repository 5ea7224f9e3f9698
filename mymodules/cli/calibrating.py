"""``calibrate``: rules for what flickers on unchanged pages, proposed from repeated captures of them."""

import argparse
from pathlib import Path

from mymodules import calibration, rules
from mymodules.cli import runs
from mymodules.cli.wording import Wording
from mymodules.paths import local_path
from mymodules.project_file import FILE
from mymodules.rules import Rules
from mymodules.settings import MAX_PIXELS


def calibrate(options: argparse.Namespace, words: Wording) -> int:
    """Print a proposal of rules, and write what the options ask for; return the exit code.

    What is printed is a file of rules: sentences are comments in it.
    """
    file = _file(options)
    words.note_default(file)
    own = rules.read(file) if file.exists() else Rules()
    found = calibration.calibrate(
        options.folders,
        held_out=options.held_out,
        rules=own,
        max_pixels=options.max_pixels or MAX_PIXELS,
    )
    for sentence in found.sentences:
        words.say(f"# {sentence}")
    if own.rules:
        words.say(f"# What the rules in {file} take is not proposed again.")
    if options.write and found.rules:
        found.write(file)
        words.say(f"# Added to {file}:")
    elif options.write:
        words.say(f"# There is nothing to add to {file}.")
    if found.rules:
        words.say(f"\n{found.text.rstrip()}")
    if options.pictures is not None:
        count = len(found.save_pictures(options.pictures))
        words.say(f"\n# Pictures of what flickers: {count:,} in {local_path(options.pictures, 'The folder')}")
    return 0


def _file(options: argparse.Namespace) -> Path:
    if options.rules is not None:
        return local_path(options.rules, "The file of rules", "file")
    return runs.resolved(options).root / FILE
