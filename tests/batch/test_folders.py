"""The two folders of a run: each is listed once, and there must be a picture in it."""

import os
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.programs import Folders

from mymodules import batch
from mymodules.errors import SettingsError


def test_a_run_lists_every_folder_once(own: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    once = {folder: 1 for side in own[:2] for folder, _, _ in os.walk(side)}
    listed: Counter[str] = Counter()
    scandir = os.scandir

    def counting(path: str) -> object:
        listed[os.path.normpath(path)] += 1
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counting)
    with ThreadPoolExecutor(1) as executor:
        done = batch.run(*own, executor=executor, store=None)
        assert {folder: listed[folder] for folder in once} == once
        listed.clear()
        batch.run(*own[:2], resume=done.csv_path, executor=executor, store=None)
    assert {folder: listed[folder] for folder in once} == once


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("resumed", [False, True])
def test_a_folder_without_a_picture(own: Folders, side: int, resumed: bool) -> None:
    with ThreadPoolExecutor(1) as executor:
        path = batch.run(*own, executor=executor, store=None).csv_path if resumed else None
        before = sorted(own.out.iterdir())
        shutil.rmtree(own[side])
        own[side].mkdir()
        (own[side] / "nowhere.png").symlink_to("absent.png")
        with pytest.raises(SettingsError, match=rf"There is no picture in .*{own[side].name}"):
            batch.run(*own[: 2 if resumed else 3], resume=path, executor=executor, store=None)
    assert sorted(own.out.iterdir()) == before
