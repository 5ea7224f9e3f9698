"""All errors that this package raises on purpose, as one tree.

    MymodulesError
    ├── SettingsError   a folder or an option is wrong: raised before the first pair is read
    ├── OutputError     a result cannot be written
    ├── ResultsError    a results file is absent, unfinished, not ours, or being written by another process
    ├── PoolError       the worker processes do not start, or the executor fails
    ├── StoreError      the store cannot be used, or has no image for a digest
    ├── PictureError    what a caller handed over cannot be compared: an array of another kind, a damaged file
    └── ImageError      one file cannot be compared: never leaves a run, it becomes a row

A message says what is wrong, which path it concerns and what to do. All of them survive pickling,
because they cross from worker processes to the parent.
"""

from pathlib import Path


class MymodulesError(Exception):
    """Base of all the errors below."""


class SettingsError(MymodulesError):
    """A folder or an option is wrong; nothing has been read or written yet."""


class OutputError(MymodulesError):
    """A result could not be written.

    Attributes
    ----------
    path : Path
        The file or folder that could not be written.
    """

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message, path)
        self.path = path

    def __str__(self) -> str:
        return str(self.args[0])


class ResultsError(MymodulesError):
    """A results file is absent, unfinished, not what a run writes, or being written by another process."""


class PoolError(MymodulesError):
    """The worker processes do not start, or the executor fails with every pair."""


class StoreError(MymodulesError):
    """The store's file cannot be used, or there is no image for a digest."""


class PictureError(MymodulesError, ValueError):
    """A picture that a caller handed over cannot be compared.

    Attributes
    ----------
    code : str
        One word for a program: ``kind`` for an object that is not a picture of a known kind, else a code of
        status ``error`` (``truncated``, ``animated`` ...).
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message, code)
        self.code = code

    def __str__(self) -> str:
        return str(self.args[0])


class ImageError(MymodulesError):
    """One file cannot be compared.

    Attributes
    ----------
    code : str
        One word for a program, a code of status ``error`` (``truncated``, ``animated`` ...).
    reason : str
        A clause for a person without the file's name: "it ends in the middle of its pixel data".
    size : (int, int) or None
        Width and height, px, if the header was read before the file was refused.
    remedy : str or None
        A sentence that says what to do, if the code alone does not: "Run git lfs pull."
    """

    def __init__(
        self, code: str, reason: str, size: tuple[int, int] | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(code, reason, size, remedy)
        self.code = code
        self.reason = reason
        self.size = size
        self.remedy = remedy

    @classmethod
    def no_memory(cls, subject: str = "it") -> "ImageError":
        """Return the error of a picture for which this computer does not have enough memory."""
        remedy = "Cut it up, or compare fewer at a time: compare --processes N, batch.run(num_processors=N)."
        return cls("too_many_pixels", f"there is not enough memory for {subject}", None, remedy)

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}"
