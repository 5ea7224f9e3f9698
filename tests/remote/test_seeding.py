"""A store that is seeded from a URL and pushed to one: two machines, a real server, and its faults."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import fsspec
import pytest
from support.http_faults import Server
from support.programs import COUNTS, TOTAL, mixed
from support.recorded import ROW

from mymodules import cli, store
from mymodules.errors import StoreError
from mymodules.remote import sending
from mymodules.results import runfiles
from mymodules.store import DiffStore, sharing, snapshots
from mymodules.store.records import fingerprint
from mymodules.store.snapshots import Counts
from mymodules.store.values import StoredRow

URL = "s3://shots/ci/store.snapshot"
CONDITIONS = fingerprint({})
RECORDS = TOTAL - COUNTS["error"] + 1
"""What a run on `mixed` leaves: rows, and the search whether gone.png was renamed to new.png."""


@pytest.fixture(autouse=True)
def memory() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


def row(number: int) -> StoredRow:
    return StoredRow(ROW._replace(first_digest=f"{number:032x}"))


def store_of(root: Path, *numbers: int) -> DiffStore:
    opened = DiffStore(root)
    opened.records.remember_rows(map(row, numbers), CONDITIONS)
    return opened


def numbers_of(opened: DiffStore) -> list[int]:
    found = opened.records.file.read("SELECT first FROM rows ORDER BY first")
    return [int(first, 16) for (first,) in found]


# --- two machines ------------------------------------------------------------------------------------


class Ran(NamedTuple):
    code: int
    said: str
    complained: str
    manifest: dict[str, Any]


def compare(machine: Path, *options: str) -> Ran:
    """Compare the folders of a machine in a process that has a cache of its own."""
    environment = os.environ | {"MYMODULES_CACHE": str(machine / "cache")}
    given = [str(machine / name) for name in ("first", "second")]
    program = [sys.executable, "-m", "mymodules", "compare", *given, "--out", str(machine / "out"), *options]
    done = subprocess.run(
        program, cwd=machine, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    manifests = sorted((machine / "out").glob("results-*.json"))
    manifest = runfiles.read_manifest(manifests[-1]) if manifests else {}
    return Ran(done.returncode, done.stdout, done.stderr, manifest)


def test_the_next_machine_compares_nothing_again(server: Server, bucket: Any, tmp_path: Path) -> None:
    """Its files have other paths, times and inodes; what is drawn is compared, as drawings stay behind."""
    one, other = tmp_path / "one", tmp_path / "an" / "other"
    mixed(one)
    for name in ("first", "second"):
        shutil.copytree(one / name, other / name, copy_function=shutil.copyfile)
        (other / name / "below").rename(other / name / "moved")
    both = "--store-from", URL, "--store-to", URL
    begun = compare(one, *both, "--pictures", "none")
    assert (begun.code, begun.complained) == (0, "")
    assert f"There is no snapshot {URL} yet." in begun.said
    assert f"{URL}: {RECORDS} records are new there." in begun.said
    assert begun.manifest["reused"] == 0
    goes_on = compare(other, *both, "--pictures", "none")
    assert (goes_on.code, goes_on.complained) == (0, "")
    assert f"{URL}: {RECORDS} records are new here, 0 known." in goes_on.said
    assert f"{URL}: 0 records are new there." in goes_on.said
    assert goes_on.manifest["counts"] == begun.manifest["counts"] == COUNTS
    assert goes_on.manifest["reasons"] == {"new": ["broken.png"]}, "an error is always tried again"
    shutil.rmtree(other / "out")
    drawn = compare(other, *both)
    assert drawn.manifest["recomputed"] == {"new": 1, "drawings missing": COUNTS["changed"]}


def test_a_run_goes_on_without_a_server(server: Server, bucket: Any, tmp_path: Path) -> None:
    mixed(tmp_path)
    bucket.put_object(Key="ci/store.snapshot", Body=b"SQLite format 3\0" * 9)
    for method in ("GET", "PUT"):
        server.fail(method, "/store.snapshot", repeat(403))
    done = compare(tmp_path, "--store-from", URL, "--store-to", URL, "--pictures", "none")
    assert done.code == 0
    assert f"The store is not seeded, and the run goes on without that. {URL}: " in done.complained
    assert f"The store is not pushed; the results are complete. {URL}: " in done.complained
    assert done.manifest["counts"] == COUNTS
    assert "hidden-secret" not in done.said + done.complained


# --- pushing and seeding -----------------------------------------------------------------------------


def test_two_machines_push_one_after_the_other(tmp_path: Path) -> None:
    url = "memory://ci/store.snapshot"
    with store_of(tmp_path / "one", 1, 2) as one, store_of(tmp_path / "other", 2, 3, 4) as other:
        assert store.push(one, url) == 2
        assert store.push(other, url) == 2
        assert store.push(other, url) == 0
        assert store.seed(one, url) == Counts(2, 2, 0)
        assert numbers_of(one) == [1, 2, 3, 4]


@pytest.mark.parametrize("moment", ["while it is made", "after it was sent"])
def test_two_machines_push_at_the_same_time(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later one sends both machines' records, and never needs to push again."""
    url, write, send = "memory://ci/store.snapshot", snapshots.write, sending.Folder.write
    with store_of(tmp_path / "one", 1) as one, store_of(tmp_path / "other", 2) as other:

        def made_meanwhile(*arguments: Any) -> int:
            made = write(*arguments)
            monkeypatch.setattr(snapshots, "write", write)
            store.push(other, url)
            return made

        def sent_meanwhile(folder: sending.Folder, name: str, made: Path) -> None:
            send(folder, name, made)
            monkeypatch.setattr(sending.Folder, "write", send)
            fsspec.filesystem("memory").rm("/ci/store.snapshot")
            store.push(other, url)

        if moment == "while it is made":
            monkeypatch.setattr(snapshots, "write", made_meanwhile)
        else:
            monkeypatch.setattr(sending.Folder, "write", sent_meanwhile)
        assert store.push(one, url) == 1
        assert store.seed(one, url) == Counts(1, 1, 0)
        assert numbers_of(one) == [1, 2]


