"""Deciding about all rows shown: buttons that say how many these are, and ask before they do it.

What is decided, and about which rows, is the owner's: `Bulk` is handed two functions and knows no table.
"""

import html
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from mymodules.errors import MymodulesError
from mymodules.triage import DECISIONS

if TYPE_CHECKING:
    import pandas as pd


class Bulk(ipywidgets.HBox):  # type: ignore[misc]  # its base has no type information
    """A button for each decision, and the question that each of them asks.

    Parameters
    ----------
    decided : callable
        Returns what is decided about each of the rows shown, a Series of text.
    decide : callable
        Is called with a decision that was confirmed.
    closed : str
        Why nothing can be decided; empty where it can.

    Attributes
    ----------
    asking : str
        The decision that is asked about, empty for none.
    buttons : dict of str to Button
        By decision.
    yes, no : Button
        The answers.
    """

    asking = traitlets.Unicode("")

    def __init__(
        self, decided: "Callable[[], pd.Series[Any]]", decide: Callable[[str], object], closed: str = ""
    ) -> None:
        self._decided, self._decide, self._closed = decided, decide, closed
        self.buttons = {word: ipywidgets.Button() for word in DECISIONS}
        self._question = ipywidgets.HTML()
        self._problem = ipywidgets.HTML().add_class("mme-problem")
        self.yes, self.no = (ipywidgets.Button(description=word) for word in ("Yes", "No"))
        ask = ipywidgets.HBox([self._question, self.yes, self.no]).add_class("mme-ask")
        every = ipywidgets.HBox(list(self.buttons.values())).add_class("mme-all")
        super().__init__([self._problem, ask, every])
        self.add_class("mme-bulk")
        for word, button in self.buttons.items():
            button.add_class(f"mme-{word}")
            button.on_click(lambda _, word=word: self._ask(word))
        self.yes.on_click(lambda _: self._confirmed())
        self.no.on_click(lambda _: self.set_trait("asking", ""))

    def fit(self, count: int) -> None:
        """Take another number of rows; what was asked about is off then."""
        self.asking = ""
        for word, button in self.buttons.items():
            all_shown = f"{word.capitalize()} all {count:,} shown …"
            button.description = all_shown if word == DECISIONS[0] else f"{word.capitalize()} …"
            button.tooltip = self._closed or all_shown
            button.disabled = bool(self._closed) or not count

    def _ask(self, word: str) -> None:
        decided = self._decided()
        count, others = len(decided), int(((decided != "") & (decided != word)).sum())
        rows = "the row" if count == 1 else f"all {count:,} rows"
        now = f" Decided otherwise now: {others:,}." if others else ""
        self._problem.value = ""
        self._question.value = f'<span role="alert">{word.capitalize()} {rows} shown?{now}</span>'
        self.yes.description = f"Yes, {word} {count:,}"
        self.asking = word

    def _confirmed(self) -> None:
        word = self.asking
        self._decided()
        if not self.asking:
            return  # the rows are others now
        self.asking = ""
        try:
            self._decide(word)
        except MymodulesError as error:
            self._problem.value = f'<span role="alert">{html.escape(str(error))}</span>'
