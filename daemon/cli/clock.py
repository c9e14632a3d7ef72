"""How long ago a time of the daemon is, or how far ahead; the time itself is shown by ``telemetry.local_time``."""

from __future__ import annotations

from datetime import datetime


def ago(at: object, now: float) -> str:
    """`` 12 s ago``; a clock that was set back shows none."""
    seconds = unix_time(at)
    if seconds is None or seconds > now:
        return ""
    passed = now - seconds
    return f" {passed:.0f} s ago" if passed < 120 else f" {duration(passed)} ago"


def ahead(at: object, now: float) -> str:
    """`` (in 12 s)``; none for what is over."""
    seconds = unix_time(at)
    if seconds is None or seconds <= now:
        return ""
    left = seconds - now
    return f" (in {left:.0f} s)" if left < 120 else f" (in {duration(left)})"


def duration(seconds: object) -> str:
    """``2d 03:04:05``."""
    whole = int(seconds) if isinstance(seconds, int | float) else 0
    days, rest = divmod(whole, 86_400)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days}d {clock}" if days else clock


def unix_time(at: object) -> float | None:
    """RFC 3339 as Unix seconds."""
    try:
        return datetime.fromisoformat(str(at)).timestamp()
    except ValueError:
        return None
