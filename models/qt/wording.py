"""Numbers as people read them: durations, sizes, counts, times."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """``42 s``, ``3 min 05 s``, ``2 h 10 min``, ``3 d 4 h``."""
    whole = max(0, round(seconds))
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days} d {hour} h"
    if hours:
        return f"{hours} h {minute:02d} min"
    return f"{minutes} min {second:02d} s" if minutes else f"{second} s"


def size(count: float) -> str:
    """Bytes as ``812 kB``, ``3.4 GB``."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit in {"B", "kB"} else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def memory(count: float) -> str:
    """Bytes of memory as ``22.1 GB``, ``480 MB``: of 1024 to the next, as memory is sold."""
    megabytes = count / 1024**2
    return f"{megabytes:.0f} MB" if megabytes < 999.5 else f"{megabytes / 1024:.1f} GB"


def counted(count: float, one: str, many: str = "") -> str:
    """``1 row``, ``1,234 rows``."""
    return f"{count:,.0f} {one if count == 1 else many or one + 's'}"


def number(value: float) -> str:
    """A loss or a rate, short but exact enough to compare."""
    if value == 0 or 0.01 <= abs(value) < 1000:
        return f"{value:.4g}"
    return f"{value:.2e}".replace("e-0", "e-").replace("e+0", "e+")


def money(dollars: float) -> str:
    """US dollars, ``$0.42``."""
    return f"${dollars:,.2f}"


_system_dates = False


def use_system_dates(use: bool) -> None:
    """Write dates and times from now on as this computer's own settings want them."""
    global _system_dates
    _system_dates = use


def when(seconds: float) -> str:
    """A time of this computer's clock: ``14:05`` today, else ``3 Aug 14:05``."""
    from datetime import datetime  # not needed for the first frame

    if _system_dates:
        return _system_when(seconds)
    moment = datetime.fromtimestamp(seconds).astimezone()
    now = datetime.now().astimezone()
    if moment.date() == now.date():
        return f"Today {moment:%H:%M}"
    if moment.year == now.year:
        return f"{moment.day} {moment:%b %H:%M}"
    return f"{moment:%Y-%m-%d}"


def _system_when(seconds: float) -> str:
    from PySide6.QtCore import QDateTime, QLocale

    moment, locale = QDateTime.fromSecsSinceEpoch(int(seconds)), QLocale.system()
    short = QLocale.FormatType.ShortFormat
    if moment.date() == QDateTime.currentDateTime().date():
        return locale.toString(moment.time(), short)
    return locale.toString(moment, short)


def value_text(value: object) -> str:
    """A setting's value as it stands in its field."""
    if value is None:
        return ""
    if isinstance(value, float):
        return _float_text(value)
    return str(value)


def _float_text(value: float) -> str:
    if 0 < abs(value) < 1e-3:
        mantissa, _, exponent = f"{value:.10e}".partition("e")
        text = f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    else:
        text = f"{value:g}"
    return text if float(text) == value else repr(value)
