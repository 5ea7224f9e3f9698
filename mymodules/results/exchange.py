"""The results of an output folder behind a URL: what is only here is sent, what is only there is brought.

The folder here is the copy of the URL in the user's cache, in which runs work as in any other folder. There,
files have the same names: a folder that somebody downloads is an output folder.

Promises:

- Every file there has one writer. A finished run is sent once, by the computer that made it, and is never
  replaced; its manifest comes last, so that others see a whole run or none, and names no folder of that
  computer. If two computers with copies of one cache end the same stopped run, one of them sends it, and the
  other says so. A run that was stopped, or was edited after it ended, stays here. So do the store, reports,
  notebooks and what an approval has replaced.
- What cannot be sent is named with the place where it is, and the next exchange sends it, also after a kill;
  where only the user can help, that is said. A server that gives no answer for `dealing.SILENCE` s ends the
  exchange, and work goes on with what is here.
- Nothing here is replaced or removed by what is there, but for the decisions of others, ``triage.ID.csv``,
  which have one writer each. The ID is in the copy, a random one that is made when it is first needed.
- The decisions of this copy are sent whole, and only in place of a file whose lines they all have. If that is
  not so, because they were removed or edited here, or because another computer has a copy of this cache, they
  get a new ID, and the file there comes as that of another computer: no decision is lost.
- With a run go its pictures that are not the same, as they were compared (`originals`): whoever has only the
  URL sees what to decide about.
- A run comes whole, its results last because readers find it by them, or not at all; one that is damaged is
  named and keeps no other. Of the server's runs the newest `RUNS` come, and the one that is named. Drawings
  and pictures come when a run is shown, and what came stays if that is interrupted. One that cannot be had is
  named.
- Nothing there is believed. A manifest that came names folders that do not exist, and says ``brought``.

What was sent is noted beside the copy, in ``NAME.begun`` and ``NAME.sent``, with the time. That saves work:
without it, the server's listing tells what is there, and then it counts as sent now. A run whose sending has
begun stays as it is: see `Plan.as_sent`.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mymodules import remote, streams
from mymodules.paths import shown
from mymodules.results import runfiles

if TYPE_CHECKING:
    from mymodules.results.dealing import What

_PAUSE = 2.0  # s; what is decided in quick succession is sent together
_RECENT = 5.0  # s
_LONGEST = 60.0  # s; how long a process waits at its end


def reach(out: Path) -> None:
    """Raise SettingsError if an output folder's URL cannot be listed or written; do nothing for others."""
    if (url := remote.out_url(out)) is not None:
        from mymodules.results import dealing  # few need it, and it loads much

        dealing.reach(out, url)


def exchange(
    out: Path,
    stamp: str | None = None,
    *,
    what: "What" = "look",
    cancelled: Callable[[], bool] | None = None,
) -> str:
    """Send what an output folder's URL lacks, and bring what is only there; do nothing for other folders.

    Parameters
    ----------
    out : Path
    stamp : str, optional
        A run that is to come even if it is not among the newest ones; with "drawings", that of those.
    what : str
        One of `dealing.What`.
    cancelled : callable, optional
        It ends soon after this returns True.

    Returns
    -------
    str
        A sentence on what could not be sent, or an empty text. Nothing is raised; what did not come is said.
    """
    if (url := remote.out_url(out)) is None:
        return ""
    from mymodules.results import dealing  # as above

    unsent, missed = dealing.dealt(out, url, stamp, what, cancelled)
    if what != "drawings":
        _asked[out] = time.monotonic()
    _tell(out, missed, error=False)
    return unsent


def show(out: Path, stamp: str | None = None) -> None:
    """Do what `exchange` does before results are looked at, and say what it returns."""
    _tell(out, exchange(out, stamp), error=True)


def show_drawings(out: Path | None, run: Mapping[str, Any]) -> None:
    """Bring the drawings of a run, given its manifest, before they are looked at."""
    stamp = str(run.get("stamp"))
    if out is None or not (runfiles.is_brought(run) and runfiles.is_stamp(stamp)):
        return
    if not runfiles.pictures_path(out, stamp).exists():
        exchange(out, stamp, what="drawings")


def was_sent(out: Path, stamp: str, *, begun: bool = False) -> bool:
    """Return whether a run is behind the URL of its folder; if `begun`, whether a part of it may be."""
    if remote.out_url(out) is None:
        return False
    from mymodules.results import dealing  # as above

    return stamp in dealing.noted(out, "sent") or (begun and stamp in dealing.noted(out, "begun"))


def sent_at(out: Path) -> dict[str, datetime] | None:
    """Return since when other computers may have each run of a folder; None if it is not that of a URL.

    That is when it was sent, by the clock of this computer or of the server, whichever is later. For a run
    that came, it is when it ended, by the clock of the computer that made it, or when its manifest was there,
    by that of the server, whichever is later, but not after it came. A server that tells no times, or is more
    than a day ahead, does not count.

    So a clock of others that is ahead makes it too late by a day at most. If the clocks that it is taken from
    are behind, or this computer's when a run came, it is too early: for a run that was sent long after it
    ended, that is the server's alone.
    """
    if remote.out_url(out) is None:
        return None
    from mymodules.results import dealing  # as above

    return dealing.sent_at(out)


# --- in the background -------------------------------------------------------------------------------

_due: set[Path] = set()
_busy: set[Path] = set()  # those that are being sent
_asked: dict[Path, float] = {}  # when the last exchange began
_told: dict[tuple[Path, bool], str] = {}  # what was said last, of each kind
_state = threading.Lock()
_ending = threading.Event()
_sender: threading.Thread | None = None
_is_registered = False


def show_decisions(out: Path) -> None:
    """Exchange the decisions of an output folder behind a URL, unless that was done just now."""
    if time.monotonic() - _asked.get(out, -_RECENT) >= _RECENT:
        _tell(out, exchange(out, what="decisions"), error=True)


def soon(out: Path) -> None:
    """Send the decisions of an output folder behind a URL in a few seconds; nobody waits for it."""
    global _sender, _is_registered
    if remote.out_url(out) is None:
        return
    with _state:
        _due.add(out)
        if _sender is None or not _sender.is_alive():  # in a fork of the process it is not
            _sender = threading.Thread(target=_send_due, name="decisions", daemon=True)
            _sender.start()
        if not _is_registered:
            # What is registered with atexit comes when drivers can begin nothing any more.
            with contextlib.suppress(AttributeError, RuntimeError):
                threading._register_atexit(finish)  # type: ignore[attr-defined]
                _is_registered = True


def finish() -> None:
    """Wait until the decisions are sent, or say that they are not; so if somebody interrupts the waiting."""
    if (sender := _sender) is not None:
        _ending.set()
        with contextlib.suppress(KeyboardInterrupt):
            sender.join(_LONGEST)
        _ending.clear()
        if sender.is_alive():
            for out in {*_due, *_busy}:
                place = f"{remote.out_url(out)} may not have the decisions in {shown(out)}"
                _tell(out, f"{place}: the next command with this output folder sends them.", error=True)


def _send_due() -> None:
    global _sender
    while True:
        _ending.wait(_PAUSE)
        with _state:
            if not _due:
                _sender = None
                return
            out = _due.pop()
            _busy.add(out)
        _tell(out, exchange(out, what="decisions"), error=True)
        _busy.discard(out)


def _tell(out: Path, told: str, *, error: bool) -> None:
    """Say what went wrong, unless the same was said before."""
    if told and told != _told.get((out, error)):
        streams.say(told, error=error)
    _told[out, error] = told
