"""Output folders behind a URL: finished runs are sent once, and come whole, whatever fails or is damaged."""

import errno
import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
from support.far_system import Far, computer
from support.fetched import tree
from support.sent_runs import LATER, STAMP, abroad, parsed, put, run_of

from mymodules import remote
from mymodules.errors import SettingsError
from mymodules.locks import Lock
from mymodules.remote import copies
from mymodules.results import dealing, exchange, runfiles
from mymodules.results.exchange import exchange as exchanged

RUN = run_of()
CSV, CHANGES, MANIFEST = f"results-{STAMP}.csv", f"changes-{STAMP}.csv", f"results-{STAMP}.json"
DRAWING = f"03.diff-{STAMP}/deep/a.png-1.orig.png"


def answering(kind: str, name: str) -> None:
    """Refuse nothing."""


def refusing(kinds: str, ending: str) -> Callable[[str, str], None]:
    def refuse(kind: str, name: str) -> None:
        if kind in kinds.split() and name.endswith(ending):
            raise PermissionError

    return refuse


def drawn(out: Path) -> None:
    """Show the newest run."""
    exchange.show_drawings(out, runfiles.manifest_of(runfiles.newest(out)))


def begun(at: Path, url: str, contents: dict[str, bytes]) -> None:
    """Have a computer send runs."""
    with computer("one", url, at) as out:
        put(out, contents)
        assert exchanged(out) == ""


def test_a_run_is_sent_once_and_comes_whole(far: type[Far], url: str, tmp_path: Path, capsys: Any) -> None:
    """There it has the names and contents that it has here."""
    begun(tmp_path, url, RUN)
    assert parsed(tree(tmp_path / "there")) == abroad(RUN)
    assert b"/home" not in tree(tmp_path / "there")[MANIFEST]
    assert [name for kind, name in far.asked if kind == "mv"][-2:] == [CSV, MANIFEST]
    with computer("one", url, tmp_path) as out:
        far.asked.clear()
        assert exchanged(out) == ""
        assert {kind for kind, _ in far.asked} == {"ls"}
    with computer("other", url, tmp_path) as out:
        assert exchanged(out) == ""
        assert {*tree(out)} == {CSV, CHANGES, MANIFEST}
        drawn(out)
        assert tree(out) == tree(tmp_path / "there")
        assert runfiles.newest(out) == out / CSV
        far.asked.clear()
        assert exchanged(out) == ""
        assert {kind for kind, _ in far.asked} == {"ls"}, "nothing is fetched again, or sent back"
    told = capsys.readouterr().out
    assert told.count(f"{url}: sent run {STAMP}.") == 1
    assert told.count(f"{url}: fetched run {STAMP}. Its pictures that are not the same come when shown.") == 1


def test_memory_is_a_server_too(tmp_path: Path) -> None:
    url, system = f"memory://out{tmp_path}/run", fsspec.filesystem("memory")
    begun(tmp_path, url, RUN)
    with computer("other", url, tmp_path) as out:
        assert exchanged(out) == ""
        drawn(out)
        assert parsed(tree(out)) == abroad(RUN)
    system.rm(f"/out{tmp_path}", recursive=True)


def test_a_run_of_another_computer_names_no_folder_here(far: type[Far], url: str, tmp_path: Path) -> None:
    """Also if another program has written it; and it names no file of rules there."""
    rules = {"rules": {"file": "/home/me/rules.toml", "rules": []}, "unused_rules": ["/home/me/compare.toml"]}
    files = run_of(**rules, selection=None)
    begun(tmp_path, url, files)
    assert b"/home" not in tree(tmp_path / "there")[MANIFEST]
    put(tmp_path / "there", run_of(LATER, brought=True, out="/", first="/", second="..", root=1))
    with computer("other", url, tmp_path) as out:
        exchanged(out)
        said = [runfiles.manifest_of(out / f"results-{stamp}.csv") for stamp in (STAMP, LATER)]
        assert [Path(each["first"]).name for each in said] == ["before", "first"]
        for each in said:
            assert not any(Path(each[role]).exists() for role in ("root", "first", "second"))
            assert each["out"] == str(out)


