"""Start worker processes before this process has loaded what a run needs: either takes about as long."""

import argparse
import os
from pathlib import Path

from mymodules import processors
from mymodules.batch import warm
from mymodules.cli.parser import NONE


def start(options: argparse.Namespace) -> None:
    """Start them if it is plain that the run needs them; otherwise it does so itself.

    It may need none if there is a store, or the run is resumed, and the sides may be refused.

    Parameters
    ----------
    options : Namespace
        Those of ``compare``.
    """
    sides = (options.first, options.second)
    if None in sides or options.out is None or options.dask or options.resume or options.store_from:
        return
    if options.store != NONE and Path(options.out, options.store).exists():
        return
    if all(map(os.path.isdir, sides)):
        most = options.num_processors or processors.count()
        warm.start(min(most, warm.AHEAD), most, options)
