"""The files that a comparison writes on request, once its results are complete."""

import argparse
import functools
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mymodules import faults, report, results, settings
from mymodules.cli.wording import Wording
from mymodules.errors import MymodulesError, OutputError, SettingsError
from mymodules.paths import local_path, masked, shown, usable_path
from mymodules.results import parquet, runfiles

STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable that names the summary of a step of GitHub Actions."""


@dataclass(frozen=True)
class Outputs:
    """Where the files that were asked for will be; None for what was not.

    Attributes
    ----------
    junit, json, parquet, markdown : Path or None
        A JUnit XML file, a JSON document, the table as a Parquet file, a summary as Markdown.
    page, looks : Path or None
        A report, and a page of the looks alone: a folder, or a file if its name ends in ``.html``.
    """

    junit: Path | None
    json: Path | None
    parquet: Path | None
    markdown: Path | None
    page: Path | None
    looks: Path | None

    @property
    def index(self) -> Path:
        """The file of the report that a browser opens."""
        assert self.page is not None
        return _index(self.page)

    @classmethod
    def of(cls, options: argparse.Namespace, first: Path, second: Path, out: Path) -> "Outputs":
        """Return what the options ask for; raise SettingsError if a file cannot be there."""
        folders = [path for path in (first, second) if path.is_dir()]  # next to two files it may be
        page, looks = (
            None if path is None else report.check(path, embed=report.is_one_file(path), outside=folders)
            for path in (options.report, options.looks)
        )
        _check_link(options.markdown_link, options.markdown)
        if options.parquet is not None:
            parquet.check()
        pages = {"--report": (page, "the report"), "--looks": (looks, "the looks")}
        options_of = {os.path.realpath(path): option for option, (path, _) in pages.items() if path}
        found = cls(
            junit=file_to_write(options.junit, "--junit", options_of),
            json=file_to_write(options.json, "--json", options_of),
            parquet=file_to_write(options.parquet, "--parquet", options_of),
            markdown=file_to_write(options.markdown, "--markdown", options_of),
            page=page,
            looks=looks,
        )
        kept = [(folder, "what is compared") for folder in folders]
        store = Path(os.path.normpath(out / usable_path(options.store, "--store")))
        if not out.is_relative_to(store):
            kept.append((store, "the store"))
            for option, (path, _) in pages.items():
                _check_outside(path, option, store, "the store")
        for path, what in pages.values():
            if path is not None:
                kept.append((path, what))
                for option, (other, _) in pages.items():
                    _check_outside(None if other is path else other, option, path, what)
        named = {"--junit": found.junit, "--json": found.json, "--parquet": found.parquet}
        named |= {"--markdown": found.markdown}
        for option, path in named.items():
            for folder, what in kept:
                _check_outside(path, option, folder, what)
        return found

    def write(
        self, csv_path: Path, found: results.Rows, options: argparse.Namespace, words: Wording
    ) -> Iterator[bool]:
        """Write them, given a run's results file and what is in it; yield for each whether it was written."""
        paths = options.report_paths
        if self.junit is not None:
            junit = self.junit
            # --check counts one-sided files as differences, so they are failures in the JUnit file too.
            how = {"fail_missing": options.check, "fail_extra": options.check, "paths": paths}
            yield _written(words, "JUnit", junit, lambda: report.junit(found, junit, **how))
        if self.json is not None:
            json = self.json
            yield _written(words, "JSON", json, lambda: report.document(found, json, paths=paths))
        if self.parquet is not None:
            path = self.parquet
            yield _written(words, "Parquet", path, lambda: results.write_parquet(found, path))
        if self.markdown is not None:
            markdown, link = self.markdown, options.markdown_link
            write = functools.partial(report.markdown, found, markdown, link=link, paths=paths)
            yield (written := _written(words, "Markdown", markdown, write))
            step = os.environ.get(STEP_SUMMARY)
            if step and written:
                yield _written(words, "Summary", Path(step), lambda: _append(markdown, Path(step)))
        for label, page, only_looks in (("Report", self.page, False), ("Looks", self.looks, True)):
            if page is not None:
                how = {"same": options.report_all, "paths": paths, "only_looks": only_looks}
                write_page = functools.partial(_write_page, csv_path, page, how)
                yield _written(words, label, _index(page), write_page)


def _index(page: Path) -> Path:
    """Return the file of a page that a browser opens."""
    return page if report.is_one_file(page) else page / "index.html"


def _write_page(csv_path: Path, page: Path, how: Mapping[str, bool]) -> None:
    report.write(results.load(csv_path), page, None, report.is_one_file(page), **how)


def _check_link(link: str | None, path: str | None) -> None:
    if link is not None:
        from mymodules.report import markdown_text  # few write a summary

        markdown_text.check_link("--markdown-link", link)
        if path is None:
            raise SettingsError(
                "--markdown-link is for pictures in a summary: name its file with --markdown."
            )


def _append(markdown: Path, step: Path) -> None:
    """Append a Markdown summary to that of a step of GitHub Actions."""
    try:
        with step.open("ab") as file:
            file.write(markdown.read_bytes() + b"\n")
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"{shown(step)}, which {STEP_SUMMARY} names, cannot be written ({reason}): unset it."
        raise OutputError(message, step) from error


def _check_outside(path: Path | None, option: str, folder: Path, what: str) -> None:
    """Raise SettingsError if a file or report would be inside a folder that has something else in it."""
    if path is not None and Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
        raise SettingsError(
            f"{shown(path)} is inside {shown(folder)}, {what}: name another place as {option}."
        )


def _written(words: Wording, label: str, path: Path, write: Callable[[], object]) -> bool:
    try:
        write()
    except Exception as error:
        known = isinstance(error, MymodulesError)
        words.complain(f"{label}: not written. {error if known else faults.named(error)}")
        return False
    words.say(f"{label + ':':<11}{path}")
    return True


def file_to_write(named: str | None, option: str, taken: dict[str, str]) -> Path | None:
    """Return the path of a file that an option names, and note it as taken by that option.

    Raises
    ------
    SettingsError
        If no file can be there; or if it would replace a picture, what runs or decisions are kept in, or the
        file of another option.
    """
    if named is None:
        return None
    from mymodules.triage import FILE  # most comparisons write no such file
    from mymodules.triage.approval import MANIFEST

    path = local_path(named, option, "file")
    for meant in (path, Path(os.path.realpath(path))):  # a link may lead to such a file
        if meant.name.lower().endswith(settings.SUFFIXES):
            raise SettingsError(f"{shown(meant)} is named like a picture: name another file as {option}.")
        if meant.name in (FILE, MANIFEST) or runfiles.stamp_of(meant) is not None:
            raise SettingsError(
                f"{shown(meant)} is named like a file of a run: name another one as {option}."
            )
    other = taken.setdefault(os.path.realpath(path), option)
    if other != option:
        raise SettingsError(f"{shown(path)} is named as {other}, too: name another file as {option}.")
    if path.is_dir():
        raise SettingsError(f"{shown(path)} is a folder: name a file as {option}.")
    if not path.parent.is_dir():
        raise SettingsError(
            f"There is no folder {masked(path.parent)}: create it, or name another file as {option}."
        )
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise SettingsError(
            f"{shown(path)} is not writable: allow writing, or name another file as {option}."
        )
    return path
