"""The command line: ``mymodules COMMAND``, ``python -m mymodules COMMAND`` and ``python run.py COMMAND``.

One parser has a subcommand for each thing a person does. The options that change a run have the names of the
parameters of `batch.run` and are passed through; the command adds nothing to a comparison. Printed paths are
the ones that the user wrote, and what is printed names the options of the command, not those parameters.

Only what a command needs is imported: comparing loads no table and no notebook library.

Exit codes:

===  ==============================================================================================
0    done; a comparison was completed, whatever it found; with ``--check`` all pictures are the same
1    only with ``--check``: there are differences
2    an error, or the command was not completed; with ``--check`` also if a picture could not be compared;
     what was printed does not fit on its disk
130  interrupted; with ``--check`` it is 2
===  ==============================================================================================
"""

from mymodules.cli.entry import main

__all__ = ["main"]
