"""``approve`` and ``restore``: the accepted pictures become the new first ones, after a question."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mymodules import results, streams, triage
from mymodules.cli import runs
from mymodules.cli.wording import Wording
from mymodules.errors import ResultsError, SettingsError
from mymodules.pairs import matches
from mymodules.paths import shown
from mymodules.results import runfiles
from mymodules.row import ONE_SIDED, counted
from mymodules.triage.approval import MANIFEST

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 8
"""The most names of pictures that are replaced or adopted; those that are removed are all named."""

UNWANTED = ("reject", "ignore")


def approve(options: argparse.Namespace, words: Wording) -> int:
    """Approve what the options name, by default what was accepted; return the exit code."""
    out = runs.output_folder(options, words)
    named = [word for word in options.what if runs.names_a_run(word)]
    if len(named) > 1:
        raise SettingsError(f"Name one run, not {len(named)}.")
    frame = results.load(runs.find(named[0] if named else None, out))
    if options.decisions is not None:
        words.say(str(triage.merge(frame, options.decisions)))
    about, which = _scope(frame, options, [word for word in options.what if word not in named])
    manifest = runfiles.record(frame)
    first = _first(manifest, options, runs.compared_last())
    plan = triage.plan(about, first=first, **which)
    for line in _listed(plan):
        words.say(line)
    if not plan.count:
        words.say(f"There is nothing to approve{'.' if plan.refused else _what_to_do(words, options)}")
        return 2 if plan.refused else 0
    question = f"Change {_files(plan.count)} in {plan.first} to those in {manifest.get('second')}?"
    if not (options.yes or _confirmed(f"{question} The old ones are kept.", words)):
        return 0
    if plan != triage.plan(about, first=first, **which):
        words.complain(
            "The decisions or folders have changed meanwhile, and nothing was done: call this again."
        )
        return 2
    done = triage.approve(about, first=first, **which)
    words.say(str(done))
    if done.folder is not None:
        more = [] if options.out is None else ["--out", options.out]
        words.say(f"To bring the old ones back: {words.call('restore', *more)}")
    return 2 if done.refused else 0


def restore(options: argparse.Namespace, words: Wording) -> int:
    """Bring back what an approval has replaced, by default the newest one; return the exit code."""
    out = runs.output_folder(options, words)
    folder = Path(options.folder).absolute() if options.folder else _newest(out)
    manifest = runfiles.read_manifest(folder / MANIFEST)
    first = _first(manifest, options, runs.compared_last())
    count = len(manifest.get("changes", ()))
    where = first or manifest.get("first")
    if not (options.yes or _confirmed(f"Bring {_files(count)} in {where} back from {folder}?", words)):
        return 0
    done = triage.restore(folder, first=first)
    words.say(str(done))
    return 2 if done.refused else 0


def _scope(
    frame: "pd.DataFrame", options: argparse.Namespace, patterns: Sequence[str]
) -> tuple["pd.DataFrame", dict[str, Any]]:
    """Return the rows that the options are about, and which of them are approved whatever was decided."""
    if not patterns and not options.all:
        return frame, {"adopt": "accepted", "remove": "accepted"}
    if patterns:
        about = frame[[matches(name, patterns) for name in frame["image_filename"]]]
        absent = [
            text for text in patterns if not any(matches(name, [text]) for name in about["image_filename"])
        ]
        if absent:
            raise SettingsError(f"The run has no picture named {' or '.join(map(shown, absent))}.")
    else:
        out = Path(runfiles.record(frame)["out"])
        about = frame[~triage.Decisions(out).state(frame).isin(UNWANTED)]
    names = {
        status: [*about["image_filename"][about["status"] == status]] for status in ("changed", *ONE_SIDED)
    }
    for status, wanted, hint in (
        ("extra", options.new, "only in second: --new copies them to first"),
        ("missing", options.gone, "only in first: --gone removes them"),
    ):
        if names[status] and not wanted:
            streams.say(f"Left out, {counted(len(names[status]))} {hint}")
    about = about[about["status"].isin(["changed", *["extra"] * options.new, *["missing"] * options.gone])]
    adopt, remove = names["extra"] if options.new else [], names["missing"] if options.gone else []
    return about, {"replace": names["changed"], "adopt": adopt, "remove": remove}


def _first(manifest: Any, options: argparse.Namespace, compared: tuple[Path, Path] | None) -> str | None:
    """Return the folder whose pictures may be changed: named, asked about, or compared here last.

    A run that came from elsewhere names any folder, so without a question that is not enough.
    """
    if options.changes is not None:
        return str(options.changes)
    stated = manifest.get("first")
    known = compared is not None and [str(path) for path in compared] == [stated, manifest.get("second")]
    return stated if isinstance(stated, str) and (known or not options.yes) else None


def _listed(plan: triage.Plan) -> Iterator[str]:
    for names, does, most in (
        (plan.replace, "replaced in first by the second picture", SHOWN),
        (plan.adopt, "copied to first, because only second has it", SHOWN),
        (plan.remove, "removed from first, because second has none", len(plan.remove)),
    ):
        if names:
            more = f" and {len(names) - most:,} more" if len(names) > most else ""
            yield f"{counted(len(names))} will be {does}: {', '.join(map(shown, names[:most]))}{more}"
    if plan.refused:
        yield f"{counted(len(plan.refused))} cannot be approved:"
    for name, reason in plan.refused.items():
        yield f"  {shown(name)}: {shown(reason)}"


def _what_to_do(words: Wording, options: argparse.Namespace) -> str:
    if options.what or options.all:
        return ": these pictures do not differ."
    out = [] if options.out is None else ["--out", options.out]
    look, take, name = (
        words.call(*call, *out)
        for call in (["look"], ["approve", "--decisions", "PATH"], ["approve", "NAME"])
    )
    return (
        ", as no picture that differs was accepted.\n"
        f"In the browser: {look}; accept pictures there, download the decisions, then: {take}\n"
        f"Or here: {name}"
    )


def _confirmed(question: str, words: Wording) -> bool:
    """Ask, and return whether the answer is yes."""
    streams.flush()
    try:
        answer = input(words.of(f"{question} [y/N] "))
    except EOFError:
        words.complain("\nThere was no answer, and nothing was changed: --yes answers beforehand.")
        return False
    if answer.strip().lower() in ("y", "yes"):
        return True
    words.say("Nothing was changed.")
    return False


def _newest(out: Path) -> Path:
    found = [path.parent for path in out.glob(f"approved-*/{MANIFEST}")]
    if not found:
        raise ResultsError(f"There is no approval in {shown(out)}: nothing can be restored.")
    return max(found, key=lambda folder: (folder.name[:24], len(folder.name), folder.name))


def _files(count: int) -> str:
    return f"{count:,} {'file' if count == 1 else 'files'}"
