"""Pictures behind a URL as a folder to compare: ``s3://bucket/plots``, ``https://host/plots``, ``zip://a``.

`place` says which folder of the user's cache is the copy of a URL, and asks nobody. `fetch` brings into it
what changed there. From then on it is a folder like any other, so all that holds for files on this computer
holds for pictures of a URL. A URL that ends like the name of a picture is that of one file, `picture_name`:
its copy has only that one, nothing is listed, and the URL may have a query.

Promises:

- A run compares what the server had when `settings.init`, or the run itself, asked it: once for each run,
  that of second before that of first, so that a mistyped one is noticed early. Who gets the folder of a copy,
  such as a process that resumes the run of another one, asks nobody.
- A picture that is there already is not fetched again: one whose size and etag or checksum are those of the
  last time, or size and time, if the server tells no more. A line says which of the two it was. If it tells
  neither, all pictures are fetched each time, and that is said. So are those that changed in the seconds
  before, by the clock of either computer, unless a checksum tells their contents apart.
- The copy of a picture has the length that the server stated, and the server stated the same etag, checksum
  or time before and after it was read. It is in its place whole or not at all. Files of one content are
  stored once, where the file system has hard links. An etag is believed, and not held against the content.
- What cannot be fetched, because the server refuses it, lies about its length or changes it meanwhile, or
  because no file here can have its name, becomes a row that says so. Names that lead out of the folder are
  neither asked for nor written. What is no picture, or hidden, is not fetched, but counts as left out. A
  folder below the top that cannot be listed is a row, too.
- A server that fails is asked again, with pauses that grow, and `fetching.LIMIT` ends everything, also a call
  that hangs. What was fetched until then stays, and is not fetched again.
- A copy that no run, `settings.init`, viewer or report has used for `pruning.DAYS` is removed when another
  URL is fetched, and so are those that were used least recently, and not in a week, if all have more bytes
  than `pruning.limit`; but none that a process is fetching. Nothing else is removed: not the copy of an
  output folder.
- Processes that want the same URL wait for each other. A run that reads the copy meanwhile sees files change,
  as it does in any folder.
- User names, passwords and queries stand in no file, row, message or exception. The name of a copy depends on
  them, but not on a signature or when it expires, through a key that only this user has. Errors of libraries,
  which may quote them, are not shown.

Not promised: links on a server are not followed to folders. A folder without a name (``a//b.png``) is not
seen, because drivers do not list it; as a folder to compare it is refused, see `check_folder`. An index page
lists what it links below itself, and folders end in a slash there. A redirect is followed, and gets no
password if it leads to another host.
"""

from typing import TYPE_CHECKING

from mymodules.faces import lazily

if TYPE_CHECKING:
    from mymodules.remote.addresses import (
        address,
        check_folder,
        check_out,
        check_writable,
        filename,
        is_remote,
        picture_name,
    )
    from mymodules.remote.copies import (
        closed,
        described,
        fetch,
        is_below,
        is_out,
        is_picture,
        left_out,
        new_id,
        note_use,
        out_url,
        own_id,
        place,
        reach,
        unfetched,
    )

__all__ = [
    "address",
    "check_folder",
    "check_out",
    "check_writable",
    "closed",
    "described",
    "fetch",
    "filename",
    "is_below",
    "is_out",
    "is_picture",
    "is_remote",
    "left_out",
    "new_id",
    "note_use",
    "out_url",
    "own_id",
    "picture_name",
    "place",
    "reach",
    "unfetched",
]

__getattr__ = lazily(
    __name__,
    {
        "addresses": (
            "address",
            "check_folder",
            "check_out",
            "check_writable",
            "filename",
            "is_remote",
            "picture_name",
        ),
        "copies": (
            "closed",
            "described",
            "fetch",
            "is_below",
            "is_out",
            "is_picture",
            "left_out",
            "new_id",
            "note_use",
            "out_url",
            "own_id",
            "place",
            "reach",
            "unfetched",
        ),
    },
)
