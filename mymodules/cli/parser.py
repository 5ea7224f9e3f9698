"""The parser: every command, its options and their help."""

import argparse
import contextlib
from collections.abc import Sequence
from typing import Any, NoReturn

from mymodules import streams
from mymodules.cli.wording import OPTIONS
from mymodules.pairs import MATCHES
from mymodules.paths import masked
from mymodules.remote import address

COMMANDS = {
    "compare": "compare two folders, or two files, and print what changed",
    "look": "look at a run in the browser; with two folders, compare them first",
    "report": "write a run as a page that any browser opens from disk",
    "approve": "make accepted pictures the new first ones, after a question",
    "restore": "bring back the pictures that approve replaced",
    "notebook": "compare, and save an executed notebook with tables and pictures",
    "calibrate": "propose rules for what flickers on unchanged pages",
    "help": "print this",
}
"""What can be done, in the order of the help."""


STORE = ".store"
"""The store if none is named, below the output folder."""

NONE = "none"
"""Stands for no store, and for no rules."""


class _Program(argparse.ArgumentParser):
    """Print help through `streams`, which remembers what a full disk did not take."""

    def print_help(self, file: Any = None) -> None:
        streams.say(self.format_help(), end="")

    def error(self, message: str) -> NoReturn:
        """End with a message, without what is secret in a URL that stands in the wrong place."""
        super().error(masked(message))


class _Command(_Program):
    """Refuse words that a command does not know with the usage of that command, not of the whole program."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            renamed = OPTIONS.get(unknown[0].partition("=")[0].removeprefix("--").replace("-", "_"))
            hint = f" (say {renamed})" if renamed else ""
            self.error(f"unrecognized arguments: {' '.join(map(address, unknown))}{hint}")
        return found, unknown


class _Version(argparse.Action):
    """Print the version; finding out which kernel is in use takes time."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(
            option_strings, dest, nargs=0, help="print the version, and whether a kernel is used"
        )

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from mymodules import __version__, kernel

        streams.say(f"mymodules {__version__}, {kernel.description()}")
        parser.exit()


def parser(program: str = "mymodules") -> argparse.ArgumentParser:
    """Return the parser of the command line; `program` is what a user types before the command."""
    made = _Program(
        prog=program,
        allow_abbrev=False,
        description="Compare the pictures of two folders, look at what changed, and decide.",
        epilog=f"{program} COMMAND --help explains the options of a command.",
    )
    made.add_argument("--version", action=_Version)
    commands = made.add_subparsers(required=True, metavar="COMMAND", parser_class=_Command)
    rooms = {
        "compare": ("comparing", "compare", _compare),
        "look": ("looking", "look", _look),
        "report": ("looking", "report", _report),
        "approve": ("approving", "approve", _approve),
        "restore": ("approving", "restore", _restore),
        "notebook": ("comparing", "compare", _compare),
        "calibrate": ("calibrating", "calibrate", _calibrate),
    }
    for name, (room, call, add) in rooms.items():
        command = commands.add_parser(
            name,
            help=COMMANDS[name],
            description=f"{COMMANDS[name].capitalize()}.",
            allow_abbrev=False,  # else every new option could give another meaning to a line that worked
        )
        command.set_defaults(room=room, call=call)
        if name == "notebook":
            command.set_defaults(notebook=True)
        add(command)
    commands.add_parser("help", help=COMMANDS["help"])
    return made


