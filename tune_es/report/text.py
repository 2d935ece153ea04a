"""Numbers and other people's texts as a reader is shown them."""

from __future__ import annotations

import math
import unicodedata

from tune_es.monitoring.summary import duration as in_words

#: Categories of Unicode that have no look of their own, or change that of their neighbours.
UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
UNKNOWN = "-"


def literal(text: object, longest: int = 200) -> str:
    r"""A text on one line with everything that would not be seen spelled out, cut in the middle.

    What it gives can be written in any encoding of Unicode and moves no cursor. Markup is left as
    it is: whoever writes a page escapes it there.

    >>> literal("a\x1b[31m\nb"), literal("x" * 30, longest=9)
    ('a\\x1b[31m b', 'xxxx…xxxx')
    """
    whole = str(text)
    if len(whole) > 4 * longest:  # the middle would be cut out anyway
        whole = whole[: 2 * longest] + whole[-2 * longest :]
    seen = "".join(_seen(each) for each in whole.replace("\r\n", " "))
    if len(seen) <= longest:
        return seen
    half = (longest - 1) // 2
    return f"{seen[: longest - 1 - half]}…{seen[-half:]}"


def _seen(letter: str) -> str:
    if letter in "\n\t":
        return " "
    is_unseen = unicodedata.category(letter) in UNSEEN
    return letter.encode("unicode_escape").decode("ascii") if is_unseen else letter


def number(value: float | None) -> str:
    """Four digits that matter, or a dash where there is none.

    >>> number(0.123456), number(1234567.0), number(1e12), number(float("nan")), number(3)
    ('0.1235', '1,234,567', '1e+12', '-', '3')
    """
    if value is None or math.isnan(value):
        return UNKNOWN
    if math.isfinite(value) and value == int(value) and abs(value) < 1e9:
        return f"{int(value):,}"
    return f"{value:.4g}"


def share(part: float, whole: float) -> str:
    """A part in per cent, a dash where there is no whole.

    >>> share(1, 3), share(1, 1000), share(0, 0), share(0, 5)
    ('33 %', '0.1 %', '-', '0 %')
    """
    if not whole > 0 or not math.isfinite(whole) or math.isnan(part):
        return UNKNOWN
    percent = 100 * part / whole
    return f"{percent:.1f} %" if 0 < abs(percent) < 1 else f"{percent:.0f} %"


def duration(seconds: float | None) -> str:
    """A stretch of time in its two largest units.

    >>> duration(150), duration(float("nan"))
    ('2 min 30 s', '-')
    """
    return UNKNOWN if seconds is None or not math.isfinite(seconds) else in_words(seconds)


def money(amount: float | None) -> str:
    """An amount in the currency of the price, which nobody told us.

    >>> money(1234.5), money(0.031), money(float("nan"))
    ('1,234', '0.031', '-')
    """
    if amount is None or not math.isfinite(amount):
        return UNKNOWN
    return f"{amount:,.0f}" if abs(amount) >= 100 else f"{amount:.3g}"
