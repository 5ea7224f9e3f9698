"""`batch.run`: start worker processes, and only then load what a run needs: either takes about as long."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from mymodules.batch import warm
from mymodules.paths import AnyPath

if TYPE_CHECKING:
    import distributed

    from mymodules.batch.progress import Progress
    from mymodules.batch.runner import Run
    from mymodules.metrics.custom import Function, Metric
    from mymodules.rules import Rules


def run(
    first: AnyPath | None = None,
    second: AnyPath | None = None,
    out: AnyPath | None = None,
    *,
    skip_until: int = 0,
    stop_at: int = -1,
    num_processors: int | None = None,
    executor: "Executor | distributed.Client | None" = None,
    pictures: str = "changed",
    on_progress: "Callable[[Progress], object] | None" = None,
    cancelled: Callable[[], bool] | None = None,
    resume: AnyPath | None = None,
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
    match: Iterable[str] = (),
    strict: bool = False,
    store: AnyPath | None = ".store",
    verify: bool = False,
    check_pixels: bool = False,
    keep_originals: bool = True,
    metric: "Function | Metric | None" = None,
    moves: bool = True,
    renames: bool = True,
    rules: "AnyPath | Rules | None" = None,
) -> "Run":
    """Compare two folders, or two files.

    Parameters
    ----------
    first, second, out : path, optional
        The folders or files to compare and the folder for results; by default those of `settings`.
    skip_until, stop_at : int
        Leave out the first `skip_until` pairs, and end after pair number `stop_at` of the whole list; -1 for
        all.
    num_processors : int, optional
        Worker processes; by default one for each processor.
    executor : Executor or distributed.Client, optional
        Compares the pairs instead of our own worker processes. Whether a crash or an interrupt affects other
        pairs is then up to the executor. A Dask client keeps the promises of our own processes, except that
        the pairs in work are finished after an interrupt. All its workers must see the folders at the same
        paths, see `cluster`.
    pictures : {"changed", "all", "none"}
        Which pairs are drawn.
    on_progress : callable, optional
        Called with a `Progress` after every row, once if all remaining rows came from the store, and now and
        then during a long search for renamed pictures. If it raises, the run ends as after an interrupt.
    cancelled : callable, optional
        Called several times a second, even while no row is finished. When it returns True, the run ends as
        after an interrupt. It is meant for runs outside of the main thread, because interrupts do not reach
        other threads.
    resume : path, optional
        A partial or finished CSV: compare only what is missing there or has changed since. Damaged rows are
        compared again, as are all rows of a finished CSV that was edited; a warning reports it.
    include, exclude : iterable of str
        Patterns: only names that fit one of `include`, if there are any, and none that fits one of `exclude`;
        see `pairs.matches`.
    match : {"stem", "casefold"} or iterable of str
        Pair also files whose names differ in their endings only (``a.png`` and ``a.webp``), or in case only
        (``a.PNG`` and ``A.png``), or with both in both. The row has first's name, and second's in
        ``second_filename``. If one side has two files for one of the other, none is paired.
    strict : bool
        Refuse folders in which anything would be left out that `exclude` does not name: files that are not
        named like pictures, hidden ones, links to folders already listed.
    store : path, optional
        The folder that remembers comparisons by content. It is below ``out`` unless the path is absolute, and
        must be outside of first and second. A row is taken from it if both files, the options and the
        versions are unchanged. None: no store.
    verify : bool
        Read every file again instead of trusting its size, times and inode.
    check_pixels : bool
        Decode also pairs that are equal byte for byte. Otherwise their containers are checked, which finds
        what a copy that was cut off or changed has lost, but not what its encoder did wrong.
    keep_originals : bool
        Keep copies of both sides of changed pairs in the store.
    metric : callable or Metric, optional
        A function of two pictures, uint8 (height, width, 4), that returns a number, also one that is defined
        in a notebook. It fills a column ``metric_NAME``. If it raises, the row says so and keeps its other
        figures. Rows of other functions are not reused; `Metric.of` gives it another name, or a version.
    moves : bool
        Find out what moved and what changed: the columns ``px_...`` and ``changes``. Without, they are empty.
    renames : bool
        Find renamed files, by their bytes or, if they changed too, by being clearly nearest to each other:
        then the row under the new name is that of both. The latter only if all pairs are compared.
    rules : path or Rules, optional
        Which differences are tolerated (see `rules.Limits`); by default the rules in ``compare.toml`` in the
        root of the settings, if it has any. ``Rules()``: none. A resumed run keeps those of its beginning.

    Returns
    -------
    Run

    Raises
    ------
    SettingsError
        If these folders or options cannot be used. It is raised before the first pair is read.
    OutputError
        If the results cannot be written.
    ResultsError
        If the file to resume is damaged, another process is writing to that run, or another program has
        written to the run's own file.
    PoolError
        If the worker processes do not start, the executor fails with every pair, or a Dask cluster has no
        workers, or some that do not see the folders or have other versions.
    KeyboardInterrupt
        After an interrupt, with a sentence that says how to continue; `Stopped` if rows are left to compare.

    Examples
    --------
    >>> batch.run("first", "second", "out").counts
    {'same': 40, 'changed': 2, 'missing': 0, 'extra': 1, 'error': 0}
    """
    started = time.monotonic()
    ahead = None
    try:
        # Who may cancel a run, such as the panel, has loaded what it needs.
        if executor is None and resume is None and cancelled is None:
            ahead = warm.early(first, second, out, store, num_processors)
        from mymodules.batch import cluster, runner
        from mymodules.batch.request import Request, processor_count
        from mymodules.metrics.custom import Metric
        from mymodules.pairs import Selection
        from mymodules.paths import local_path, usable_path

        request = Request(
            first=first,
            second=second,
            out=out,
            skip_until=skip_until,
            stop_at=stop_at,
            processes=processor_count(num_processors),
            executor=cluster.adapted(executor),
            pictures=pictures,
            on_progress=on_progress,
            cancelled=cancelled or (lambda: False),
            resume=None if resume is None else local_path(resume, "resume", "file"),
            strict=strict,
            selection=Selection(_patterns(include), _patterns(exclude), match=_patterns(match)),
            store=None if store is None else usable_path(store, "store"),
            verify=verify,
            check_pixels=check_pixels,
            keep_originals=keep_originals,
            metric=None if metric is None else Metric.of(metric),
            moves=moves,
            renames=renames,
            rules=rules,
        )
        return runner.completed(request, started)
    except BaseException:
        if ahead is not None:
            ahead.give_up()
        raise


def _patterns(given: Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)