def test_what_a_run_here_has_is_never_touched(far: type[Far], url: str, tmp_path: Path) -> None:
    """One in progress, a stopped one, and a file that somebody has put there."""
    begun(tmp_path, url, RUN | run_of(LATER))
    mine = {MANIFEST: b"{}", f"changes-{LATER}.csv": b"mine", DRAWING: b"mine"}
    with computer("other", url, tmp_path) as out:
        put(out, mine)
        exchanged(out)
        assert tree(out) == mine


@pytest.mark.parametrize("name", [CSV, CHANGES, MANIFEST])
@pytest.mark.parametrize("damaged", [b"", b"\xff{", None])
def test_a_damaged_run_costs_no_other(
    name: str, damaged: bytes | None, far: type[Far], url: str, tmp_path: Path, capsys: Any
) -> None:
    begun(tmp_path, url, RUN | run_of(LATER))
    (tmp_path / "there" / name).unlink() if damaged is None else (tmp_path / "there" / name).write_bytes(
        damaged
    )
    with computer("other", url, tmp_path) as out:
        exchanged(out)
        assert {each for each in tree(out) if STAMP in each} == set()
        assert (out / f"results-{LATER}.csv").exists()
        if not (name == MANIFEST and damaged is None):
            assert f"run {STAMP} did not come: " in capsys.readouterr().out


