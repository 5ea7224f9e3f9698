"""What the tests of URLs share: a cache of their own, and an S3 server with faults before it.

Every process that runs tests loads this, so that it imports moto and boto3 only where they are used.
"""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.far_system import Far
from support.far_system import fresh as far_system
from support.http_faults import Server, passed_on, serving
from support.odd_system import OddSystem, fresh

from mymodules.remote import asking, copies

BUCKET = "shots"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(copies.CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr(asking, "PAUSE", 0.001)
    monkeypatch.setattr(copies, "_urls", {})
    monkeypatch.setattr(copies, "_asked", set())
    return tmp_path / "cache"


@pytest.fixture
def odd() -> type[OddSystem]:
    return fresh()


@pytest.fixture
def far() -> type[Far]:
    return far_system()


@pytest.fixture(scope="session")
def models() -> Callable[[object, str], Any]:
    """Read the large JSON files once from which botocore makes each of its clients; it changes none."""
    from botocore.loaders import JSONFileLoader

    read = functools.cache(functools.partial(JSONFileLoader.load_file, JSONFileLoader()))
    return lambda _, path: read(path)


@pytest.fixture(scope="module")
def moto(models: Callable[[object, str], Any]) -> Iterator[int]:
    from botocore.loaders import JSONFileLoader
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(JSONFileLoader, "load_file", models)
            yield server.get_host_and_port()[1]
    finally:
        server.stop()


@pytest.fixture
def server(moto: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server between moto's and s3fs, which knows it from the environment, as users tell it."""
    with serving(passed_on(moto)) as between:
        known = {"ENDPOINT_URL": between.url, "ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "hidden-secret"}
        for name, value in (known | {"DEFAULT_REGION": "us-east-1", "MAX_ATTEMPTS": "1"}).items():
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield between


@pytest.fixture
def bucket(moto: int) -> Iterator[Any]:
    """The bucket, empty; written without a detour through the faults."""
    import boto3

    where = {"endpoint_url": f"http://127.0.0.1:{moto}", "region_name": "us-east-1"}
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    resource = boto3.resource("s3", **where, **keys)
    resource.create_bucket(Bucket=BUCKET)
    yield resource.Bucket(BUCKET)
    resource.Bucket(BUCKET).objects.all().delete()


@pytest.fixture
def url(far: type[Far], tmp_path: Path) -> str:
    return f"far://{tmp_path}/there"
