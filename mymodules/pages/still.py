"""What a notebook keeps of a widget where no kernel answers: exported, previewed or opened again.

A widget needs its kernel. So `Kept` puts a picture or a table and a sentence into the notebook before it, as
plain HTML. A page whose kernel answers hides them; any other page shows them.
"""

import html
import secrets
from collections.abc import Callable, Sequence
from typing import Any

import anywidget
import ipywidgets
import traitlets
from IPython import display

from mymodules.pages import linker

# An app with a kernel needs a moment until it can hide the HTML: nothing may flash up meanwhile.
_STYLE = (
    ".lm-Widget .mm-still { animation: mm-still 1ms 3s backwards; }"
    " @keyframes mm-still { from { max-height: 0; overflow: hidden; opacity: 0; } }"
)


class Kept(ipywidgets.VBox):  # type: ignore[misc]  # its base has no type information
    """A box of widgets that leaves something to see in pages without a kernel.

    Parameters
    ----------
    children : sequence of Widget
    keep : function
        Returns what to leave: markup, and a sentence as plain text that says what is missing.
    """

    def __init__(self, children: Sequence[Any], keep: Callable[[], tuple[str, str]]) -> None:
        super().__init__(children)
        self._keep = keep
        self._still = _Still()
        self._displayed = False

    def kept(self) -> tuple[str, str]:
        """Return what the box leaves as it is now: markup, and a sentence."""
        return self._keep()

    def keep_again(self) -> None:
        """Replace what was left by what the box leaves now, if it was displayed."""
        if self._displayed:
            self._publish_still(update=True)

    def close(self) -> None:
        """Close the box; pages then show what it left."""
        if hasattr(self, "_still"):  # else it could not be made
            self._still.close()
        super().close()

    def _ipython_display_(self) -> None:
        self._displayed = True
        self._publish_still(update=False)
        bundle = self._repr_mimebundle_()
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        display.publish_display_data({**data, "text/plain": ""})  # type: ignore[no-untyped-call]
        self._still.answer()

    def _publish_still(self, *, update: bool) -> None:
        markup, sentence = self.kept()
        key = self._still.key
        # Names may hold a $, which starts no formula here.
        classes = f"mm-still mm-still-{key} tex2jax_ignore mathjax_ignore"
        words = f"<p>{html.escape(sentence)}</p>"
        data = {
            "text/html": f'<div class="{classes}"><style>{_STYLE}</style>{markup}{words}</div>',
            "text/plain": sentence,
        }
        display.publish_display_data(data, transient={"display_id": key}, update=update)  # type: ignore[no-untyped-call]


class _Still(anywidget.AnyWidget):
    """Tells pages that their kernel answers: see pages/js/still.js."""

    _esm = linker.module("still.js")

    key = traitlets.Unicode().tag(sync=True)

    def __init__(self) -> None:
        super().__init__(key=secrets.token_hex(8))
        self.on_msg(lambda *_: self.answer())

    def answer(self) -> None:
        """Send the message for which pages wait. A page that is opened later asks for it."""
        self.send({"kind": "awake"})