@pytest.mark.parametrize(
    "about",
    [
        {"stamp": "20250101-000000"},
        {"complete": False},
        {"csv_digest": None},
        {"csv_digest": ["x"]},
        {"changes_digest": "0" * 32},
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    about: dict[str, Any], far: type[Far], url: str, tmp_path: Path
) -> None:
    files = run_of()
    files[MANIFEST] = json.dumps({**json.loads(files[MANIFEST]), **about}).encode()
    put(tmp_path / "there", files)
    with computer("other", url, tmp_path) as out:
        exchanged(out)
        assert tree(out) == {}


def test_names_of_others_lead_nowhere(
    far: type[Far], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    odd = {f"03.diff-{STAMP}/a.exe": b"", "results-x.json": b"{}"}
    put(tmp_path / "there", RUN | odd | {"results-20260101-000000-1.json/deep.json": b"{}"})
    (tmp_path / "there" / f"03.diff-{STAMP}" / "deep" / "b.png-1.orig.png").symlink_to("/etc/hostname")
    true = far.ls

    def ls(self: Far, path: Any, *args: Any, **options: Any) -> Any:
        found = true(self, path, *args, **options)
        if not str(path).endswith("deep"):
            return found
        names = [f"{path}/{name}-1.orig.png" for name in ("../../x", "b\0")]
        return [*found, *({"name": name, "type": "file", "size": 0} for name in names)]

    monkeypatch.setattr(far, "ls", ls)
    with computer("other", url, tmp_path) as out:
        exchanged(out)
        drawn(out)
        assert {*tree(out)} == {*RUN}
        assert not any(path.is_symlink() for path in out.rglob("*"))
        assert "no file here can be called like 2 drawings of run" in capsys.readouterr().out


def test_only_the_newest_runs_come_and_the_named_one(
    far: type[Far], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dealing, "RUNS", 2)
    stamps = [f"202601{day:02}-000000-123456789" for day in (1, 2, 3, 4)]
    put(tmp_path / "there", {name: data for stamp in stamps for name, data in run_of(stamp).items()})
    put(
        tmp_path / "there", {"results-20260101-000000-x.json": b"{}", "results-20261301-000000-1.json": b"{}"}
    )
    with computer("other", url, tmp_path) as out:
        exchanged(out)
        assert {path.name for path in out.glob("*.csv")} == {
            f"{kind}-{stamp}.csv" for kind in ("results", "changes") for stamp in stamps[2:]
        }
        exchanged(out, stamps[0])
        assert (out / f"results-{stamps[0]}.csv").exists()


def test_drawings_that_cannot_come_are_asked_for_again(
    far: type[Far], url: str, tmp_path: Path, capsys: Any
) -> None:
    begun(tmp_path, url, RUN)
    with computer("other", url, tmp_path) as out:
        far.on = refusing("get", ".png")  # type: ignore[assignment]
        assert exchanged(out) == ""
        drawn(out)
        assert {*tree(out)} == {CSV, CHANGES, MANIFEST}
        assert f"the drawings of run {STAMP} did not come: the server refuses it" in capsys.readouterr().out
        far.on = answering  # type: ignore[assignment]
        drawn(out)
        assert tree(out)[DRAWING] == RUN[DRAWING]


def test_a_drawing_that_cannot_be_had_keeps_no_other(
    far: type[Far], url: str, tmp_path: Path, capsys: Any
) -> None:
    more = f"03.diff-{STAMP}/b.png-1.orig.png"
    begun(tmp_path, url, RUN | {more: b"more"})
    with computer("other", url, tmp_path) as out:
        exchanged(out)
        far.on = refusing("get", "a.png-1.orig.png")  # type: ignore[assignment]
        drawn(out)
        told = capsys.readouterr().out
        assert (
            f"1 picture of run {STAMP}, such as deep/a.png-1.orig.png did not come: the server refuses"
            in told
        )
        assert {more, DRAWING} & {*tree(out)} == {more}


def test_what_others_have_put_there_is_asked_for_so_often(
    far: type[Far], url: str, tmp_path: Path, capsys: Any
) -> None:
    """Names of runs that are none do not count, and the others are few."""
    false = {f"results-20260101-{number:06}-1.json": b"{}" for number in range(1, 21)}
    put(tmp_path / "there", run_of(LATER) | false)
    with computer("other", url, tmp_path) as out:
        exchanged(out)
        assert runfiles.newest(out) == out / f"results-{LATER}.csv"
        assert len({name for kind, name in far.asked if name in false}) == dealing.RUNS - 1
    assert capsys.readouterr().out.count("did not come") == 1


def test_runs_dated_ahead_keep_no_other(far: type[Far], url: str, tmp_path: Path, capsys: Any) -> None:
    """They come if they are named."""
    ahead = [f"29990101-{number:06}-123456789" for number in range(dealing.RUNS)]
    for stamp in (STAMP, *ahead):
        put(tmp_path / "there", run_of(stamp))
    with computer("other", url, tmp_path) as out:
        exchanged(out)
        assert [path.name for path in out.glob("results-*.csv")] == [CSV]
        assert "10 runs, such as 29990101-" in (said := capsys.readouterr().out)
        assert "did not come: dated ahead: set the clock of that computer" in said
        exchanged(out, ahead[3])
        assert (out / f"results-{ahead[3]}.csv").exists()


def test_drawings_that_are_gone_are_asked_for_again(
    far: type[Far], url: str, tmp_path: Path, capsys: Any
) -> None:
    run = run_of(pictures="changed", counts={"changed": 1})
    put(tmp_path / "there", {name: data for name, data in run.items() if name != DRAWING})
    with computer("other", url, tmp_path) as out:
        exchanged(out)
        drawn(out)
        assert (
            f"the drawings of run {STAMP} did not come: they are not there any more"
            in capsys.readouterr().out
        )
        put(tmp_path / "there", run)
        drawn(out)
        assert (out / DRAWING).exists()


def test_names_that_no_file_here_can_have_keep_nothing(tmp_path: Path) -> None:
    """On S3 they have up to 1024 bytes."""
    url, system = f"memory://long{tmp_path}/run", fsspec.filesystem("memory")
    for name in ("a" * 300, f"results-20260101-000000-{'9' * 300}.json"):
        system.pipe(f"/long{tmp_path}/run/{name}", b"{}")
    begun(tmp_path, url, RUN)
    with computer("other", url, tmp_path) as out:
        assert exchanged(out) == ""
        assert (out / CSV).exists()
    system.rm(f"/long{tmp_path}", recursive=True)


def test_a_link_among_drawings_is_not_followed(far: type[Far], url: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    with computer("one", url, tmp_path) as out:
        put(out, RUN)
        (out / DRAWING).with_name("b.png-1.orig.png").symlink_to(tmp_path / "secret")
        assert exchanged(out) == ""
    assert parsed(tree(tmp_path / "there")) == abroad(RUN)


def test_a_table_that_was_removed_here_is_named(far: type[Far], url: str, tmp_path: Path) -> None:
    with computer("one", url, tmp_path) as out:
        put(out, RUN)
        (out / CHANGES).unlink()
        told = exchanged(out)
    assert f"{CHANGES} was removed here: put it back" in told
    assert "next command" not in told


@pytest.mark.parametrize("ending", [".png", ".csv", ".json"])
def test_what_cannot_be_sent_is_named_and_sent_later(
    ending: str, far: type[Far], url: str, tmp_path: Path
) -> None:
    """Until then others see nothing of it, and one run keeps no other."""
    with computer("one", url, tmp_path) as out:
        put(out, RUN)
        far.on = refusing("mv", ending)  # type: ignore[assignment]
        told = exchanged(out)
        assert f"{url} does not have run {STAMP}: the server refuses it" in told
        assert str(out) in told
        with computer("other", url, tmp_path) as other:
            exchanged(other)
            assert tree(other) == {}
        far.on = refusing("mv", f"{STAMP}.csv")  # type: ignore[assignment]
        put(out, run_of(LATER))
        assert f"does not have run {STAMP}:" in exchanged(out)
        assert f"results-{LATER}.json" in tree(tmp_path / "there")
        far.on = answering  # type: ignore[assignment]
        assert exchanged(out) == ""
        assert parsed(tree(tmp_path / "there")) == abroad(RUN | run_of(LATER))


def test_a_server_that_fails_with_one_file_keeps_no_other_run(
    far: type[Far], url: str, tmp_path: Path, capsys: Any
) -> None:
    """With the second one it is given up."""
    stamps = [f"202601{day:02}-000000-123456789" for day in (1, 2, 3)]
    begun(tmp_path, url, {name: data for stamp in stamps for name, data in run_of(stamp).items()})
    failing: list[str] = []

    def fail(kind: str, name: str) -> None:
        if kind == "get" and name in failing:
            raise OSError(errno.EIO, "it fails")

    far.on = fail  # type: ignore[assignment]
    for count, come in ((1, stamps[:2]), (2, [])):
        failing.append(f"results-{stamps[-count]}.csv")
        with computer(f"other{count}", url, tmp_path) as out:
            exchanged(out)
            assert [path.name[8:-4] for path in sorted(out.glob("results-*.csv"))] == come
    assert f"{url} cannot be asked for results: the server fails" in capsys.readouterr().out


@pytest.mark.parametrize("name", [CSV, CHANGES])
def test_an_edited_run_is_not_sent(name: str, far: type[Far], url: str, tmp_path: Path) -> None:
    with computer("one", url, tmp_path) as out:
        put(out, RUN | {name: b"edited"})
        put(out, run_of(LATER, complete=False))
        told = exchanged(out)
        assert f"run {STAMP}: {name} was edited or damaged here: put it back, or remove it" in told
        assert "next command" not in told
        assert {*tree(tmp_path / "there")} == set()


def test_unfinished_runs_stay_here(far: type[Far], url: str, tmp_path: Path) -> None:
    stopped = run_of(LATER, complete=False) | {f"results-{LATER}.partial.csv": b"row"}
    with computer("one", url, tmp_path) as out:
        put(out, RUN | stopped)
        with runfiles.lock(out, STAMP):
            assert exchanged(out) == ""
        assert not (tmp_path / "there").exists()
        assert exchanged(out) == ""
        assert parsed(tree(tmp_path / "there")) == abroad(RUN)


def test_without_its_notes_the_server_tells_what_was_sent(far: type[Far], url: str, tmp_path: Path) -> None:
    begun(tmp_path, url, RUN)
    with computer("one", url, tmp_path) as out:
        copies.beside(out, "sent").unlink()
        copies.beside(out, "begun").write_bytes(b"\xff")
        far.asked.clear()
        assert exchanged(out) == ""
        assert {kind for kind, _ in far.asked} == {"ls", "get"}
        copies.beside(out, "sent").unlink()
        there = tmp_path / "there" / MANIFEST
        there.write_bytes(run_of(rows=b"others")[MANIFEST])
        assert f"there is another {MANIFEST}" in exchanged(out)
        assert tree(tmp_path / "there")[CSV] == b"rows"


@pytest.mark.parametrize(
    ("kind", "at", "is_first"),
    [
        ("put", ".sending-", False),  # before its claim is there
        ("ls", "there", True),
        *(("mv", name, True) for name in (".png", f"changes-{STAMP}.csv", CSV, MANIFEST)),
    ],
)
def test_copies_of_a_cache_that_send_one_run_at_once(
    kind: str, at: str, is_first: bool, far: type[Far], url: str, tmp_path: Path
) -> None:
    """Both have ended a stopped run. One of them sends it, and others get it as that one has it."""
    told: list[str] = []

    def meanwhile(asked: str, name: str) -> None:
        has_begun = any(".sending-" in each for _, each in far.asked)
        if asked == kind and at in name and has_begun and not told:
            told.append("")
            with computer("copy", url, tmp_path) as copy:
                put(copy, run_of(rows=b"others"))
                told[0] = exchanged(copy, what="end")

    with computer("one", url, tmp_path) as out:
        put(out, RUN)
        far.on = meanwhile  # type: ignore[assignment]
        told.append(exchanged(out, what="end"))
    waits = f"does not have run {STAMP}: another computer, with a copy of this cache, is sending it"
    is_another = f"run {STAMP}: there is another {MANIFEST}: remove the one here or there"
    first, second = told if is_first else reversed(told)
    assert (waits if is_first else is_another) in first
    assert second == ""
    with computer("third", url, tmp_path) as third:
        assert exchanged(third) == ""
        assert tree(third)[CSV] == (b"rows" if is_first else b"others")
    with computer("copy" if is_first else "one", url, tmp_path) as out:
        assert is_another in exchanged(out)
    assert not [*(tmp_path / "there").glob(".sending-*")]


def test_a_claim_of_a_computer_that_is_gone_can_be_removed(far: type[Far], url: str, tmp_path: Path) -> None:
    with computer("gone", url, tmp_path) as out:
        put(out, run_of(rows=b"others"))
        far.on = refusing("mv", MANIFEST)  # type: ignore[assignment]
        assert "the server refuses it" in exchanged(out)
        far.on = answering  # type: ignore[assignment]
    with computer("one", url, tmp_path) as out:
        put(out, RUN)
        (claim,) = (tmp_path / "there").glob(".sending-*")
        assert f"let that one finish, or remove {claim.name} there. Nothing is lost" in exchanged(out)
        claim.unlink()
        assert exchanged(out) == ""
        assert parsed(tree(tmp_path / "there")) == abroad(RUN)


def test_what_was_removed_there_is_not_sent_again(far: type[Far], url: str, tmp_path: Path) -> None:
    begun(tmp_path, url, RUN)
    with computer("other", url, tmp_path) as other:
        exchanged(other)
        shutil.rmtree(tmp_path / "there")
        exchanged(other)
    with computer("one", url, tmp_path) as out:
        exchanged(out)
    assert not (tmp_path / "there").exists()


def test_a_bringing_that_was_killed_is_completed(
    far: type[Far], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(tmp_path, url, RUN)
    true = dealing.files.place

    def place(made: Path, path: Path, **options: Any) -> None:
        if path.name == CSV:
            raise KeyboardInterrupt
        true(made, path, **options)

    with computer("other", url, tmp_path) as out:
        with monkeypatch.context() as patch:
            patch.setattr(dealing.files, "place", place)
            with pytest.raises(KeyboardInterrupt):
                exchanged(out)
        assert {*tree(out)} == {CHANGES, MANIFEST}
        exchanged(out)
        assert {*tree(out)} == {CHANGES, MANIFEST, CSV}


def test_names_that_no_server_takes_are_left_out(
    far: type[Far], url: str, tmp_path: Path, capsys: Any
) -> None:
    odd = [f"03.diff-{STAMP}/{name}.png-1.orig.png" for name in ("caf\udce9", "a?versionId=x", "a[1]*")]
    begun(tmp_path, url, RUN | dict.fromkeys(odd, b"odd"))
    assert {*tree(tmp_path / "there")} == {*RUN, odd[2]}
    assert "no file there can be called like 2 drawings" in capsys.readouterr().out


def test_a_folder_that_cannot_be_used_is_refused_at_once(far: type[Far], url: str, tmp_path: Path) -> None:
    with computer("one", url, tmp_path) as out:
        exchange.reach(out)
        assert tree(tmp_path / "there") == {}
        for kind in ("put", "mv"):
            far.on = refusing(kind, "")  # type: ignore[assignment]
            with pytest.raises(
                SettingsError, match=rf"{url} cannot be used for results: the server refuses it\."
            ):
                exchange.reach(out)
        far.on = refusing("ls", "")  # type: ignore[assignment]
        with pytest.raises(SettingsError, match="cannot be used"):
            exchange.reach(out)


def test_a_server_that_is_away_ends_nothing(far: type[Far], url: str, tmp_path: Path, capsys: Any) -> None:
    with computer("one", url, tmp_path) as out:
        far.on = refusing("ls", "")  # type: ignore[assignment]
        assert exchanged(out) == ""
        assert f"{url} cannot be asked for results: the server refuses it. What is here is used" in (
            capsys.readouterr().out
        )
        put(out, RUN)
        assert f"{url} does not have run {STAMP}: the server refuses it." in exchanged(out)


def test_a_process_that_was_not_told_the_url_knows_it(
    far: type[Far], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in the file beside the copy; one that has placed it needs no such file, nor the same variable."""
    with computer("one", url, tmp_path) as out:
        put(out, RUN)
        monkeypatch.setattr(copies, "_urls", {})
        monkeypatch.setattr(copies, "_outs", set())
        assert remote.out_url(out) == url
        assert exchanged(out) == ""
        assert parsed(tree(tmp_path / "there")) == abroad(RUN)
        remote.place(url, tmp_path, out=True)
        copies.beside(out, "json").write_bytes(b"")
        monkeypatch.setenv(copies.CACHE, str(tmp_path / "elsewhere"))
        assert remote.out_url(out) == url


def test_a_relative_cache_is_the_same_after_a_change_of_folder(
    far: type[Far], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(copies.CACHE, "relative")
    out = remote.place(url, tmp_path, out=True)
    monkeypatch.chdir(tmp_path / "deep")
    assert remote.place(url, tmp_path, out=True) == out


def test_whoever_looks_waits_less_for_other_processes(
    far: type[Far], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(dealing, "SILENCE", 0.05)
    with computer("one", url, tmp_path) as out:
        put(out, RUN)
        lock = Lock(copies.beside(out, "lock"), out)
        told = exchanged(out)
        assert f"{url} does not have run {STAMP}: another process is using its copy." in told
        assert not (tmp_path / "there").exists()
        monkeypatch.setattr(dealing, "SILENCE", 30.0)
        threading.Timer(0.3, lock.release).start()
        assert exchanged(out, what="end") == ""
        assert parsed(tree(tmp_path / "there")) == abroad(RUN)


def test_it_is_said_what_takes_long(
    far: type[Far], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(dealing, "_QUIET", 0.0)
    with computer("one", url, tmp_path) as out:
        exchanged(out)
    assert f"{url}: exchanging results with its server ..." in capsys.readouterr().out


def test_stamps_of_one_second_are_in_order(far: type[Far], url: str, tmp_path: Path) -> None:
    with computer("one", url, tmp_path) as out:
        out.mkdir(parents=True)
        stamps = [runfiles.new_stamp(out) for _ in range(4)]
    assert sorted(stamps, key=runfiles.age) == stamps
    assert {len(stamp) for stamp in stamps} == {len(STAMP)}
