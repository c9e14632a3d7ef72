"""How one wire is read and amended while its bytes pass through: a ``Dialect`` per wire, by name.

The relay (``gateway.passthrough``) is the same for all; a dialect says of each event whether it opens
the answer, commits it, or belongs to what the wire's own decoder is told (usage, errors, the end), and
renders it for the client: untouched, but for the model's name and for what an inserted keep-alive binds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from daemon.gateway.dialects.base import Dialect
from daemon.gateway.dialects.chat import ChatDialect
from daemon.gateway.dialects.messages import MessagesDialect
from daemon.gateway.dialects.responses import ResponsesDialect
from daemon.gateway.inbound import Inbound

DIALECTS: Final[Mapping[str, Callable[[Inbound], Dialect]]] = {
    "responses": ResponsesDialect,
    "chat": ChatDialect,
    "messages": MessagesDialect,
}
