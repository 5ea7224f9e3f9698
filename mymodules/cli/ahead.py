"""Start worker processes before this process has loaded what a run needs: either takes about as long."""

import argparse

from mymodules.batch import warm
from mymodules.cli.parser import NONE


def start(options: argparse.Namespace) -> None:
    """Start them if it is plain that the run needs several; otherwise it starts them itself.

    Parameters
    ----------
    options : Namespace
        Those of ``compare``.
    """
    if options.dask or options.resume or options.store_from:
        return
    store = None if options.store == NONE else options.store
    warm.early(options.first, options.second, options.out, store, options.num_processors)
