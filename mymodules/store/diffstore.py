"""Pictures by content digest: their figures, their failures, and the pictures themselves.

It follows Skia Gold's diff store: a pair of digests is compared only once, however often it is asked for;
pictures that could not be fetched or decoded are remembered with the reason; pictures are served over HTTP.
`DiffStore.records` also keeps what runs over folders need so that they compare nothing twice.

A picture is looked for in memory first, and then in the places of `originals`, which also describes how it is
checked. Bytes that are truncated or not a picture are never kept.

Copies are the original bytes. A copy that a power failure has truncated no longer has its digest, and is
fetched again. A picture that failed is tried again after half an hour, or as soon as a copy or a file of it
has appeared or changed.

A name is a digest of 32 hex digits, or any other text of 1 to 128 of A-Z, a-z, 0-9, ``_`` and ``-``. Pictures
whose names are not digests are fetched and compared as well, but kept in memory only, and have no URL.

A purged digest stays purged, even if work on it is in progress. Other stores of the same folder, such as
those of other processes, drop what they have in memory when they are next used; only pictures and pairs that
they are fetching or comparing at that moment may come back.
"""

import io
import itertools
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from mymodules import faults, images, metrics, processors
from mymodules.errors import MymodulesError, StoreError
from mymodules.formats import Header
from mymodules.metrics import DiffMetrics
from mymodules.paths import AnyPath
from mymodules.settings import MAX_PIXELS
from mymodules.store import sources
from mymodules.store.best_effort import BestEffort
from mymodules.store.cache import NOW, LRUCache, ReadThrough, failed
from mymodules.store.copies import Copies
from mymodules.store.memory import GIB, Caches, cache_counts, check_number
from mymodules.store.originals import Originals, Unavailable
from mymodules.store.purges import Purges, Work
from mymodules.store.records import OTHER, DigestFailure, Records, diff_id, is_digest, is_name, split_diff_id
from mymodules.store.sources import AnySource, Original, printable

if TYPE_CHECKING:
    import tornado.web

    from mymodules.images import Rgba

FILE: Final = "store.sqlite3"
"""Name of the file with the records, in the store's folder."""

_FETCHERS = 10  # threads that wait for disks and networks
_DELTAS, _DELTA_BYTES = 256, 64 << 20  # difference pictures in memory
_DECODED_PART = 4  # one quarter of the budget, for pictures that are compared with many others
_AHEAD = 1000  # pairs queued at a time by warm_diffs
_NAMES = "1 to 128 of A-Z, a-z, 0-9, _ and -"
_COPIED_AT_ONCE = 16  # by each thread: after these a cancelled run stops copying
# Threads that copy pictures wait for each other's interpreter lock. One is faster where pictures are, on
# average, not larger than this, in bytes, and where the disk does not take longer for each than this, s.
_SMALL, _QUICK = 1 << 17, 0.002
_LAST = 5.0  # s; how long closing waits for what is being computed

_log = logging.getLogger(__name__)


class Match(NamedTuple):
    """A digest, and how its picture differs from the one that was asked about."""

    digest: str
    metrics: DiffMetrics


