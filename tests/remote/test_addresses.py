"""URLs: which texts are some, how they are shown, and what is said if a package is missing."""

import builtins
import contextlib
import json
import shlex
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest
from support.fetched import fetched

import run
from mymodules import cli, paths, remote, settings
from mymodules.errors import SettingsError
from mymodules.remote import addresses


@pytest.mark.parametrize(
    "path",
    [
        "C:\\x",
        "c:/x",
        "c://x",
        "file:///x",
        "FILE://x",
        "local://x",
        "plots",
        "git:HEAD",
        "",
        None,
        5,
        Path("s3://x"),
    ],
)
def test_what_is_no_url(path: object) -> None:
    assert not remote.is_remote(path)


@pytest.mark.parametrize(
    "url",
    ["s3://b/x", "HTTP://h", "zip://a.zip", "zip::s3://b/a.zip", "zip://in::https://h/a.zip", "abfs+x://y"],
)
def test_what_is_a_url(url: str) -> None:
    assert remote.is_remote(url)


SECRET = [
    "https://person:wordsecret@host/plots/?token=querysecret",
    "https://person@host/plots#querysecret",
    "https://person:word/secret@host/plots",
    "https://person:word?secret@host/plots",
    "https://person:word#secret@host/plots",
    "https://person:word:secret@host:80/plots",
    "https://person:word@secret@host/plots",
    "sftp://person:wordsecret@[::1]:22/plots",
    "s3://person:wordsecret@host/plots?X-Amz-Signature=querysecret",
    "zip://x::https://person:wordsecret@host/a.zip?sig=querysecret",
    "zip::https://person:wordsecret@host/a.zip",
    "https://person:word::secret@host/plots",
    "https://person:80::secret@host/plots",
    "zip://x::https://person::word://secret@host/plots",
]
MISTYPED = [
    " https://person:wordsecret@host/plots",
    "'https://person:wordsecret@host/plots'",
    "https:\\\\person:wordsecret@host",
    "https:/person:wordsecret@host",
    "ftp:person:wordsecret@host",
    "person:wordsecret@host",
    "https//person:wordsecret@host",
    " https://person:word/secret@host",
    " https://person:word secret@host",
    " s3://bucket/plots?X-Amz-Signature=query/secret",
]


@pytest.mark.parametrize("url", SECRET)
def test_secrets_are_not_shown(url: str) -> None:
    assert not any(
        word in remote.address(url) for word in ("person", "word", "secret", "token", "sig", "Sig")
    )


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket/a@2x/b",
        "https://host:8080/plots",
        "zip:///data/me@home/a#1?.zip",
        "sftp://[::1]/x",
        "zip::sftp://[fe80::1%25eth0]:22/a.zip",
        "memory://x",
    ],
)
def test_what_is_no_secret_is_shown(url: str) -> None:
    assert remote.address(url) == url


@pytest.mark.parametrize("url", SECRET)
def test_secrets_are_in_no_name_and_no_error(
    url: str, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(url: str) -> None:
        raise ValueError(f"{url} is wrong") from PermissionError(url)

    monkeypatch.setattr("mymodules.remote.fetching.opened", fail)
    folder = remote.place(url, tmp_path)
    with pytest.raises(SettingsError) as caught:
        remote.fetch(folder, (".png",))
    said = "".join(traceback.format_exception(caught.value)) + capsys.readouterr().out + folder.name
    assert not any(word in said for word in ("person", "wordsecret", "querysecret", "sig="))
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert remote.place(url.replace("secret", "other"), tmp_path) != folder, "others may see other pictures"
    assert not any(b"secret" in path.read_bytes() for path in cache.rglob("*") if path.is_file())


@pytest.mark.parametrize("url", MISTYPED)
def test_mistyped_urls_show_no_secret(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new").mkdir()
    for roles in ({"first": url}, {"second": url}, {"first": url, "second": url}, {"first": [url]}):
        with pytest.raises(SettingsError) as caught:
            settings.init(**{"first": "new", "second": "new", **roles})  # type: ignore[arg-type]
        assert "secret" not in str(caught.value)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "mymodules"')
    (tmp_path / "compare.toml").write_text(f"[folders]\nfirst = {json.dumps(url)}")
    with pytest.raises(SettingsError, match=r"is a URL|which is not a folder") as caught:
        settings.init(second="new")
    assert "secret" not in str(caught.value)
    (tmp_path / "compare.toml").unlink()
    for words in (
        [url],
        ["compare", url, "new"],
        ["compare", "new", url],
        ["compare", "new", "new", url],
        ["compare", "new", "new", "--max-pixels", url],
        ["compare", "new", "new", "--resume", url],
        ["look", url],
    ):
        with contextlib.suppress(SystemExit):
            assert cli.main(words) == 2
    assert run.main([url]) == 2
    said = "".join(capsys.readouterr())
    assert said.count("There is no command") == 2
    assert "secret" not in said


@pytest.mark.parametrize(
    "path",
    ["/a/b@2x/c?d", "https://host/a@2x", "https:/host/a@2x", "C:\\Users\\me@work", "c:/x@y", "a: b@c", "a:b"],
)
def test_what_has_no_secret_is_not_masked(path: str) -> None:
    assert paths.masked(path) == path


def test_what_is_there_is_not_masked(tmp_path: Path) -> None:
    there = tmp_path / "10:30@2x"
    assert paths.masked(there) != str(there)
    there.mkdir()
    assert paths.masked(there) == str(there)


def test_a_url_beside_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(SettingsError, match=r"a\.png is a file, and https://host/pages is not: name two"):
        settings.init(first="https://me:word@host/pages", second=tmp_path / "a.png")


def test_a_name_needs_the_key(tmp_path: Path, cache: Path) -> None:
    """Otherwise whoever sees the name of a copy could try passwords."""
    folder = remote.place("https://a:b@host/x", tmp_path)
    assert remote.place("https://a:b@host/x/", tmp_path) == folder
    (cache / "key").unlink()
    assert remote.place("https://a:b@host/x", tmp_path) != folder
    if sys.platform != "win32":
        assert (cache / "key").stat().st_mode & 0o777 == 0o600
        assert cache.stat().st_mode & 0o777 == 0o700


SIGNED = "zip::https://me:word@host/a.zip"


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (
            f"{SIGNED}?v=1&X-Amz-Signature=a&X-Amz-Date=1",
            f"{SIGNED}?X-Amz-Date=2&v=1&x-amz-signature=b",
            True,
        ),
        (f"{SIGNED}?sig=a%2F", f"{SIGNED}?sig=b", True),
        (f"{SIGNED}?Expires=1&Signature=a", SIGNED, True),
        (f"{SIGNED}?v=1&sig=a", f"{SIGNED}?v=2&sig=a", False),
        (f"{SIGNED}?v=1", SIGNED, False),
        (f"{SIGNED}?signal=1", SIGNED, False),
        (f"{SIGNED}?X-Amz-Date=1", "zip::https://you:word@host/a.zip?X-Amz-Date=1", False),
        ("zip://a?sig=1.zip", "zip://a?sig=2.zip", False),
        ("zip::a?sig=1.zip", "zip::a?sig=2.zip", False),
    ],
)
def test_a_new_signature_is_no_new_copy(one: str, other: str, is_same: bool, tmp_path: Path) -> None:
    places = {remote.place(url, tmp_path) for url in (one, other)}
    assert len(places) == (1 if is_same else 2)


