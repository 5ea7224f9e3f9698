"""Reports of a run: a page for people without a notebook, and a JUnit file for build servers."""

from typing import TYPE_CHECKING

from mymodules.faces import lazily

if TYPE_CHECKING:
    from mymodules.report.junit_xml import junit
    from mymodules.report.place import is_one_file
    from mymodules.report.writing import ONE_FILE_LIMIT, READ_PIXELS, check, write

__all__ = ["ONE_FILE_LIMIT", "READ_PIXELS", "check", "is_one_file", "junit", "write"]

__getattr__ = lazily(
    __name__,
    {
        "junit_xml": ("junit",),
        "place": ("is_one_file",),
        "writing": ("ONE_FILE_LIMIT", "READ_PIXELS", "check", "write"),
    },
)
