"""OpenCV, imported when it is first used: a process that compares PNG files does without it.

``from mymodules import opencv as cv2`` stands for ``import cv2``.
"""

import os
import sys
from typing import Any


def use_one_thread() -> None:
    """Let OpenCV use one thread in this process, whether it has been imported or not."""
    os.environ["OPENCV_FOR_THREADS_NUM"] = "1"  # which it reads when it is imported
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)


def __getattr__(name: str) -> Any:
    import cv2

    return getattr(cv2, name)
