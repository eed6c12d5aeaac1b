"""Numbers carry units, sensible precision, and a sign where they are differences."""

import pytest

from kdcore.report import numbers
from kdcore.report.language import Text, both


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (numbers.percent(0.934), "93.4 %"),
        (numbers.points(0.042), "+4.2 points"),
        (numbers.points(-0.028), "−2.8 points"),
        (numbers.points(-0.0001), "0.0 points"),
        (numbers.count(272_282), "0.27 M"),
        (numbers.count(19_810), "20 k"),
        (numbers.count(4_100_000_000), "4.1 G"),
        (numbers.count(640), "640"),
        (numbers.size(1_100_000), "1.1 MB"),
        (numbers.size(86_048), "86 kB"),
        (numbers.milliseconds(3.21), "3.2 ms"),
        (numbers.milliseconds(0.0512), "0.051 ms"),
        (numbers.times(13.7), "14×"),
        (numbers.times(2.94), "2.9×"),
        (numbers.seconds(83.4), "1 min 23 s"),
        (numbers.small(2.5e-6), "2.5e−06"),
        (numbers.percent(None), "–"),
    ],
)
def test_a_number_reads_as_people_write_it(text: Text, expected: str) -> None:
    assert both(text).en.replace("\u00a0", " ") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (numbers.points(0.042), "+4.2ポイント"),
        (numbers.count(272_282), "27万"),
        (numbers.count(19_810), "2.0万"),
        (numbers.count(4_100_000_000), "41億"),
        (numbers.count(1_294), "1,294"),
        (numbers.times(13.7), "14倍"),
        (numbers.seconds(83.4), "1分23秒"),
        (numbers.seconds(3 * 3600 + 60), "3時間1分"),
    ],
)
def test_a_number_reads_as_japanese_people_write_it(text: Text, expected: str) -> None:
    assert both(text).ja.replace("\u00a0", " ") == expected
