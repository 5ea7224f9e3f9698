"""Buttons that decide about all rows shown, after a confirmation that says how many they are.

`Bulk` knows no table: its owner passes a function that reads the decisions and one that decides.
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
    """A button for each decision, and a question before it is carried out.

    Parameters
    ----------
    decided : callable
        Returns the decision about each row shown, a Series of text.
    decide : callable
        Called with a confirmed decision.
    closed : str
        Why nothing can be decided; empty if it can.

    Attributes
    ----------
    asking : str
        The decision that waits for a confirmation, or empty.
    buttons : dict of str to Button
        By decision.
    yes, no : Button
        The answers.
    question, problem : HTML
        What is asked, and what went wrong.
    """

    asking = traitlets.Unicode("")

    def __init__(
        self, decided: "Callable[[], pd.Series[Any]]", decide: Callable[[str], object], closed: str = ""
    ) -> None:
        self._decided, self._decide, self._closed = decided, decide, closed
        self.buttons = {word: ipywidgets.Button() for word in DECISIONS}
        self.question = ipywidgets.HTML()
        self.problem = ipywidgets.HTML().add_class("mme-problem")
        self.yes, self.no = (ipywidgets.Button(description=word) for word in ("Yes", "No"))
        ask = ipywidgets.HBox([self.question, self.yes, self.no]).add_class("mme-ask")
        every = ipywidgets.HBox(list(self.buttons.values())).add_class("mme-all")
        super().__init__([self.problem, ask, every])
        self.add_class("mme-bulk")
        for word, button in self.buttons.items():
            button.add_class(f"mme-{word}")
            button.on_click(lambda _, word=word: self._ask(word))
        self.yes.on_click(lambda _: self._confirmed())
        self.no.on_click(lambda _: self.set_trait("asking", ""))

    def fit(self, count: int) -> None:
        """Take another number of rows; a pending question is withdrawn."""
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
        self.problem.value = ""
        self.question.value = f'<span role="alert">{word.capitalize()} {rows} shown?{now}</span>'
        self.yes.description = f"Yes, {word} {count:,}"
        self.asking = word

    def _confirmed(self) -> None:
        word = self.asking
        self._decided()
        if not self.asking:
            return  # the rows shown have changed meanwhile
        self.asking = ""
        try:
            self._decide(word)
        except MymodulesError as error:
            self.problem.value = f'<span role="alert">{html.escape(str(error))}</span>'
