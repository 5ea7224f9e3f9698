"""``compare`` and ``notebook``: a run, its summary, and the files that were asked for."""

import argparse
import contextlib
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mymodules import batch, remote, results
from mymodules.batch import Run, cluster
from mymodules.cli import runs, sharing, watching
from mymodules.cli.interrupts import termination_interrupts
from mymodules.cli.outputs import Outputs
from mymodules.cli.parser import NONE, STORE
from mymodules.cli.progress import Lines
from mymodules.cli.summary import notes, summary, width_of_terminal
from mymodules.cli.wording import Wording, repeated
from mymodules.errors import OutputError, SettingsError
from mymodules.paths import masked
from mymodules.results import runfiles
from mymodules.row import verdict, verdict_of
from mymodules.rules import Rules

PASSED = (
    "skip_until",
    "stop_at",
    "num_processors",
    "pictures",
    "include",
    "exclude",
    "match",
    "strict",
    "check_pixels",
    "moves",
    "renames",
    "verify",
)
"""The options that `batch.run` takes as they are."""

NOT_IN_THE_RUN = (
    *("num_processors", "dask", "verify", "check_pixels", "open", "notebook"),
    *("report", "report_all", "report_paths", "looks", "junit", "json", "markdown", "markdown_link"),
    *("parquet", "check"),
)
"""The options that a run does not keep, besides its store: who resumes it names them again."""

CODES = {"same": 0, "different": 1, "error": 2}
"""The exit code of ``--check`` for each verdict."""


def compare(options: argparse.Namespace, words: Wording) -> int:
    """Compare, print what was found and write what was asked for; return the exit code."""
    if (options.first is None) != (options.second is None):
        raise SettingsError("Name both, FIRST and SECOND, or none of them.")
    sharing.check(options, has_store=options.store != NONE)
    if options.watch:
        return watching.watch(options, words, runs.resolved(options).compared, _once)
    return _once(options, words)


def _once(options: argparse.Namespace, words: Wording) -> int:
    first, second, call = _prepared(options)
    out = _out(call, options)
    for path, named in ((first, options.first), (second, options.second), (out, options.out)):
        if named is None:
            words.note_default(path)
        if path is not out and (url := remote.described(path)) is not None:
            words.note(url, path)
    outputs = Outputs.of(options, first, second, out)
    with termination_interrupts():
        sharing.seed(options, out / options.store, words)
        words.say(f"Comparing {first} with {second} ...")
        run = _run(call, options, words)
        if first.is_dir():
            runs.note(first, second, run.csv_path.parent)
        found = results.Rows.read(run.csv_path)
        _say_what_was_found(run, found, words)
        complete = not run.unsent
        if options.notebook:
            complete &= _save_notebook(run, found.run, (first, second), options, words)
        try:
            complete &= all([*outputs.write(run.csv_path, found, options, words)])
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                "Interrupted: the files named above are complete, and nothing else was written."
            ) from None
        sharing.push(options, out / options.store, words)  # last: it may take long, or be interrupted
    counts = Counter(verdict_of(row.status, row.verdict) for row in found.rows)
    if verdict(counts) != "same":
        _say_what_next(run, outputs, options, words)
    return exit_code(counts, check=options.check) if complete else 2


def _prepared(options: argparse.Namespace) -> tuple[Path, Path, dict[str, Any]]:
    """Return first, second and the arguments of `batch.run`; create an absent output folder."""
    call = {name: getattr(options, name) for name in PASSED}
    call["store"] = None if options.store == NONE else options.store
    call["rules"] = Rules() if options.rules == NONE else options.rules
    if options.resume is None:
        chosen = runs.chosen(options)
        return *chosen.compared, call
    if options.max_pixels is not None:
        raise SettingsError("A run is resumed with the limit it was begun with: leave out --max-pixels.")
    call["resume"] = path = runs.to_resume(options.resume, runs.resolved(options).out)
    call |= {"first": options.first, "second": options.second}
    stamp = runfiles.stamp_of(path)
    if stamp is None:
        raise SettingsError(f"{masked(path)} is not a results file of a run: name a results-....partial.csv.")
    manifest = runfiles.read_manifest(runfiles.manifest_path(path.parent, stamp))
    first, second = (Path(str(manifest.get(role, ""))).absolute() for role in ("first", "second"))
    files = manifest.get("selection", {}).get("files") or ("", "")  # the run checks what it reads
    return first / files[0], second / files[1], call


