"""Sizes of two pictures: the area that they span together, and the area that they share."""


def common_size(
    first_size: tuple[int, ...], second_size: tuple[int, ...]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the larger height and width of two sizes, and the smaller ones: the common area."""
    (first_height, first_width), (second_height, second_width) = first_size[:2], second_size[:2]
    larger = max(first_height, second_height), max(first_width, second_width)
    return larger, (min(first_height, second_height), min(first_width, second_width))
