"""Asks an upstream whether it takes a key: ``GET /models`` with it, and where that leaves it open once without.

Both are free, and go where a request would go: nothing follows a redirect, and the egress policy holds.
"""

from __future__ import annotations

import asyncio

from msgspec import structs

from daemon.config.header_rules import is_credential
from daemon.errors import RemoteError
from daemon.secret import Secret
from daemon.snapshot.core_auths import CoreAuth
from daemon.upstream.diagnosis import Diagnosis, explain
from daemon.upstream.key_judgement import needs_second_question
from daemon.upstream.model_list import ModelsResponse, Open, ask_models


async def check_key(open: Open, auth: CoreAuth, *, patience: float, ca: str = "") -> Diagnosis | None:
    """What the upstream says of the key within ``patience`` seconds; None where it says nothing by then. A core auth
    without a key is not asked for."""
    if not auth.api_key:
        return None
    until = asyncio.get_running_loop().time() + patience
    response = await _asked(open, auth, until, ca)
    if response is None:
        return None
    without = None
    if needs_second_question(response):
        without = await ask_without_key(open, auth, until=until, ca=ca)
    return explain(response, has_key=True, model=auth.defaults.model, without=without, quoting=False)


async def ask_without_key(
    open: Open, auth: CoreAuth, *, url: str = "", until: float, ca: str = ""
) -> ModelsResponse | None:
    """The question without the key, and without other headers that say who asks. None where no response comes before
    the running loop's clock says ``until``."""
    headers = tuple((name, value) for name, value in auth.headers if not is_credential(name))
    return await _asked(open, structs.replace(auth, api_key=Secret(""), headers=headers), until, ca, url)


async def _asked(open: Open, auth: CoreAuth, until: float, ca: str, url: str = "") -> ModelsResponse | None:
    seconds = max(0.0, until - asyncio.get_running_loop().time())
    try:
        async with asyncio.timeout(seconds):
            return await ask_models(open, auth, url=url, connect_timeout=seconds, ca=ca)
    except (TimeoutError, RemoteError, OSError):
        return None
