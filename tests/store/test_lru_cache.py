"""The values used last: so many, so heavy, and the latest ones whatever they weigh."""

from mymodules.store.cache import LRUCache


def kept(cache: LRUCache[str, str], keys: str) -> str:
    """Which of these keys have a value; asking counts as use, in this order."""
    return "".join(key for key in keys if key in cache)


def test_what_was_used_last_stays() -> None:
    cache = LRUCache[str, str](2)
    cache.put("a", "1")
    cache.put("b", "2")
    assert cache.get("a") == "1"  # asking counts as use
    cache.put("c", "3")
    assert kept(cache, "abc") == "ac"
    assert cache.get("b") is None


def test_one_value_stays_whatever_the_size() -> None:
    cache = LRUCache[str, str](-5)
    assert len(cache) == 0
    cache.put("a", "1")
    cache.put("b", "2")
    assert kept(cache, "ab") == "b"


def test_weight_is_limited() -> None:
    cache = LRUCache[str, str](10, limit=10, weigh=len)
    cache.put("a", "12345")
    cache.put("b", "12345")
    cache.put("c", "1")  # 11 together
    assert kept(cache, "abc") == "bc"
    cache.put("b", "x" * 11)  # too heavy alone, and the old value is no longer true
    assert kept(cache, "abc") == "c"
    cache.put("d", "x" * 9)  # 10 together: the weight of what is gone no longer counts
    assert kept(cache, "abcd") == "cd"


def test_the_latest_ones_stay_whatever_they_weigh() -> None:
    cache = LRUCache[str, str](10, limit=10, weigh=len, least=2)
    cache.put("a", "x" * 11)
    assert kept(cache, "a") == "a"
    cache.put("b", "x" * 11)
    assert kept(cache, "ab") == "ab"
    cache.put("c", "1")  # 23 together, 12 without the first
    assert kept(cache, "abc") == "bc"
    cache.put("d", "1")
    cache.put("e", "1")  # 3 together: now there is room
    assert kept(cache, "bcde") == "cde"


def test_values_are_removed_by_key() -> None:
    cache = LRUCache[tuple[str, int], str](10, limit=10, weigh=len)
    for number in range(5):
        cache.put(("a", number), "12")
    cache.remove(("a", 0))
    cache.remove(("b", 0))
    cache.remove_matching(lambda key: key[1] % 2 == 1)
    assert [number for number in range(5) if ("a", number) in cache] == [2, 4]
    cache.put(("c", 0), "123456")  # 10 together
    assert len(cache) == 3
