"""What a caller may write into the store, beyond what makes a provider valid.

    fields ─ valid? ─▶ reference? (403) ─▶ URL? (422) ─▶ key? (422) ─▶ note the host for connect time

1. From another host a reference may name only what ``remote_rule`` allows.
2. A URL that changes has to pass the rule for ``/v0/management`` (``upstream_rule``).
3. A key that is set is shown to its upstream once (``key_check``).
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Final

from msgspec import UNSET, structs

from daemon.api.management.key_check import HINT as KEY_HINT
from daemon.api.management.key_check import refusals
from daemon.api.management.remote_rule import HINT, may_refer_to
from daemon.api.management.upstream_rule import UpstreamRule, allowed_networks, host_of
from daemon.api.provider_store.refusals import ForbiddenWrite
from daemon.api.services import Services, snapshot_in_force
from daemon.config.diagnostics import Fault
from daemon.config.references import is_reference
from daemon.gateway.caller import Caller
from daemon.secret import Secret
from daemon.snapshot.core_auths import CoreAuth, synthesize
from daemon.snapshot.snapshot import Snapshot
from daemon.store.columns import fields_of_row
from daemon.store.provider_fields import ProviderFields, check_fields, extra_config_of
from daemon.store.provider_row import Row, StoredProvider, UnreadableRow, provider_of
from daemon.store.service import ProviderService

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


async def check_write(
    services: Services,
    service: ProviderService,
    who: Caller,
    *,
    before: Row | None,
    fields: ProviderFields,
    skip_check: bool,
) -> None:
    """Raises InvalidProvider, ForbiddenWrite. ``before``: the row that is written over, None for a new one."""
    snapshot = snapshot_in_force(services)
    older = fields_of_row(before)
    whole = fields.over(older)
    if not isinstance(before, UnreadableRow):  # whose other fields are not known here: the repository has them
        check_fields(whole)
    if not who.local and (fault := reference_fault(fields.api_key, before, snapshot)):
        raise ForbiddenWrite(403, "not_settable_remotely", (fault,))
    url = str(whole.base_url)
    is_new_url = whole.base_url != older.base_url
    rule = UpstreamRule(services.egress)
    if is_new_url and (fault := await rule.fault(("base_url",), url, allowed_networks(who, snapshot.config))):
        raise ForbiddenWrite(422, "private_upstream", (fault,))
    if isinstance(fields.api_key, Secret) and not skip_check and not isinstance(before, UnreadableRow):
        key = await service.resolved(fields.api_key)
        auths = [core_auth_of(whole, key, snapshot)] if key else []
        for why in filter(None, await refusals(services, who, auths, new_urls=[is_new_url] * len(auths))):
            fault = Fault(path=("api_key",), code="invalid-key", message=why, hint=KEY_HINT)
            raise ForbiddenWrite(422, "invalid_key", (fault,))
    if is_new_url:  # before the write: once it is in force, a request may connect at any moment
        await asyncio.to_thread(rule.note_hosts, who, [host_of(url)])


def reference_fault(api_key: object, before: Row | None, snapshot: Snapshot) -> Fault | None:
    """Why a reference must not be set from another host; None where it may, where it is there already, or is none."""
    written = api_key.reveal() if isinstance(api_key, Secret) else ""
    if not is_reference(written) or (isinstance(before, StoredProvider) and before.reference == written):
        return None
    if may_refer_to(written, snapshot):
        return None
    message = "is a reference that must not be set from another host"
    return Fault(path=("api_key",), code="not-settable-remotely", message=message, hint=HINT)


def core_auth_of(fields: ProviderFields, key: Secret, snapshot: Snapshot) -> CoreAuth:
    """What a provider with these fields would be; they have been checked."""
    given = {name: value for name, value in structs.asdict(fields).items() if value is not UNSET and name != "api_key"}
    row = StoredProvider(**given, id=0, created_at=EPOCH, updated_at=EPOCH)
    extra, _ = extra_config_of(row.extra_config)
    provider = structs.replace(provider_of(row, extra, api_key=key), enabled=True)
    (auth,), _ = synthesize(snapshot.config, (provider,))
    return auth
