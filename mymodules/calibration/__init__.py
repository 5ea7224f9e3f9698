"""Calibration: from captures of unchanged pages to rules for what flickers, and how far to trust these."""

from typing import TYPE_CHECKING

from mymodules.faces import lazily

if TYPE_CHECKING:
    from mymodules.calibration.bounds import trials_needed, upper_bound
    from mymodules.calibration.calibration import Calibration, Trial, calibrate
    from mymodules.calibration.page import Page

__all__ = ["Calibration", "Page", "Trial", "calibrate", "trials_needed", "upper_bound"]

__getattr__ = lazily(
    __name__,
    {
        "bounds": ("trials_needed", "upper_bound"),
        "calibration": ("Calibration", "Trial", "calibrate"),
        "page": ("Page",),
    },
)
