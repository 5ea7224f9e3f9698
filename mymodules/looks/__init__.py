"""Looks: the screens on which each distinct change of a run is seen and decided once."""

from typing import TYPE_CHECKING

from mymodules.faces import lazily
from mymodules.looks.classes import ChangeClass
from mymodules.looks.crops import Crop
from mymodules.looks.hunks import Hunk
from mymodules.looks.occurrences import Occurrence
from mymodules.looks.plan import Line, Look, Plan
from mymodules.looks.planning import plan

if TYPE_CHECKING:
    from mymodules.looks.likeness import near

__all__ = ["ChangeClass", "Crop", "Hunk", "Line", "Look", "Occurrence", "Plan", "near", "plan"]

__getattr__ = lazily(__name__, {"likeness": ("near",)})
