"""How many calls are made at a time: several through drivers that bear it, one through all others."""

import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from support.faulty import noise
from support.fetched import fetched, picture, tree
from support.odd_system import OddSystem
from support.programs import png

from mymodules import remote


@pytest.mark.parametrize("above", ["", "./"])
def test_a_tar_has_the_pictures_of_its_folder(above: str, tmp_path: Path) -> None:
    """All are read through one open file."""
    own = tmp_path / "own"
    own.mkdir()
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for number in range(60):
            path = own / f"{number:02}.png"
            path.write_bytes(png(noise(number, 128, 128, 3)))
            archive.add(path, f"{above}{number // 30}/{path.name}")
    folder = fetched(f"tar://{tmp_path / 'a.tar'}")
    assert remote.unfetched(folder) == {}
    assert tree(folder) == {f"{int(name[:2]) // 30}/{name}": data for name, data in tree(own).items()}


@pytest.mark.parametrize(("protocol", "most"), [("odd", 1), (("odd", "s3"), 8)])
def test_only_drivers_that_are_known_to_bear_it_get_several_calls(
    protocol: object, most: int, odd: type[OddSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    odd.files |= {f"top/{number}/{number}.png": picture(number) for number in range(16)}
    lock, meeting = threading.Lock(), threading.Barrier(most)
    running, together = 0, [0]

    def counted(name: str) -> Callable[..., object]:
        method = getattr(OddSystem, name)

        def call(*args: object, **named: object) -> object:
            nonlocal running
            with lock:
                running += 1
                together.append(running)
            try:
                if name == "get_file":
                    meeting.wait(60)
                return method(*args, **named)
            finally:
                with lock:
                    running -= 1

        return call

    monkeypatch.setattr(odd, "protocol", protocol)
    for name in ("ls", "info", "get_file"):
        monkeypatch.setattr(odd, name, counted(name))
    assert len(tree(fetched("odd://top"))) == 16
    assert max(together) == most
