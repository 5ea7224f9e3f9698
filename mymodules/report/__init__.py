"""Reports of a run: a page for people without a notebook, and JUnit, JSON and Markdown for build servers."""

from typing import TYPE_CHECKING

from mymodules.faces import lazily

if TYPE_CHECKING:
    from mymodules.report.json_document import SCHEMA, document
    from mymodules.report.junit_xml import junit
    from mymodules.report.markdown_text import markdown
    from mymodules.report.place import is_one_file
    from mymodules.report.writing import ONE_FILE_LIMIT, READ_PIXELS, check, write

__all__ = [
    "ONE_FILE_LIMIT",
    "READ_PIXELS",
    "SCHEMA",
    "check",
    "document",
    "is_one_file",
    "junit",
    "markdown",
    "write",
]

__getattr__ = lazily(
    __name__,
    {
        "json_document": ("SCHEMA", "document"),
        "junit_xml": ("junit",),
        "markdown_text": ("markdown",),
        "place": ("is_one_file",),
        "writing": ("ONE_FILE_LIMIT", "READ_PIXELS", "check", "write"),
    },
)