def _compare(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "first",
        nargs="?",
        metavar="FIRST",
        help="folder of the pictures as they were, a file, or those of a Git revision: git:HEAD~1:PATH, or "
        "git:HEAD~1 for the path of SECOND; or a URL: s3://bucket/plots",
    )
    command.add_argument(
        "second", nargs="?", metavar="SECOND", help="folder of the pictures as they are, or a file"
    )
    _out(command)
    run = command.add_argument_group("what is compared")
    run.add_argument(
        "--skip",
        type=_count,
        default=0,
        dest="skip_until",
        metavar="N",
        help="leave out the first N pictures",
    )
    run.add_argument(
        "--stop", type=_stop, default=-1, dest="stop_at", metavar="N", help="end after the N-th, -1 for all"
    )
    for name, does in (("include", "compare only"), ("exclude", "leave out")):
        run.add_argument(
            f"--{name}",
            action="append",
            default=[],
            metavar="PATTERN",
            help=f"{does} names like *.png; repeatable",
        )
    run.add_argument(
        "--match",
        action="append",
        default=[],
        choices=MATCHES,
        help="pair also names that differ in ending (stem), in case (casefold), or with both in both",
    )
    run.add_argument(
        "--strict", action="store_true", help="refuse folders with anything left out that is not excluded"
    )
    run.add_argument(
        "--resume", metavar="RUN", help="continue a stopped run: its .partial.csv, or last for the newest one"
    )
    run.add_argument("--max-pixels", type=_positive, metavar="N", help="largest width x height to decode")
    _how(command)
    _after(command)


def _how(command: argparse.ArgumentParser) -> None:
    """Add how pairs are compared."""
    how = command.add_argument_group("how")
    where = how.add_mutually_exclusive_group()
    where.add_argument("--processes", type=_positive, dest="num_processors", metavar="N", help="processes")
    where.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="compare on the workers of this Dask scheduler, tcp://HOST:8786; they must see the folders",
    )
    how.add_argument(
        "--pictures", choices=("changed", "all", "none"), default="changed", help="which pairs are drawn"
    )
    how.add_argument(
        "--store",
        default=STORE,
        metavar="PATH",
        help="what remembers earlier runs, below OUT; none: nothing",
    )
    how.add_argument(
        "--store-from",
        metavar="URL",
        help="first take in the snapshot of a store, such as s3://bucket/store.snapshot, if there is one",
    )
    how.add_argument(
        "--store-to",
        metavar="URL",
        help="afterwards push a snapshot of the store; if it is that of --store-from, what is there stays",
    )
    how.add_argument(
        "--rules",
        metavar="PATH",
        help="which differences are tolerated, by default what compare.toml says; none: no rules",
    )
    how.add_argument(
        "--check-pixels", action="store_true", help="decode files that are equal byte for byte, too"
    )
    how.add_argument(
        "--no-moves",
        action="store_false",
        dest="moves",
        help="do not find out what only moved, which takes less time",
    )
    how.add_argument(
        "--no-renames",
        action="store_false",
        dest="renames",
        help="do not search for renamed pictures, which takes up to ten seconds or so",
    )
    how.add_argument(
        "--verify", action="store_true", help="read every file, even where size and time are equal"
    )


def _after(command: argparse.ArgumentParser) -> None:
    """Add what is done with the results."""
    after = command.add_argument_group("afterwards")
    after.add_argument("--open", action="store_true", help="look at it in the browser")
    after.add_argument("--watch", action="store_true", help="compare again whenever a picture changes")
    after.add_argument("--notebook", action="store_true", help="also save an executed notebook")
    after.add_argument(
        "--report", metavar="PATH", help="also write a report for any browser: a folder; PATH.html: one file"
    )
    after.add_argument(
        "--looks", metavar="PATH", help="also write a page of the looks alone, as --report does"
    )
    after.add_argument(
        "--junit", metavar="PATH", help="also write the results as JUnit XML, for build servers"
    )
    after.add_argument(
        "--json", metavar="PATH", help="also write the results as one JSON document, for programs"
    )
    after.add_argument(
        "--parquet", metavar="PATH", help="also write the table as a Parquet file, for pandas, polars, DuckDB"
    )
    after.add_argument(
        "--markdown",
        metavar="PATH",
        help="also write a summary for a pull request; in GitHub Actions it is the step's, too",
    )
    after.add_argument(
        "--markdown-link",
        metavar="URL",
        help="where OUT can be read, for small pictures in that summary",
    )
    _report_options(after, "--report-")
    after.add_argument(
        "--check", action="store_true", help="exit code 0: all the same, 1: differences, 2: an error"
    )


