"""The table of a run and its viewer as one."""

from typing import TYPE_CHECKING

from mymodules.faces import lazily

if TYPE_CHECKING:
    from mymodules.explore.explorer import Explorer, explore, load_or_run
    from mymodules.explore.order import ORDERS

__all__ = ["ORDERS", "Explorer", "explore", "load_or_run"]

__getattr__ = lazily(__name__, {"explorer": ("Explorer", "explore", "load_or_run"), "order": ("ORDERS",)})
