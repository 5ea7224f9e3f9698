"""Start worker processes before this process has loaded what a run needs: either takes about as long."""

import argparse
import os

from mymodules import processors
from mymodules.batch import warm
from mymodules.cli.parser import NONE


def start(options: argparse.Namespace) -> None:
    """Start them if it is plain that the run needs several; otherwise it starts them itself.

    Parameters
    ----------
    options : Namespace
        Those of ``compare``.
    """
    sides = (options.first, options.second)
    if None in sides or options.out is None or options.dask or options.resume or options.store_from:
        return
    store = None if options.store == NONE else options.store
    if all(map(os.path.isdir, sides)) and not warm.may_reuse(options.out, store):
        warm.Processes.ahead(min(options.num_processors or processors.count(), warm.AHEAD))
