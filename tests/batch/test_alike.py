"""Names that differ only in ending or case are not guessed to belong together, but both rows say so."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support.programs import folders
from support.triaged import picture

from mymodules import batch, results

ALIKE = "Only in ending or case its name differs from"


def messages(run: batch.Run) -> dict[str, str]:
    return {row.image_filename: row.messages for row in results.read(run.csv_path)}


def test_names_that_are_almost_alike_name_each_other(tmp_path: Path) -> None:
    made = folders(tmp_path)
    (made.first / "below").mkdir()
    (made.second / "below").mkdir()
    for number, name in enumerate(["a.png", "below/b.jpg", "both.png", "c.png", "moved.png", "alone.png"]):
        (made.first / name).write_bytes(picture(number))
    for number, name in enumerate(
        ["A.webp", "below/B.JPG", "b.jpg", "both.png", "both.bmp", "c.bmp", "c.tif"]
    ):
        (made.second / name).write_bytes(picture(20 + number))
    (made.first / "d.png").write_bytes(picture(30))
    (made.second / "d.gif.bmp").write_bytes(picture(31))  # its name differs in more
    (made.second / "d.bmp").write_bytes(picture(32))
    (made.second / "moved.bmp").write_bytes(picture(4))  # a rename is certain, and said instead
    with ThreadPoolExecutor(1) as executor:
        run = batch.run(*made, executor=executor, pictures="none", store=None)
        found = messages(run)
        give = "to compare them, save both in one format under one name"
        stem, case = (f"{give}, or compare with match={each}." for each in ("'stem'", "'casefold'"))
        both = f"{give}, or compare with match=('stem', 'casefold')."
        assert {name: text.partition(f"{ALIKE} ")[2] for name, text in found.items() if ALIKE in text} == {
            "a.png": f"A.webp in second: {both}",
            "A.webp": f"a.png in first: {both}",
            "below/b.jpg": f"below/B.JPG in second: {case}",
            "below/B.JPG": f"below/b.jpg in first: {case}",
            "d.png": f"d.bmp in second: {stem}",
            "d.bmp": f"d.png in first: {stem}",
            "c.png": f"c.bmp, c.tif in second: {give}.",
            "c.bmp": f"c.png in first: {give}.",
            "c.tif": f"c.png in first: {give}.",
        }
        assert "It was renamed to moved.bmp." in found["moved.png"]

        (made.second / "A.webp").rename(made.second / "a.png")
        again = batch.run(executor=executor, resume=run.csv_path)
        assert ALIKE not in messages(again)["a.png"]
        assert messages(again)["c.png"] == found["c.png"]
