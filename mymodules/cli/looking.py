"""``look`` and ``report``: a run as a page in the browser."""

import argparse
import webbrowser
from pathlib import Path

from mymodules import report as pages
from mymodules import results
from mymodules.cli import comparing, runs
from mymodules.cli.parser import parser
from mymodules.cli.wording import Wording, repeated
from mymodules.errors import SettingsError
from mymodules.results import runfiles


def look(options: argparse.Namespace, words: Wording) -> int:
    """Show a run in the browser; compare first if two folders or files are named."""
    if len(options.what) > 2:
        raise SettingsError("look takes one run, or FIRST and SECOND.")
    if len(options.what) == 2:
        line = ["compare", *repeated(options, "out"), "--open", "--", *options.what]
        compared = parser(words.program).parse_args(line)
        return comparing.compare(compared, words)
    named = options.what[0] if options.what else None
    show(runs.find(named, runs.output_folder(options, words)), words)
    return 0


def report(options: argparse.Namespace, words: Wording) -> int:
    """Write the report of a run."""
    frame = results.load(runs.find(options.run, runs.output_folder(options, words)))
    how = {"same": options.report_all, "paths": options.report_paths, "only_looks": options.looks}
    written = pages.write(frame, options.path, embed=pages.is_one_file(options.path), **how)
    words.say(f"{'Looks' if options.looks else 'Report'}:".ljust(11) + str(written))
    return 0


def show(csv_path: Path, words: Wording) -> None:
    """Write the report of a run beside its results, and open it in the browser."""
    page = csv_path.parent / f"report-{runfiles.stamp_of(csv_path)}"
    index = pages.write(results.load(csv_path), page)
    words.say(f"Report:    {index}")
    open_page(index, words)


def open_page(index: Path, words: Wording) -> None:
    """Open a page in the browser, or say that there is none."""
    if not webbrowser.open(index.absolute().as_uri()):
        words.complain(f"There is no browser here: open {index} in one.")