def _out(call: Mapping[str, Any], options: argparse.Namespace) -> Path:
    """Return the output folder, which a resumed run keeps."""
    return Path(call["resume"]).parent if "resume" in call else runs.resolved(options).out


def _run(call: Mapping[str, Any], options: argparse.Namespace, words: Wording) -> Run:
    lines = Lines()
    try:
        with contextlib.nullcontext() if options.dask is None else cluster.connected(options.dask) as client:
            return batch.run(**call, executor=client, on_progress=lines)
    except batch.Stopped as stopped:
        lines.end()
        store = [] if options.store == STORE else ["store"]
        again = words.call(
            *("compare", "--resume", str(stopped.csv_path)),
            *repeated(options, *store, *sharing.repeatable(options), *NOT_IN_THE_RUN),
        )
        raise KeyboardInterrupt(f"{stopped.message} To continue: {again}") from None
    finally:
        lines.end()


def _say_what_was_found(run: Run, found: results.Rows, words: Wording) -> None:
    lines, further = summary(found.rows, width_of_terminal(sys.stdout)), [*notes(found.run, found.rows)]
    if any(row.changes for row in found.rows):
        from mymodules.agenda import Agenda  # most runs find nothing

        if (agenda := Agenda.of(found, found.run)) is not None:
            further.insert(0, str(agenda))
    words.say("\n".join(["", *lines, *([""] if further else []), *further]))
    words.say(f"\nTable:     {run.csv_path}")
    if run.pictures_dir.is_dir():
        words.say(f"Pictures:  {run.pictures_dir}")


def _save_notebook(
    run: Run,
    manifest: Mapping[str, Any],
    compared: tuple[Path, Path],
    options: argparse.Namespace,
    words: Wording,
) -> bool:
    """Execute the notebook about a run and save it; return whether it ran to its end and was saved."""
    from mymodules.cli import headless  # the libraries for notebooks take a second to load

    parameters: dict[str, Any] = dict(zip(("first", "second"), map(str, compared), strict=True))
    parameters |= {"out": str(run.csv_path.parent), "resume": str(run.csv_path), **manifest["options"]}
    if options.store != STORE:
        parameters["store"] = None if options.store == NONE else options.store
    words.say("Executing the notebook ...")
    notebook, problem = headless.document(parameters, Path(manifest["root"]))
    if problem:
        words.complain(problem)
    try:
        words.say(f"Notebook:  {headless.save(notebook, run.csv_path.parent, manifest['stamp'])}")
    except OutputError as error:
        words.complain(str(error))
        return False
    return problem is None


def _say_what_next(run: Run, outputs: Outputs, options: argparse.Namespace, words: Wording) -> None:
    out = repeated(options, "out")
    if not out and (url := remote.out_url(run.csv_path.parent)) is not None:
        out = ["--out", url]
    if options.open:
        from mymodules.cli import looking  # loads tables

        if outputs.page is None:
            looking.show(run.csv_path, words)
        else:
            looking.open_page(outputs.index, words)
        words.say(f"Then approve what you accepted: {words.call('approve', *out)}")
    else:
        words.say(f"\nLook and decide: {words.call('look', *out)}")


def exit_code(counts: Mapping[str, int], *, check: bool) -> int:
    """Return the exit code of a comparison that was completed.

    Parameters
    ----------
    counts : mapping of str to int
        Rows by verdict.
    check : bool
        Whether the code depends on the rows: 0 if all are the same, 1 for differences, 2 for any error.
    """
    if not check:
        return 0
    return CODES[verdict(counts)]
