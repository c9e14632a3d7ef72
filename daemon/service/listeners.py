"""Where the daemon listens: the public sockets and the admin socket, by command line, file and what was inherited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from socket import AF_UNIX, socket

from loguru import logger
from msgspec import Struct

from daemon.config.hosts import listen_fault, listen_host
from daemon.config.references import reference_at
from daemon.config.schema import Config
from daemon.service.admin import admin_socket_path
from daemon.service.options import RunOptions, StartRefused
from daemon.service.refusals import NOT_CONFIGURED
from daemon.service.sockets import BindError, bind, bind_admin, describe, inherited, place, serve_address
from daemon.service.surroundings import without
from daemon.snapshot.snapshot import Snapshot
from daemon.sources.lasting import LastingProblems

_REQUEST = 1024 * 1024
"""Bytes, more than have come of a request that waits for its first answer."""


class Listeners(Struct, frozen=True):
    """The public sockets and the admin socket. ``inherited`` are those of them that systemd goes on listening on when
    this process has ended."""

    sockets: tuple[socket, ...]
    inherited: tuple[socket, ...] = ()


def listen(options: RunOptions, environ: Mapping[str, str], snapshot: Snapshot, lasting: LastingProblems) -> Listeners:
    """Inherited sockets override the command line, which overrides the file."""
    config = snapshot.config
    port = config.port if options.port is None else options.port
    message, hint = listen_fault(options.host or "")
    if message:
        raise StartRefused(f"--host {message} ({hint.replace('at the key port', 'with --port')})")
    host = listen_host(options.host or "") or config.host
    try:
        passed = inherited(environ)
        public = passed.public or bind(host, port)
    except BindError as error:
        if not options.host and (reference := reference_at(snapshot.written, "host")):
            raise StartRefused(f"cannot listen on what host refers to, {reference}: {error.reason}") from error
        raise StartRefused(str(error)) from error
    if passed.public:
        _report_inherited(passed.public, host, port)
    admin = passed.admin or _bind_admin(environ, lasting)
    return Listeners((*public, *admin), (*passed.public, *passed.admin))


def _report_inherited(public: Sequence[socket], host: str, port: int) -> None:
    """In a line of its own, since an edit of host or port changes nothing then, also after a restart."""
    places = ", ".join(map(describe, public))
    if serve_address(public, host, port):
        logger.info("the socket is inherited from systemd: {}", places)
    else:
        logger.warning(
            "the socket is inherited from systemd: {}; host and port as configured ({}) are not used: "
            "change ListenStream= in tppcd.socket",
            places,
            place(host, port),
        )


def turn_away(environ: Mapping[str, str]) -> None:
    """Whoever waits at an inherited socket gets 503. For a daemon that cannot start: nobody else would answer them, and
    for as long as one waits systemd starts it again at once. Never raises."""
    with suppress(BindError):
        for listener in inherited(environ).public:
            with suppress(BlockingIOError):
                while True:
                    _turn_away(listener.accept()[0])


def _turn_away(client: socket) -> None:
    with client, suppress(OSError):
        client.setblocking(False)
        client.recv(_REQUEST)  # the kernel would answer what is unread with a reset
        client.send(NOT_CONFIGURED.response)


def _bind_admin(environ: Mapping[str, str], lasting: LastingProblems) -> tuple[socket, ...]:
    """Empty where another daemon has the socket: this one serves, but the command line reaches the other."""
    try:
        return (bind_admin(admin_socket_path(environ)),)
    except BindError as error:
        lasting.put("admin socket", without("the admin socket", f"no admin socket: {error}"))
        return ()


def announce(sockets: Sequence[socket], snapshot: Snapshot, *, https: bool = False) -> None:
    for each in sockets:
        if each.family != AF_UNIX:
            logger.info("listening on {}{}", describe(each), " (HTTPS)" if https else "")
    if len(snapshot.core_auths) > 1:
        logger.info("{}", _routing(snapshot.config))
    if snapshot.config.translation.strict:  # before 0.2 many fields were lost in silence
        logger.info("translation.strict: fields that an upstream's API has no place for are refused, unknown ones too")
    if not snapshot.core_auths and any(each.enabled for each in snapshot.providers):
        logger.warning("no provider is in service: every one that is enabled has failed, as reported above")
    elif not snapshot.core_auths:
        logger.warning(
            "no provider is enabled: fill in packycode or tppc.providers in config.yaml and set enabled: true, "
            "or add one with: tppcd provider add"
        )


def _routing(config: Config) -> str:
    """What happens where several providers serve a model: sessions did not stay, and nothing rested, before 0.2."""
    sessions = (
        "sessions stay with the provider that answered them" if config.routing.session_affinity else "no affinity"
    )
    cooling = "nothing rests" if config.disable_cooling else "a provider that fails rests"
    return f"routing: {config.routing.strategy}; {sessions} (routing.session-affinity); {cooling} (disable-cooling)"
