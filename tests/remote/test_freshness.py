"""What tells contents apart, and when a time, or an etag that is made of it, tells nothing yet."""

import email.utils
import time
from datetime import UTC, datetime

import pytest
from support.fetched import fetched, picture, tree
from support.http_faults import Answer, Asked, pages_of, serving
from support.odd_system import OddSystem

from mymodules.remote.addresses import Clock
from mymodules.remote.listing import CHECKSUM, NOTHING, TIME, Stated, stated

PAST = datetime(2020, 1, 1, tzinfo=UTC)  # 1577836800 s


def said(clock: Clock | None = None, **info: object) -> Stated:
    return stated({"name": "a.png", "size": 5, **info}, clock or Clock())


@pytest.mark.parametrize(
    ("info", "kind"),
    [
        ({"ETag": '"abc"', "LastModified": PAST}, CHECKSUM),
        ({"ETag": 'W/"abc"', "Last-Modified": "Wed, 01 Jan 2020 00:00:00 GMT"}, TIME),
        ({"etag": 'W/"abc"'}, NOTHING),
        ({"md5Hash": "abc"}, CHECKSUM),
        ({"CRC": 5, "date_time": (2020, 1, 1, 0, 0, 0)}, CHECKSUM),
        ({"mtime": PAST.timestamp()}, TIME),
        ({"mtime": PAST}, TIME),
        ({"created": PAST}, NOTHING),  # what was created then may have been written since
        ({}, NOTHING),
    ],
)
def test_what_tells_contents_apart(info: dict[str, object], kind: str) -> None:
    assert said(**info).kind == kind


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20200101000000", "1577836800.0"),  # FTP, RFC 3659
        ("20200101000000.250", "1577836800.25"),
        ("2020-01-01T00:00:00.000Z", "1577836800.0"),
        ("Wed, 01 Jan 2020 00:00:00 GMT", "1577836800.0"),
        ("Jan 01 00:00", None),  # FTP without MLSD
        ("20201301000000", None),
        ("soon", None),
    ],
)
def test_a_time_that_cannot_be_read_tells_nothing(text: str, seconds: str | None) -> None:
    assert said(modify=text).kind == (NOTHING if seconds is None else TIME)
    assert said(modify=text).facts == ({} if seconds is None else {"modify": seconds})


def ftp(seconds: float) -> str:
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(seconds))


@pytest.mark.parametrize("etag", [{}, {"ETag": '"5e0be100-5"'}])
def test_what_is_fresh_tells_nothing(etag: dict[str, str]) -> None:
    """Another change in the same second would leave the time, and an etag of time and size, as they are."""
    now, later = time.time(), CHECKSUM if etag else TIME
    for age, kind in ((0, NOTHING), (3, NOTHING), (-3, NOTHING), (10, later), (-60, later)):
        assert said(mtime=now - age, **etag).kind == kind
        assert said(modify=ftp(now - age), **etag).kind == kind
    assert said(mtime=now, md5="abc").kind == CHECKSUM, "that is of the content"


def test_what_is_fresh_is_compared_but_not_kept() -> None:
    one, other = (said(mtime=time.time(), etag=etag) for etag in "ab")
    assert other.contradicts(one)
    assert not one.agrees(5, one.facts)


@pytest.mark.parametrize("offset", [-3600, 3600])
def test_what_is_fresh_by_the_clock_of_the_server(offset: int) -> None:
    clock, now = Clock(), time.time()
    clock.hear({"Date": "no date"})
    assert said(clock, mtime=now + offset).kind == TIME
    clock.hear({"Date": email.utils.formatdate(now + offset - 900, usegmt=True), "Age": "900"})
    assert said(clock, mtime=now + offset).kind == NOTHING
    assert said(clock, mtime=now).kind == NOTHING
    assert said(clock, mtime=now - 7200).kind == TIME


def test_two_ways_to_say_the_same() -> None:
    """A listing may have a number, a file alone a date; others quote an etag only once."""
    assert said(mtime=PAST).agrees(5, said(mtime=PAST.timestamp()).facts)
    quoted, plain = said(ETag='"abc"'), said(ETag="abc")
    assert quoted.agrees(5, plain.facts)
    assert not quoted.agrees(6, plain.facts)
    assert not quoted.agrees(5, {"etag": "abd"})
    assert not quoted.agrees(5, None)


def test_a_time_is_trusted_once_it_is_past(
    odd: type[OddSystem], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = time.time()

    def entry(self: OddSystem, name: str) -> dict[str, object]:
        return {"name": name, "size": len(self.files[name]), "type": "file", "mtime": written}

    monkeypatch.setattr(odd, "_entry", entry)
    odd.files["top/a.png"] = picture(1)
    fetched("odd://top")
    fetched("odd://top")
    assert capsys.readouterr().out.count("1 of 1 pictures fetched") == 2, "it may still change in this moment"
    written -= 60
    fetched("odd://top")
    fetched("odd://top")
    told = "0 of 1 pictures fetched, 1 as before, by size and time, as the server tells no checksum"
    assert told in capsys.readouterr().out


@pytest.mark.parametrize("behind", [0, 3600])
def test_two_contents_with_one_etag_of_time_and_size(behind: int) -> None:
    """As nginx makes it; a picture that is written while it is read has the etag of what it becomes."""
    contents = {"top/a.png": picture(1)}
    now = time.time() - behind
    pages = pages_of(contents, etags=False)

    def answer(asked: Asked) -> Answer:
        status, headers, body = pages(asked)
        date = email.utils.formatdate(now, usegmt=True)
        return Answer(
            status, {**headers, "Last-Modified": date, "ETag": f'"{int(now):x}-{len(body):x}"'}, body
        )

    with serving(answer, behind=behind) as server:
        fetched(f"{server.url}/top")
        contents["top/a.png"] = picture(1)[::-1]
        assert tree(fetched(f"{server.url}/top")) == {"a.png": picture(1)[::-1]}
