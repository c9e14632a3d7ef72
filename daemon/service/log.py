"""The daemon's log over its life: first as the command line says, then as the configuration says."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.config import log_sizes
from daemon.config.schema import Logging
from daemon.service.options import RunOptions
from daemon.snapshot.snapshot import Snapshot
from daemon.telemetry import logs


class DaemonLog:
    """An option of the command line beats the file. ``dropped`` is told how many lines were lost."""

    def __init__(self, options: RunOptions, environ: Mapping[str, str]) -> None:
        self._options = options
        self._environ = environ
        self._applied = Logging()
        self._level = options.log_level or "info"
        self._sink = logs.configure(self._level, options.log_format or "text", environ=environ)

    @property
    def dropped(self) -> int:
        """Lines lost so far because the output was stuck."""
        return self._sink.dropped

    def apply(self, snapshot: Snapshot) -> None:
        """Take over level, format and file, and the secrets now in force. Raises OSError where the file
        cannot be opened; the log goes on as before then."""
        config = snapshot.config
        logs.register_secrets(
            [*config.api_keys, config.remote_management.secret_key, *(auth.api_key for auth in snapshot.core_auths)]
        )
        wanted = config.logging
        level = self._options.log_level or ("debug" if config.debug else wanted.level)
        if (wanted, level) == (self._applied, self._level):
            return
        rotation, retention = log_sizes.size(wanted.rotation), log_sizes.retention(wanted.retention)
        assert rotation is not None and retention is not None, "the rules have checked both"
        keep_files, keep_seconds = retention
        self._sink = logs.configure(
            level,
            self._options.log_format or wanted.format,
            file=wanted.file or None,
            rotation=rotation,
            keep_files=keep_files,
            keep_seconds=keep_seconds,
            environ=self._environ,
        )
        self._applied, self._level = wanted, level

    def close(self) -> None:
        self._sink.close()