def test_pushing_ends_if_others_push_all_the_time(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store_of(tmp_path / "one", 1) as one, store_of(tmp_path / "other", 2) as other:
        store.push(other, "memory://s")
        theirs, sent = memory.cat("/s"), []

        def lost(folder: sending.Folder, name: str, made: Path) -> None:
            sent.append(made.read_bytes())
            memory.pipe("/s", theirs)

        monkeypatch.setattr(sending.Folder, "write", lost)
        with pytest.raises(StoreError, match="other machines push there at the same time"):
            store.push(one, "memory://s")
        assert len(sent) == 5


def test_what_was_there_stays_whole_if_pushing_fails(server: Server, bucket: Any, tmp_path: Path) -> None:
    with store_of(tmp_path / "one", 1) as one, store_of(tmp_path / "other", 2) as other:
        store.push(one, URL)
        before = bucket.Object("ci/store.snapshot").get()["Body"].read()
        server.fail("PUT", "/store.snapshot", repeat(503))
        with pytest.raises(StoreError, match=rf"^{URL}: the server fails \(status 503\)\.$") as caught:
            store.push(other, URL)
        assert caught.value.__cause__ is caught.value.__context__ is None
        assert bucket.Object("ci/store.snapshot").get()["Body"].read() == before
        assert numbers_of(other) == [2]


def test_a_fault_that_passes_is_asked_again(server: Server, bucket: Any, tmp_path: Path) -> None:
    with store_of(tmp_path / "one", 1) as one, store_of(tmp_path / "other") as other:
        server.fail("PUT", "/store.snapshot", [503, 500])
        assert store.push(one, URL) == 1
        server.fail("GET", "/store.snapshot", [503, "cut", "short"])
        assert store.seed(other, URL) == Counts(1, 0, 0)


@pytest.mark.parametrize("content", [b"", b"path,status\na.png,same\n"])
def test_a_file_of_others_is_not_replaced(content: bytes, memory: Any, tmp_path: Path) -> None:
    memory.pipe("/results.csv", content)
    with store_of(tmp_path / "one", 1) as one:
        with pytest.raises(StoreError, match=r"what is there is no snapshot of a store, and is not replaced"):
            store.push(one, "memory://results.csv")
        with pytest.raises(StoreError, match=r"^memory://results.csv: it is no snapshot of a store\.$"):
            store.seed(one, "memory://results.csv")
    assert memory.cat("/results.csv") == content


def test_what_is_too_large_is_not_fetched(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe("/large", bytes(2000))
    monkeypatch.setattr(snapshots, "LARGEST", 1000)
    with store_of(tmp_path / "one") as one, pytest.raises(StoreError, match="has more than 1,000 bytes"):
        store.seed(one, "memory://large")


def test_a_server_that_hangs_is_left(
    server: Server, bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put_object(Key="ci/store.snapshot", Body=b"x")
    server.fail("GET", "/store.snapshot", repeat("hang"))
    monkeypatch.setattr(sharing, "LIMIT", 1.0)
    with store_of(tmp_path / "one") as one, pytest.raises(StoreError, match="it took longer than 1 s"):
        store.seed(one, URL)


@pytest.mark.parametrize("given", ["plots/store", "file:///tmp/store"])
def test_only_a_url_will_do(given: str, tmp_path: Path) -> None:
    with store_of(tmp_path / "one", 1) as one:
        for call in (store.seed, store.push):
            with pytest.raises(StoreError, match="is no URL: name one"):
                call(one, given)


def test_a_url_with_a_password_stands_nowhere(tmp_path: Path) -> None:
    url = "https://me:hidden-secret@127.0.0.1:1/store?sig=hidden-secret"
    with store_of(tmp_path / "one", 1) as one, pytest.raises(StoreError) as caught:
        store.seed(one, url)
    assert "hidden-secret" not in str(caught.value)
    assert str(caught.value).startswith("https://127.0.0.1:1/store: ")


# --- the options -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--store-from", URL, "--store", "none"], "--store-from needs a store"),
        (["--store-to", URL, "--watch"], "--store-to is for single runs: leave out --watch"),
        (["--store-to", "store"], "--store-to must be a URL, such as s3://bucket/store.snapshot"),
        (["--store-to", "https://host/store"], "https://host/store can only be read"),
    ],
)
def test_options_that_do_not_fit(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mixed(tmp_path)
    arguments = ["compare", str(tmp_path / "first"), str(tmp_path / "second"), "--out", str(tmp_path / "out")]
    assert cli.main([*arguments, *options]) == 2
    assert message in capsys.readouterr().err
    assert not list((tmp_path / "out").iterdir()), "nothing was compared"
