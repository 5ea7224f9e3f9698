"""The reading of one file of a server into a file of this computer."""

import contextlib
import hashlib
from pathlib import Path
from typing import Any, Final

from mymodules.remote.asking import Asking, WrongLength
from mymodules.remote.listing import Stated

_PART: Final = 1 << 20  # bytes that are read at a time


def received(system: Any, said: Stated, made: Path, asking: Asking, most: int) -> str:
    """Fetch a file, and return the digest of its content.

    Parameters
    ----------
    system : AbstractFileSystem
    said : Stated
        What its server says of it.
    made : Path
        Where it is written; what is there is replaced.
    asking : Asking
    most : int
        bytes; how long it may be if the server does not say how long it is.

    Raises
    ------
    WrongLength
        If it has another length than the server states.
    Over
    Exception
        Whatever the driver raises.
    """
    from fsspec.callbacks import Callback

    limit = most if said.size is None else said.size

    class Counted(Callback):  # type: ignore[misc]
        """End a file that is longer than it should be, or that nobody waits for."""

        def relative_update(self, inc: int = 1) -> None:
            asking.check()
            asking.heard()
            self.value += inc
            if self.value > limit:
                raise WrongLength(f"the server sends more than the {limit:,} bytes that it states")

    with contextlib.suppress(FileNotFoundError):
        made.unlink()
    system.get_file(said.source, str(made), callback=Counted())
    asking.check()
    digest, length = hashlib.blake2b(digest_size=16), 0
    with made.open("rb") as file:
        while part := file.read(_PART):
            digest.update(part)
            length += len(part)
    if said.size is not None and length != said.size:
        raise WrongLength(f"the server states {said.size:,} bytes, and sends {length:,}")
    return digest.hexdigest()
