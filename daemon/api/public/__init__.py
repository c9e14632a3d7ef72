"""The routes that need no key: whether the daemon is alive and ready, and its metrics (``status``)."""