def test_words_that_a_command_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["compare", "a", "b", "https://person:hidden@host/x?sig=hidden"])
    said = capsys.readouterr().err
    assert "unrecognized arguments: https://host/x" in said
    assert "hidden" not in said


@pytest.mark.parametrize(
    ("url", "module", "package"),
    [
        ("https://host/plots", "aiohttp", "fsspec[http]"),
        ("zip://x::https://host/a.zip", "aiohttp", "fsspec[http]"),
        ("s3://bucket/plots", "s3fs", "s3fs"),
        ("gs://bucket/plots", "gcsfs", "gcsfs"),
        ("az://bucket/plots", "adlfs", "adlfs"),
        ("sftp://host/plots", "paramiko", "paramiko"),
    ],
)
def test_a_package_that_is_missing_is_named(
    url: str, module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = builtins.__import__

    def refuse(name: str, *args: Any, **named: Any) -> Any:
        if name.partition(".")[0] == module:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
        return load(name, *args, **named)

    for name in [*sys.modules]:
        if name.partition(".")[0] == module or name in (
            "fsspec.implementations.http",
            "fsspec.implementations.sftp",
        ):
            monkeypatch.delitem(sys.modules, name)
    known = sys.modules["fsspec.registry"]._registry  # not replaced: a view of it is asked
    for scheme in [*known]:
        monkeypatch.delitem(known, scheme)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(SettingsError) as caught:
        fetched(url)
    call = f"{sys.executable} -m pip install {shlex.quote(package)}"
    assert str(caught.value) == f"{url} needs the package {package}. Type: {call}"


@pytest.mark.parametrize(
    ("url", "named", "typed"),
    [
        ("http://host/plots", "package fsspec[http]", "'fsspec[http]'"),
        ("zip://x::https://host/a.zip", "package fsspec[http]", "'fsspec[http]'"),
        ("s3://bucket", "packages fsspec and s3fs", "fsspec s3fs"),
        ("sftp://host/plots", "packages fsspec and paramiko", "fsspec paramiko"),
        ("zip://a.zip", "package fsspec", "fsspec"),
    ],
)
def test_without_fsspec_it_is_named_too(url: str, named: str, typed: str) -> None:
    said = str(addresses.missing(url, ModuleNotFoundError(name="fsspec")))
    assert said.startswith(f"{url} needs the {named}. Type: ")
    assert said.endswith(f"install {typed}")


def test_a_package_without_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    said = str(addresses.missing("s3://bucket", ImportError("")))
    assert said.endswith(f"Type: uv pip install --python {sys.executable} s3fs")


@pytest.mark.parametrize(
    ("url", "shown", "scheme"),
    [
        ("nonsense://x", "nonsense://x", "nonsense"),
        ("S4://me:word@x", "S4://x", "S4"),
        ("zip://in::s4://x/a.zip", "zip://in::s4://x/a.zip", "s4"),
        ("nonsense::memory://x", "nonsense::memory://x", "nonsense"),
        ("s4://me:80::word://x", "s4://...", "s4"),
    ],
)
def test_a_scheme_that_nobody_knows(url: str, shown: str, scheme: str) -> None:
    with pytest.raises(SettingsError) as caught:
        fetched(url)
    said = f"{shown} cannot be fetched: fsspec does not know {scheme}://. "
    assert str(caught.value).startswith(said)