class DiffStore:
    """Keep a store in a folder. Any thread may call its methods, and several processes may share the folder.

    Parameters
    ----------
    root : path
        Its folder, which is created.
    source : path, URL, callable or sequence of these, optional
        Where pictures come from, asked in this order: a folder or fsspec URL that holds ``<digest>.png``, all
        in one level, or a function from digest to bytes that raises or returns None for those it does not
        have.
    gib : float
        Memory to use, GiB; see `cache_counts`. With 0, one picture and the figures of one pair are kept.
    max_workers : int, optional
        Threads that decode and compare; by default one for each processor.
    own_digests : bool
        Every name is `images.digest` of its picture; a picture with another digest is refused.
    max_pixels : int
        Largest width x height that is decoded.
    pause : float
        s between two tries to fetch a picture.

    Raises
    ------
    OutputError
        If the folder cannot be created.
    StoreError
        If its file or a source cannot be used, or a number is out of its range.

    Attributes
    ----------
    root : Path
    records : Records
        What is known besides pictures.
    caches : Caches
        What is in memory.

    Examples
    --------
    ::

        with DiffStore("store", source="pictures") as store:
            store.warm_digests(BACKGROUND, digests)
            for match in store.ranked(main, digests):
                print(match.digest, match.metrics.combined)
    """

    def __init__(
        self,
        root: AnyPath,
        *,
        source: AnySource | Sequence[AnySource] | None = None,
        gib: float = 1.0,
        max_workers: int | None = None,
        own_digests: bool = False,
        max_pixels: int = MAX_PIXELS,
        pause: float = 0.5,
    ) -> None:
        workers = (os.cpu_count() or 1) if max_workers is None else max_workers
        check_number("max_workers", workers, 1)
        check_number("max_pixels", max_pixels, 1)
        check_number("pause", pause, 0)
        counts, budget = cache_counts(gib), max(int(gib * GIB), 0)
        self.root, places = sources.folder(root), sources.of(source)
        self._closed = threading.Event()
        self._copies = Copies(self.root)
        self._max_pixels = max_pixels
        self.records = Records(self.root / FILE)
        self._best_effort = BestEffort(_log, self._closed.is_set)
        self._originals = Originals(
            self._copies,
            self.records,
            self._best_effort,
            places,
            own_digests=own_digests,
            decode=self._decode,
            pause=pause,
            sleep=self._closed.wait,
        )
        self._purges = Purges()
        self._purged = self._best_effort(self.records.purges, 0)
        self._decoding, self._decoded_lock = threading.BoundedSemaphore(int(workers)), threading.Lock()
        self.caches = Caches(
            images=ReadThrough(
                self._load,
                size=counts.images,
                workers=_FETCHERS,
                limit=budget or None,
                weigh=lambda original: len(original.data),
                state=self._originals.state,
            ),
            decoded=LRUCache(counts.images, limit=budget // _DECODED_PART, weigh=lambda rgba: rgba.nbytes),
            # No errors of pairs are kept: pairs fail because of their pictures, and those errors are kept.
            metrics=ReadThrough(self._measure, size=counts.metrics, workers=int(workers), errors=0),
            deltas=ReadThrough(
                self._draw, size=_DELTAS, workers=int(workers), errors=0, limit=_DELTA_BYTES, weigh=len
            ),
        )
        self._feeders: list[threading.Thread] = []
        self._feeders_lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the threads and close the file; queued work is dropped."""
        self._closed.set()
        for cache in self.caches.working:
            cache.close()
        deadline = time.monotonic() + _LAST
        for cache in self.caches.working:
            cache.join(max(deadline - time.monotonic(), 0))
        self.records.close()

    # --- as in Gold

    def get(self, priority: int, main_digest: str, right_digests: Iterable[str]) -> dict[str, DiffMetrics]:
        """Compare one picture with others.

        Parameters
        ----------
        priority : int
            `NOW`, `BACKGROUND` or `IDLE`: what comes first if there is more to do than there are threads.
        main_digest : str
        right_digests : iterable of str
            The main digest itself is skipped.

        Returns
        -------
        dict
            From right digest to metrics, with those of one's own that runs computed for the two. A picture
            that is unavailable is logged and left out, see `unavailable_digests`.

        Raises
        ------
        StoreError
            If the main digest is empty.
        """
        if not main_digest:
            raise StoreError("The main digest is empty: name the picture to compare with.")
        self._apply_purges()
        rights = [right for right in dict.fromkeys(right_digests) if right != main_digest]
        rights = _named(rights) if _named([main_digest]) else []
        asked = {right: self.caches.metrics.submit(priority, diff_id(main_digest, right)) for right in rights}
        found = {}
        for right, future in asked.items():
            error = future.exception()
            if error is None:
                found[right] = future.result()
            else:
                _log.info("%r is not compared with %r: %s", right, main_digest, _reason(error))
        return found

    def warm_digests(self, priority: int, digests: Iterable[str], sync: bool = False) -> None:
        """Fetch the pictures that are not here yet, in the background.

        Parameters
        ----------
        priority : int
        digests : iterable of str
        sync : bool
            Wait until each is fetched and kept, or has failed; failures are recorded and not raised.
        """
        rank = _rank(priority)
        missing = [digest for digest in _named(digests) if not self._is_here(digest)]
        fetching = [self.caches.images.submit(rank, digest) for digest in missing]
        if sync:
            wait(fetching)

    def warm_diffs(self, priority: int, left_digests: Iterable[str], right_digests: Iterable[str]) -> None:
        """Compare every left picture with every right one in the background.

        Failures are recorded and not raised.
        """
        lefts, rights = dict.fromkeys(_named(left_digests)), dict.fromkeys(_named(right_digests))
        feeder = threading.Thread(
            target=self._warm, args=(_rank(priority), lefts, rights), name="mymodules-store", daemon=True
        )
        feeder.start()  # first: `wait` cannot join one that was not started
        with self._feeders_lock:
            self._feeders = [feeder, *(each for each in self._feeders if each.is_alive())]

    def unavailable_digests(self) -> dict[str, DigestFailure]:
        """Return all failures by digest, oldest first."""
        return self.records.failures()

    def purge_digests(self, digests: Iterable[str], purge_remote: bool = False) -> None:
        """Forget everything about these digests: copies, figures, rows, and finally their failures.

        Parameters
        ----------
        digests : iterable of str
            Unknown ones are not an error.
        purge_remote : bool
            Remove the pictures from the sources as well. Those that cannot be removed are logged.

        Raises
        ------
        StoreError
            If `digests` is a single text; or if the records cannot be changed: failures then stay recorded.
        """
        if isinstance(digests, str):  # otherwise each letter would count as a digest
            raise StoreError(f"digests is {digests!r}: pass a list of digests.")
        gone = frozenset(filter(is_name, digests))
        with self._purges.purge(gone):
            for digest in gone:
                self._copies.remove(digest)
                for source in self._originals.sources if purge_remote else ():
                    try:
                        source.remove(f"{digest}.png")
                    except Exception as error:
                        _log.warning("%s is not removed from its source: %s", digest, printable(error))
            self.records.forget_metrics(gone)
            self.records.forget_rows(gone)
            self.records.forget_files(gone)
            # Memory comes last, because it is filled from all of these.
            self._drop(gone)
            self.records.forget_failures(gone)
            self.records.count_purge()
            if self.records.purges() == self._purged + 1:  # only this purge was counted
                self._purged += 1

    def _drop(self, gone: frozenset[str] | None = None) -> None:
        """Drop everything about these digests from memory; with None, everything."""

        def is_picture(digest: str) -> bool:
            return gone is None or digest in gone

        def is_pair(pair: str) -> bool:
            return gone is None or not gone.isdisjoint(split_diff_id(pair))

        self.caches.images.forget(is_picture)
        with self._decoded_lock:
            self.caches.decoded.remove_matching(is_picture)
        self.caches.metrics.forget(is_pair)
        self.caches.deltas.forget(is_pair)

    def _apply_purges(self) -> None:
        """Drop everything from memory if another store of this folder has purged something."""
        number = self._best_effort(self.records.purges, self._purged)
        if number != self._purged:
            self._drop()
            self._purged = number

    def image_handlers(self, url_prefix: str) -> "list[tuple[str, type[tornado.web.RequestHandler], Any]]":
        """Return rules for a Tornado application that serve this store's pictures to anyone, see `served`."""
        from mymodules.store import served

        return list(served.rules(url_prefix, self))

    # --- beyond Gold

    def closest(self, digest: str, among: Iterable[str]) -> Match | None:
        """Return the picture that is nearest to this one; None if none could be compared. See `ranked`."""
        return next(iter(self.ranked(digest, among)), None)

    def ranked(self, digest: str, among: Iterable[str], *, priority: int = NOW) -> list[Match]:
        """Return other pictures, the nearest first: by combined metric, largest channel difference, digest.

        The picture itself and those that are unavailable are left out. As in Gold, a picture that equals the
        top left corner of the other one is the nearest of all, because their combined metric is 0.
        """
        found = self.get(priority, digest, among)
        return [
            Match(*item)
            for item in sorted(
                found.items(), key=lambda item: (item[1].combined, max(item[1].max_rgba_diffs), item[0])
            )
        ]

    def original(self, digest: str, *, priority: int = NOW) -> "Future[Original]":
        """Return a picture's original bytes and media type, as a future."""
        self._apply_purges()
        return self.caches.images.submit(priority, digest)

    def delta(self, one: str, other: str, *, priority: int = NOW) -> "Future[bytes]":
        """Return the difference picture of two (see `drawings.delta`) as PNG, as a future.

        It is as wide and as high as the larger picture. The future raises StoreError if that is more than
        ``max_pixels``.
        """
        self._apply_purges()
        if not (is_name(one) and is_name(other)):
            return failed(StoreError(f"{one!r} and {other!r} do not name two pictures: {_NAMES}."))
        return self.caches.deltas.submit(priority, diff_id(one, other))

    def keep_originals(self, originals: Iterable[tuple[str, AnyPath | bytes]]) -> int:
        """Keep copies of pictures under their digests; return how many of these pictures are kept now.

        Parameters
        ----------
        originals : iterable of (digest, path or bytes)
            Digests as of `images.digest`. A file that cannot be read, or has another digest, is not kept.
        """
        kept: dict[str, str] = {}
        coming, alone = iter(originals), True
        with ThreadPoolExecutor(count := processors.count()) as threads:
            while part := list(itertools.islice(coming, _COPIED_AT_ONCE * (1 if alone else count))):
                if not (new := [original for original in part if original[0] not in kept]):
                    continue
                alone = alone and sum(_size(picture) for _, picture in new) <= _SMALL * len(new)
                if alone:
                    start = time.monotonic()
                    found = [self._kept_of(new)]
                    alone = time.monotonic() - start <= _QUICK * len(new)
                else:  # one task for each: handing it over takes as long as copying a small picture
                    found = [*threads.map(self._kept_of, [new[at::count] for at in range(count)])]
                for there in found:
                    kept |= dict(zip(there, there, strict=True))
        self.records.remember_contents(kept)
        self.records.forget_failures(kept)
        return len(kept)

    def _kept_of(self, originals: Sequence[tuple[str, AnyPath | bytes]]) -> list[str]:
        """Return the digests of those pictures of which there are copies now."""
        return [original[0] for original in originals if self._keeps(original)]

    def _keeps(self, original: tuple[str, AnyPath | bytes]) -> bool:
        """Return whether there is a copy of a picture now."""
        digest, picture = original
        with self._purges.work(digest) as work:
            return is_digest(digest) and (digest in self._copies or self._copied(work, digest, picture))

    def _copied(self, work: Work, digest: str, picture: AnyPath | bytes) -> bool:
        try:
            with (
                io.BytesIO(picture) if isinstance(picture, bytes) else Path(picture).open("rb") as file,
                work.keeping() as wanted,
            ):
                return wanted and self._copies.copy(digest, file)
        except (OSError, ValueError) as error:
            _log.info("%s is not kept: %s", digest, printable(error))
            return False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until everything that was asked for is done; return False if the time, s, was not enough."""
        deadline = None if timeout is None else time.monotonic() + timeout

        def left() -> float | None:
            return None if deadline is None else max(deadline - time.monotonic(), 0)

        feeders = self._feeders
        for feeder in feeders:
            feeder.join(left())
        fed = not any(feeder.is_alive() for feeder in feeders)
        return fed and all(cache.wait(left()) for cache in self.caches.working)

    # --- figures and difference pictures, in threads of their caches

    def _measure(self, priority: int, pair: str) -> DiffMetrics:
        digests = split_diff_id(pair)
        of_row = self._best_effort(lambda: self.records.metrics_of_row(pair), None)
        others = () if of_row is None else of_row.others
        known = self._best_effort(lambda: self.records.metrics(pair), None)
        if known is None and not any(map(self._originals.may_be_deep, digests)):
            known = of_row
        if known is not None:
            return replace(known, others=others)
        with self._purges.work(*digests) as work:
            found = metrics.pixel_diff(*self._pixels(priority, pair, work))
            with work.keeping() as wanted:
                if wanted:
                    self._best_effort(lambda: self.records.remember_metrics({pair: found}), None)
        return replace(found, others=others)

    def _draw(self, priority: int, pair: str) -> bytes:
        from mymodules.comparison import drawings  # a run, which draws nothing here, does without them
        from mymodules.formats import png

        with self._purges.work(*split_diff_id(pair)) as work:
            one, other = self._pixels(priority, pair, work)
        height, width = map(max, one.shape[:2], other.shape[:2])
        if height * width > self._max_pixels:
            raise StoreError(
                f"The difference picture of {pair} would be {width} x {height} px: max_pixels is "
                f"{self._max_pixels}."
            )
        drawn = drawings.delta(one, other)
        return png.encode(drawn.reshape(height, -1), width, depth=8, colour_type=6)

    def _warm(self, rank: int, lefts: Mapping[str, None], rights: Mapping[str, None]) -> None:
        """Queue every pair once, some at a time; log what goes wrong, because nobody else would notice."""
        try:
            self._queue(rank, lefts, rights)
        except Exception as error:
            _log.warning("No more pairs are compared in advance: %s", printable(faults.named(error)))

    def _queue(self, rank: int, lefts: Mapping[str, None], rights: Mapping[str, None]) -> None:
        queued: deque[Future[DiffMetrics]] = deque()
        for left in lefts:
            for right in rights:
                other_way_too = left in rights and right in lefts
                if left == right or (other_way_too and left > right):
                    continue
                if self._closed.is_set():
                    return
                queued.append(self.caches.metrics.submit(rank, diff_id(left, right)))
                if len(queued) > _AHEAD:
                    wait([queued.popleft()])

    def _pixels(self, priority: int, pair: str, work: Work) -> "tuple[Rgba, Rgba]":
        """Return the pixels of both, read-only; raise StoreError with everything that went wrong."""
        digests = split_diff_id(pair)
        asked = [self.caches.images.submit(priority, digest) for digest in digests]
        failed = {digest: future for digest, future in zip(digests, asked, strict=True) if future.exception()}
        for digest in failed if not self._closed.is_set() else ():
            self._note(work, DigestFailure.now(digest, OTHER), if_new=True)
        if failed:
            raise StoreError(" ".join(_reason(future.exception()) for future in failed.values()))
        one, other = (
            self._rgba(digest, future.result().data, work)
            for digest, future in zip(digests, asked, strict=True)
        )
        return one, other

    def _rgba(self, digest: str, data: bytes, work: Work) -> "Rgba":
        with self._decoded_lock:
            known = self.caches.decoded.get(digest)
        if known is not None:
            return known
        _, rgba = self._decode(data)
        with work.keeping() as wanted:
            if wanted:
                self._keep_decoded(digest, rgba)
        return rgba

    def _keep_decoded(self, digest: str, rgba: "Rgba") -> None:
        with self._decoded_lock:
            self.caches.decoded.put(digest, rgba)

    def _decode(self, data: bytes) -> "tuple[Header, Rgba]":
        """Return header and pixels; raise ImageError."""
        with self._decoding:
            header = images.inspect(data, max_pixels=self._max_pixels)
            samples = images.decode(data, header)
            # Rows take the high byte of 16 bits, but these figures are Gold's.
            rgba = images.to_gold_rgba(samples) if header.format == "PNG" else images.to_rgba(samples)
        rgba.flags.writeable = False  # several threads share it
        return header, rgba

    # --- pictures, in threads of their cache

    def _load(self, priority: int, digest: str) -> Original:
        if not is_name(digest):
            raise StoreError(f"{digest!r} does not name a picture: {_NAMES}.")
        with self._purges.work(digest) as work:
            try:
                original, rgba, fetched = self._originals.find(digest)
            except Unavailable as error:
                self._note(work, DigestFailure.now(digest, error.reason))
                raise
            with work.keeping() as wanted:
                if wanted:
                    self._keep(digest, original, rgba, fetched=fetched)
        return original

    def _keep(self, digest: str, original: Original, rgba: "Rgba", *, fetched: bool) -> None:
        self._keep_decoded(digest, rgba)
        if fetched and self._copies.write(digest, original.data):
            content = images.digest(original.data)
            self._best_effort(lambda: self.records.remember_contents({digest: content}), None)
        self._best_effort(lambda: self.records.forget_failures([digest]), None)

    def _note(self, work: Work, failure: DigestFailure, *, if_new: bool = False) -> None:
        with work.keeping() as wanted:
            if wanted:
                self._best_effort(lambda: self.records.remember_failure(failure, if_new=if_new), None)

    def _is_here(self, digest: str) -> bool:
        return digest in self.caches.images or self._best_effort(lambda: digest in self._copies, False)


def _size(picture: AnyPath | bytes) -> int:
    """Return the size of a picture, bytes; 0 if it cannot be read."""
    if isinstance(picture, bytes):
        return len(picture)
    try:
        return os.stat(picture).st_size  # noqa: PTH116 - faster
    except (OSError, ValueError):  # ValueError: it cannot be a path
        return 0


def _rank(priority: int) -> int:
    """Return the priority of warming: after everything that somebody waits for, first come first served."""
    return priority * 10**13 + time.time_ns() // 1_000_000


def _reason(error: BaseException | None) -> str:
    """Return the message for an error of a picture, whatever it is."""
    return str(error) if error is None or isinstance(error, MymodulesError) else faults.named(error)


def _named(digests: Iterable[str]) -> list[str]:
    """Return the texts that are names of pictures, each once; log a line for every other text."""
    wanted = list(dict.fromkeys(digests))
    for digest in wanted:
        if not is_name(digest):
            _log.info("%r is left out: a picture's name is %s.", digest, _NAMES)
    return list(filter(is_name, wanted))
