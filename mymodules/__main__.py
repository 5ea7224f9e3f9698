"""``python -m mymodules``: the command line, see `cli`."""

import sys

from mymodules import cli

if __name__ == "__main__":
    sys.exit(cli.main(program="python -m mymodules"))
