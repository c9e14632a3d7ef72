"""What anybody may ask without a key: whether the daemon is alive and ready, and its metrics (``status``)."""
