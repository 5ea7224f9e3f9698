"""Compares the pictures of two folders: one row per picture, and a first look at what changed.

Importing the package imports none of its modules, so that a worker process loads only what it needs.
"""

__version__ = "0.1.0"
