"""What both sides set on their TCP connections."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

_SILENT_FOR: Final = 60
_EVERY: Final = 20
_TIMES: Final = 6


def keep_alive(transport: asyncio.BaseTransport) -> None:
    """Makes the kernel ask a peer that is silent for a minute whether it is still there, and end the connection after
    two more: one that lost its power or its network sends no FIN. A unix socket needs none."""
    sock = transport.get_extra_info("socket")
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", _SILENT_FOR), ("TCP_KEEPINTVL", _EVERY), ("TCP_KEEPCNT", _TIMES)):
        if hasattr(socket, option):  # macOS has other names for some
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
