"""``approve`` and ``restore``: the accepted pictures become the new first ones, after a question."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mymodules import remote, results, streams, triage
from mymodules.cli import runs
from mymodules.cli.wording import Wording, printable, repeated
from mymodules.errors import ResultsError, SettingsError
from mymodules.pairs import matches
from mymodules.paths import shown
from mymodules.results import runfiles
from mymodules.row import NAMED, ONE_SIDED, counted
from mymodules.triage.accepted import accepted
from mymodules.triage.approval import MANIFEST
from mymodules.triage.plans import left_alone

if TYPE_CHECKING:
    import pandas as pd

UNWANTED = ("reject", "ignore")


def approve(options: argparse.Namespace, words: Wording) -> int:
    """Approve what the options name, by default what was accepted; return the exit code."""
    out = runs.output_folder(options, words)
    named = [word for word in options.what if runs.names_a_run(word)]
    if len(named) > 1:
        raise SettingsError(f"Name one run, not {len(named)}.")
    frame = results.load(runs.find(named[0] if named else None, out, own=True))
    if options.decisions is not None:
        words.say(str(triage.merge(frame, options.decisions)))
    patterns = [word for word in options.what if word not in named]
    _check(options, patterns)
    about, which, withheld, passing = _scope(frame, options, patterns)
    manifest = runfiles.record(frame)
    first = _first(manifest, options, runs.compared_last())
    plan = triage.plan(about, first=first, **which)
    for line in _listed(plan, words):
        words.say(line)
    if not plan.count:
        chosen = (bool(patterns) or options.all) and not options.accepted
        left = bool(plan.refused or (withheld and not plan.already))
        listed = left or plan.already or plan.tolerated or passing
        why = "." if listed else _what_to_do(words, options, named, chosen)
        words.say(f"There is nothing to approve{why}")
        return 2 if left else 0
    question = f"Change {counted(plan.count, 'file')} in {plan.first} to those in {manifest.get('second')}?"
    if not (options.yes or _confirmed(f"{question} The old ones are kept.", words)):
        return 0
    if plan != triage.plan(about, first=first, **which):
        words.complain(
            "The decisions or folders have changed meanwhile, and nothing was done: call this again."
        )
        return 2
    done = triage.approve(about, first=first, **which)
    new = {name: reason for name, reason in done.refused.items() if plan.refused.get(name) != reason}
    said = replace(done, refused={name: words.typed(reason) for name, reason in new.items()}, already=())
    words.say(str(said))  # the others were listed before the question
    if done.folder is not None:
        back = words.call("restore", *repeated(options, "out", "changes"))
        words.say(f"To bring the old ones back: {back}")
    return 2 if done.refused else 0


def restore(options: argparse.Namespace, words: Wording) -> int:
    """Bring back what an approval has replaced, by default the newest one; return the exit code."""
    out = runs.output_folder(options, words)
    folder = Path(options.folder).absolute() if options.folder else _newest(out)
    if not (folder / MANIFEST).is_file():
        raise ResultsError(f"{shown(folder)} is not the folder of an approval: name an approved-... folder.")
    manifest = runfiles.read_manifest(folder / MANIFEST)
    first = _first(manifest, options, runs.compared_last())
    count = len(manifest.get("changes", ()))
    where = first or manifest.get("first")
    if not (
        options.yes or _confirmed(f"Bring {counted(count, 'file')} in {where} back from {folder}?", words)
    ):
        return 0
    done = triage.restore(folder, first=first)
    words.say(str(done))
    approvals = _approvals(out)
    place = approvals.index(folder) if folder in approvals else 0
    if place and not (done.restored or done.refused):
        back = words.call("restore", str(approvals[place - 1]), *repeated(options, "out", "changes"))
        words.say(f"To undo the approval before that: {back}")
    return 2 if done.refused else 0


def _check(options: argparse.Namespace, patterns: Sequence[str]) -> None:
    """Raise SettingsError if options contradict each other, or one of them would do nothing."""
    if options.all and patterns:
        raise SettingsError("--all is about every picture: leave out --all, or the names.")
    if (options.new or options.gone) and not (options.all or (patterns and not options.accepted)):
        raise SettingsError(
            "--new and --gone go with names or --all: what was accepted is approved without them."
        )


def _scope(
    frame: "pd.DataFrame", options: argparse.Namespace, patterns: Sequence[str]
) -> tuple["pd.DataFrame", dict[str, Any], int, int]:
    """Return the rows that the options are about, and which of them are approved whatever was decided.

    The numbers are how many of the others differ, and how many pass by rules; of these a line each has been
    printed.
    """
    which: dict[str, Any] = {"adopt": "accepted", "remove": "accepted"}
    which |= {"unseen": options.unseen, "tolerated": options.tolerated}
    about = _named(frame, patterns) if patterns else frame
    if options.accepted or not (patterns or options.all):
        return about, which, 0, 0
    run = runfiles.record(frame)
    decided = accepted(about, Path(run["out"]), str(run.get("stamp", ""))).decisions
    state = about.assign(decision=decided)["decision"]
    exact = about["image_filename"].map(lambda name: bool({name, shown(name)} & {*patterns})).astype(bool)
    unwanted = state.isin(UNWANTED) & ~exact
    for decision in UNWANTED:
        if named := [*about["image_filename"][exact & (state == decision)]]:
            streams.say(f"Named, although decided otherwise ({decision}): {', '.join(map(shown, named))}")
    open_ = ~unwanted & (state != "accept")  # what was accepted needs no option
    withheld = 0
    for status, wanted, hint in (
        ("extra", options.new, "only in second: --new copies them to first"),
        ("missing", options.gone, "only in first: --gone removes them"),
        ("error", False, "that cannot be compared"),
    ):
        count = int((open_ & (about["status"] == status)).sum())
        if count and not wanted:
            streams.say(f"Left out, {counted(count)} {hint}")
            withheld += count
    if count := int((unwanted & (about["status"] != "same")).sum()):
        streams.say(f"Left out, {counted(count)} rejected or ignored")
        withheld += count
    passing = left_alone(about) & ~unwanted & ~exact & (not options.tolerated)
    if left := int(passing.sum()):
        streams.say(f"Left out, {counted(left)} that rules tolerate: --tolerated replaces them too")
    about = about[~unwanted & ~passing]
    names = {
        status: [*about["image_filename"][about["status"] == status]] for status in ("changed", *ONE_SIDED)
    }
    which["replace"] = names["changed"]
    if options.new:
        which["adopt"] = names["extra"]
    if options.gone:
        which["remove"] = names["missing"]
    return about, which, withheld, left


def _named(frame: "pd.DataFrame", patterns: Sequence[str]) -> "pd.DataFrame":
    """Return the rows with these names, also as they are printed.

    Raises
    ------
    SettingsError
        If there is none for one of the patterns.
    """
    names = frame["image_filename"]
    about = frame[[matches(name, patterns) or matches(shown(name), patterns) for name in names]]
    found = {form for name in about["image_filename"] for form in (name, shown(name))}
    absent = [text for text in patterns if not any(matches(name, [text]) for name in found)]
    if absent:
        raise SettingsError(f"The run has no picture named {' or '.join(map(shown, absent))}.")
    return about


def _first(manifest: Any, options: argparse.Namespace, compared: tuple[Path, Path] | None) -> str | None:
    """Return the folder whose pictures may be changed: named, asked about, or compared here last.

    A run that came from elsewhere names any folder, so without a question that is not enough.
    """
    if options.changes is not None:
        return str(options.changes)
    stated = manifest.get("first")
    known = compared is not None and [str(path) for path in compared] == [stated, manifest.get("second")]
    return stated if isinstance(stated, str) and (known or not options.yes) else None


def _listed(plan: triage.Plan, words: Wording) -> Iterator[str]:
    """Yield what a plan would do; the pictures that it would remove are all named."""
    found = {"approved already": plan.already} if plan.already else {}
    found |= {"left, as rules tolerate how they differ": plan.tolerated} if plan.tolerated else {}
    found |= {f"will be {effect}": names for effect, names in plan.effects.items()}
    for does, names in found.items():
        most = len(names) if names == plan.remove else NAMED
        more = f" and {len(names) - most:,} more" if len(names) > most else ""
        yield f"{counted(len(names))} {does}: {', '.join(map(shown, names[:most]))}{more}"
    if plan.refused:
        yield f"{counted(len(plan.refused))} cannot be approved:"
    for name, reason in plan.refused.items():
        yield f"  {shown(name)}: {words.typed(shown(reason))}"
    left = {name: told for name, told in plan.standings.items() if name not in plan.replace}
    if left:
        named = [f"{shown(name)} ({told})" for name, told in left.items()][:NAMED]
        more = f" and {len(left) - NAMED:,} more" if len(left) > NAMED else ""
        yield f"{counted(len(left))} not accepted; changes decided: {', '.join(named)}{more}"


def _what_to_do(words: Wording, options: argparse.Namespace, run: list[str], chosen: bool) -> str:
    if chosen:
        return ": these pictures do not differ."
    look = words.call("look", *run, *repeated(options, "out"))
    take, name = (
        words.call("approve", *run, *more, *repeated(options, "out", "changes"))
        for more in (["--decisions", "PATH"], ["NAME"])
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
        answer = input(printable(words.of(f"{question} [y/N] ")))
    except EOFError:
        words.say("")  # ends the line of the question
        raise SettingsError(
            "There was no answer, and nothing was changed: --yes answers beforehand."
        ) from None
    if answer.strip().lower() in ("y", "yes"):
        return True
    words.say("Nothing was changed.")
    return False


def _newest(out: Path) -> Path:
    found = _approvals(out)
    if not found:
        here = "" if remote.out_url(out) is None else " that was made on this computer"
        raise ResultsError(f"There is no approval in {runfiles.named(out)}{here}: nothing can be restored.")
    return found[-1]


def _approvals(out: Path) -> list[Path]:
    """Return the folders of approvals, the newest last."""
    found = [path.parent for path in out.glob(f"approved-*/{MANIFEST}")]
    return sorted(found, key=lambda folder: (folder.name[:24], len(folder.name), folder.name))