def _look(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "what",
        nargs="*",
        metavar="RUN",
        help="a results file or its stamp, or FIRST SECOND; by default the newest",
    )
    _out(command)


def _report(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "path", metavar="PATH", help="a folder for the report; if it ends in .html, one file"
    )
    command.add_argument("--looks", action="store_true", help="write the looks alone")
    _run(command)
    _out(command)
    _report_options(command, "--")


def _approve(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "what",
        nargs="*",
        metavar="RUN|NAME",
        help="a results file or its stamp; names of pictures; what * and ? find, unless rejected or ignored",
    )
    which = command.add_mutually_exclusive_group()
    which.add_argument(
        "--accepted", action="store_true", help="only pictures that were accepted (as without names)"
    )
    which.add_argument(
        "--all",
        action="store_true",
        help="every changed picture that is not rejected or ignored, and what was accepted",
    )
    command.add_argument("--new", action="store_true", help="with names or --all: also what only second has")
    command.add_argument(
        "--gone", action="store_true", help="with names or --all: also remove what second lacks"
    )
    command.add_argument(
        "--unseen",
        action="store_true",
        help="also pictures that are accepted because all of their changes were, before this run",
    )
    command.add_argument(
        "--tolerated", action="store_true", help="also pictures of which rules tolerate all that changed"
    )
    command.add_argument(
        "--decisions", metavar="PATH", help="first take the decisions that were downloaded from a report"
    )
    _changing(command)


def _restore(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "folder", nargs="?", metavar="FOLDER", help="approved-...; by default the newest one"
    )
    _changing(command)


def _calibrate(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "folders",
        nargs="+",
        metavar="DIR",
        help="captures of the same pages, in the order in which they were taken",
    )
    command.add_argument(
        "--held-out",
        type=_count,
        default=0,
        metavar="N",
        help="learn nothing from the last N, and say how many of them pass",
    )
    command.add_argument(
        "--rules", metavar="PATH", help="the file of rules, by default compare.toml of the project"
    )
    command.add_argument("--write", action="store_true", help="add the proposal to that file")
    command.add_argument("--pictures", metavar="DIR", help="write a picture of what flickers on each page")
    command.add_argument("--max-pixels", type=_positive, metavar="N", help="largest width x height to decode")


def _run(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "run", nargs="?", metavar="RUN", help="a results file or its stamp; by default the newest"
    )


def _out(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--out",
        metavar="OUT",
        help="folder for the results, created if it is absent; or a URL: s3://bucket/run",
    )


def _changing(command: argparse.ArgumentParser) -> None:
    """Add the options of a command that changes the first folder."""
    command.add_argument(
        "--first", dest="changes", metavar="FIRST", help="the folder to change, for a run from elsewhere"
    )
    command.add_argument("--yes", action="store_true", help="do not ask")
    _out(command)


def _report_options(command: Any, prefix: str) -> None:
    command.add_argument(
        f"{prefix}all",
        action="store_true",
        dest="report_all",
        help="keep pictures that are the same in the report",
    )
    command.add_argument(
        f"{prefix}paths", action="store_true", dest="report_paths", help="name folders with their whole paths"
    )


def _whole(text: str, least: int) -> int:
    with contextlib.suppress(ValueError):
        if int(text) >= least:
            return int(text)
    raise argparse.ArgumentTypeError(f"must be a whole number from {least} up, not {text!r}")


def _count(text: str) -> int:
    return _whole(text, 0)


def _stop(text: str) -> int:
    return -1 if text == "-1" else _whole(text, 1)


def _positive(text: str) -> int:
    return _whole(text, 1)
