"""The figures beside the viewer."""

from support import nodes


def test_values_of_ones_own_metrics_have_six_digits() -> None:
    record = "{ metrics: [['luma', 0.123456789], ['many', 1234567890], ['none', 0], ['tiny', -1.5e-9]] }"
    expected = [["luma", "0.123457"], ["many", "1234570000"], ["none", "0"], ["tiny", "-1.5e-9"]]
    assert nodes.evaluate("viewer/details.js", f"[ownFigures({record}), ownFigures({{}})]") == [expected, []]
