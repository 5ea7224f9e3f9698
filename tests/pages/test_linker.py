"""The linker of pages: modules in one text, each in a scope of its own; all else is refused by name."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support import nodes

from mymodules.pages import linker

Write = Callable[..., Path]
"""Writes modules into a folder, each by its name, in which ``__`` stands for ``/``."""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(**modules: str) -> Path:
        for name, text in modules.items():
            path = tmp_path / f"{name.replace('__', '/')}.js"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return written


def test_a_name_in_two_modules_means_each_its_own(write: Write) -> None:
    folder = write(
        main='import { one } from "./a.js";\nimport { other } from "./below/b.js";\nconst name = "main";\n'
        "console.log(JSON.stringify([one(), other, name]));\n",
        a='const name = "a";\nexport function one() {\n  return name;\n}\n',
        below__b='import {\n  one,\n} from "../a.js";\nconst name = "b";\n'
        "export const other = name + one();\n",
    )
    assert nodes.run(linker.script("main.js", folder)) == ["a", "ba", "main"]


def test_what_an_entry_exports_is_the_default_of_the_module(write: Write) -> None:
    folder = write(main="export async function render() {}\nexport class Table {}\nexport const many = 3;\n")
    text = linker.module("main.js", folder)
    assert re.findall(r"^export .*", text, re.MULTILINE) == ['export default modules["main.js"];']
    assert "return { render, Table, many };" in text


def test_a_module_runs_once_and_in_strict_mode(write: Write) -> None:
    folder = write(
        main='import { count } from "./a.js";\nimport { again } from "./b.js";\n'
        "console.log(JSON.stringify([count === again, (function () { return this === undefined; })()]));\n",
        a="export const count = {};\n",
        b='import { count } from "./a.js";\nexport const again = count;\n',
    )
    assert nodes.run(linker.script("main.js", folder)) == [True, True]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('import x from "./a.js";', "not understood"),
        ('import * as a from "./a.js";', "not understood"),
        ('import { one as two } from "./a.js";', "not understood"),
        ('import { one } from "a";', "not understood"),
        ('import { one } from "https://a.example/a.js";', "not understood"),
        ('import "./a.js";', "not understood"),
        ('const a = await import("./a.js");', "not understood"),
        ("const here = import.meta.url;", "not understood"),
        ("await Promise.resolve();", "not understood"),
        ("export default 1;", "not understood"),
        ("export { one };", "not understood"),
        ('export * from "./a.js";', "not understood"),
        ("export let one = 1;", "not understood"),
        ("export const { one } = {};", "not understood"),
        ('import { none } from "./a.js";', "a.js exports no none"),
        ('import { one, one } from "./a.js";', "one is imported twice"),
    ],
)
def test_what_is_not_understood_is_refused_by_file_and_line(write: Write, line: str, words: str) -> None:
    folder = write(main=f"// a comment\n\n{line}\nconst last = 1;\n", a="export const one = 1;\n")
    with pytest.raises(linker.LinkError, match=re.escape(words)) as refused:
        linker.module("main.js", folder)
    assert str(refused.value).startswith("main.js, line 3: ")


def test_modules_that_import_each_other_are_refused_by_name(write: Write) -> None:
    folder = write(
        main='import { a } from "./a.js";\n',
        a='import { b } from "./b.js";\nexport const a = 1;\n',
        b='import { a } from "./a.js";\nexport const b = 1;\n',
    )
    with pytest.raises(linker.LinkError, match=r"a\.js imports b\.js imports a\.js: a circle"):
        linker.script("main.js", folder)


@pytest.mark.parametrize(
    ("path", "words"), [("./absent.js", "absent.js does not exist"), ("../out.js", "outside of the sources")]
)
def test_a_module_that_is_not_there_is_refused(write: Write, path: str, words: str) -> None:
    folder = write(main=f'import {{ a }} from "{path}";\n')
    with pytest.raises(linker.LinkError, match=re.escape(words)):
        linker.script("main.js", folder)


@pytest.mark.parametrize("entry", ["viewer/kernel.js", "explore.js", "panel.js"])
def test_the_entries_of_widgets_export_render(entry: str) -> None:
    assert re.search(r"return \{ render \};\n\}\)\(\);\nexport default ", linker.module(entry))


def test_no_source_has_more_than_400_lines() -> None:
    sources = [*linker.FOLDER.rglob("*.js"), *linker.FOLDER.rglob("*.css")]
    assert len(sources) > 20
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in sources}
    assert {name: count for name, count in lines.items() if count > 400} == {}
