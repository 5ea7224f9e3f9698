"""Messages to others about a finished run.

A problem with a message never ends a run: it is printed as a sentence. The webhook's URL is a secret: no
message, log or file that is written here contains it.
"""

import contextlib
import logging
import math
import os
import re
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType
from typing import Any

from mymodules import batch, results, streams
from mymodules.agenda import Agenda
from mymodules.errors import MymodulesError, ResultsError, SettingsError
from mymodules.paths import AnyPath, shown
from mymodules.results import runfiles

WEBHOOK = "MYMODULES_SLACK_WEBHOOK"
"""The environment variable with the URL of the Slack webhook."""

_ACCEPTED = b"ok"  # Slack's answer
_ANSWER = 1000  # bytes of an answer that are read
_REASON = re.compile(r"[a-z_]{3,40}")  # Slack's names for errors, such as no_service


def slack(
    webhook_url: str | None = None,
    run: batch.Run | Mapping[str, Any] | None = None,
    *,
    report: AnyPath | None = None,
    timeout: float = 10.0,
) -> bool:
    """Send a run's counts, its time and the place of its results to a Slack channel.

    Parameters
    ----------
    webhook_url : str, optional
        Slack's address for incoming messages; by default the one in the variable `WEBHOOK`, which keeps it
        out of notebooks.
    run : Run or mapping
        What `batch.run` returned, or a manifest.
    report : path, optional
        Where the report is, a path or an address; the message names it beside the table.
    timeout : float
        Seconds to wait at most.

    Returns
    -------
    bool
        Whether Slack has accepted the message. If not, a sentence on standard error says why.

    Examples
    --------
    >>> run = batch.run("first", "second", "out")
    >>> notify.slack(run=run, report="out/report/index.html")
    True
    """
    problem = _problem(webhook_url or os.environ.get(WEBHOOK) or "", run, report, timeout)
    if problem:
        streams.say(f"The message to Slack failed: {problem}.", error=True)
    return not problem


def message(run: batch.Run | Mapping[str, Any], report: AnyPath | None = None) -> str:
    """Return the text that `slack` sends, with Slack's escapes.

    Raises
    ------
    ResultsError
        If the run is not finished, or `run` is not a manifest.
    SettingsError
        If `report` is not a path.
    """
    if not isinstance(report, (str, os.PathLike, NoneType)):
        raise SettingsError(f"report is {report!r}: it must be a path or an address")
    counts, seconds, table = _outcome(run)
    total = sum(counts.values())
    by_status = ", ".join(f"{counts.get(status, 0)} {status}" for status in batch.STATUSES)
    pictures = f"{total} {'picture' if total == 1 else 'pictures'}"
    lines = [f"{pictures} compared in {batch.duration(seconds)}: {by_status}."]
    if table is not None and counts.get("changed") and (agenda := _agenda(table)) is not None:
        lines.append(str(agenda))
    if report is not None:
        lines.append(f"Report: {shown(report)}")
    if table is not None:
        lines.append(f"Table: {shown(table)}")
    text = "\n".join(lines)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _outcome(run: batch.Run | Mapping[str, Any]) -> tuple[Mapping[str, int], float, Path | None]:
    if isinstance(run, batch.Run):
        return run.counts, run.seconds, run.csv_path
    try:
        counts = {str(status): int(number) for status, number in run["counts"].items()}
        seconds = float(run["seconds"])
        if not math.isfinite(seconds) or not all(0 <= number < 1 << 63 for number in counts.values()):
            raise ValueError("these are not the figures of a run")
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise ResultsError("the run is not finished, so there is nothing to send") from error
    if not (run.get("out") and run.get("stamp")):
        return counts, seconds, None
    try:
        table = runfiles.finished_path(Path(run["out"]), run["stamp"])
        if runfiles.stamp_of(table) is None:
            raise ResultsError("the run's manifest does not say when it was begun")
        return counts, seconds, table
    except TypeError as error:
        raise ResultsError(f"the run's manifest says out={run['out']!r}, which is not a path") from error


def _agenda(table: Path) -> Agenda | None:
    """Return what a run leaves to decide; None if that is unknown, which keeps no message from being sent."""
    with contextlib.suppress(MymodulesError):
        rows = results.Rows.read(table)
        return Agenda.of(rows, rows.run)
    return None


def _problem(
    url: str, run: batch.Run | Mapping[str, Any] | None, report: AnyPath | None, timeout: float
) -> str | None:
    """Send the message; return a clause that says why that failed, or None."""
    if not url:
        return f"there is no webhook; pass webhook_url, or set the environment variable {WEBHOOK}"
    if run is None:
        return "there is no run; pass run=, the value that batch.run() returned"
    try:
        text = message(run, report)
    except MymodulesError as error:
        return str(error)
    # In a thread, because no timeout of requests ends an answer of which a byte comes now and then.
    answer: list[str | None] = []
    thread = threading.Thread(target=lambda: answer.append(_sent(url, text, timeout)), daemon=True)
    thread.start()
    thread.join(timeout)
    return answer[0] if answer else f"there was no complete answer within {timeout:g} s"


def _sent(url: str, text: str, timeout: float) -> str | None:
    import requests  # an optional dependency

    # Sentences never quote an exception or an answer: both may contain the URL.
    payload = {"text": text, "mrkdwn": False, "unfurl_links": False, "unfurl_media": False}
    try:
        with (
            _unlogged(),
            requests.post(url, json=payload, timeout=timeout, allow_redirects=False, stream=True) as answer,
        ):
            body = next(answer.iter_content(_ANSWER), b"").strip()
            return _refusal(url, answer.status_code, body)
    except requests.Timeout:
        return f"there was no answer within {timeout:g} s"
    except requests.exceptions.SSLError:
        return "the server's certificate is not trusted"
    except (
        requests.exceptions.InvalidURL,
        requests.exceptions.MissingSchema,
        requests.exceptions.InvalidSchema,
    ):
        return "the webhook is not an address; it must begin with https://"
    except requests.exceptions.ConnectionError:
        return "the server cannot be reached"
    except Exception as error:
        return f"the server's answer cannot be read ({type(error).__name__})"


def _refusal(url: str, status: int, body: bytes) -> str | None:
    if status == 200 and body == _ACCEPTED:
        return None
    if 300 <= status < 400:
        return f"the webhook leads to another address (status {status}), which is not followed"
    if status != 200:
        reason = body.decode("ascii", "replace")
        known = _REASON.fullmatch(reason) is not None and reason not in url.lower()
        return f"the server refused it (status {status}{f', {reason}' if known else ''})"
    return "the answer is not from Slack"


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    """Keep this thread's requests out of the logs of urllib3, which name the address."""
    thread = threading.get_ident()

    def keep(record: logging.LogRecord) -> bool:
        return record.thread != thread

    loggers = [
        logging.getLogger(f"urllib3.{name}") for name in ("connectionpool", "util.retry", "connection")
    ]
    for logger in loggers:
        logger.addFilter(keep)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(keep)
