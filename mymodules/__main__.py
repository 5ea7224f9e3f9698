"""``python -m mymodules``: the command line, see `cli`."""

import sys

from mymodules import cli

sys.exit(cli.main())
