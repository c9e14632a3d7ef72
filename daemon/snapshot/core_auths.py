"""Synthesis: configuration entries become core auths, each one usable upstream credential."""

from __future__ import annotations

from msgspec import Struct

from daemon.config.schema import Defaults, ModelEntry, Timeouts, WireApi
from daemon.secret import Secret


class CoreAuth(Struct, frozen=True, kw_only=True):
    """One usable upstream credential, frozen; its live state is kept elsewhere under ``id``.

    ``name`` is the provider's name (``packycode``, ``fox``), ``provider`` the family the management
    API shows (``codex``, ``openai`` or ``anthropic``, by the wire). ``source`` is ``config:packycode``
    or ``config:tppc[fox]``. ``base_url`` is as written; ``url`` is the full address requests go to.
    """

    id: str
    client_id: str
    name: str
    provider: str
    source: str
    wire: WireApi
    base_url: str
    url: str
    api_key: Secret
    models: tuple[ModelEntry, ...]
    defaults: Defaults
    store: bool | None
    """``False`` sends ``store: false``; None leaves the field to the client."""
    timeouts: Timeouts
    headers: tuple[tuple[str, str], ...] = ()
    proxy_url: str = ""
    priority: int = 0
    weight: int = 1
    max_concurrent: int = 0
    instructions: str = "developer"
    unsupported_parameters: tuple[str, ...] = ()
    disable_cooling: bool = False
