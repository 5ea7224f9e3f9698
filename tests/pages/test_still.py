"""What a notebook keeps of a widget for pages without a kernel."""

from typing import Any

import ipywidgets
import pytest

from mymodules.pages.still import Kept

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, str], Any, bool]]:
    """What is displayed, in order: data, id and whether it replaces an earlier output."""
    found: list[tuple[dict[str, str], Any, bool]] = []

    def publish(data: dict[str, str], *, transient: Any = None, update: bool = False) -> None:
        found.append((data, (transient or {}).get("display_id"), update))

    monkeypatch.setattr("IPython.display.publish_display_data", publish)
    return found


def test_markup_and_sentence_stand_before_the_widget(published: list[Any]) -> None:
    box = Kept([ipywidgets.Label("alive")], lambda: ("<b>a table</b>", "A kernel & more."))
    box._ipython_display_()
    (still, _, _), (widget, _, _) = published
    assert "<b>a table</b><p>A kernel &amp; more.</p>" in still["text/html"]
    assert still["text/plain"] == "A kernel & more."
    assert widget[VIEW]["model_id"] == box.model_id
    assert widget["text/plain"] == "", "nothing is said twice"


def test_it_is_replaced_where_it_was_displayed(published: list[Any]) -> None:
    said = ["before"]
    box = Kept([], lambda: ("", said[0]))
    box.keep_again()
    assert published == [], "a script that displays nothing gets no output"
    box._ipython_display_()
    said[0] = "after"
    box.keep_again()
    (first, place, update), _, (again, same, replaces) = published
    assert (first["text/plain"], update) == ("before", False)
    assert (again["text/plain"], same, replaces) == ("after", place, True)
