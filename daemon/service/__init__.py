"""The composition root: what the daemon is made of, in the order it is started and stopped.

    run ─▶ logs, state directory ─▶ reloader.start (first snapshot, or exit 78)
        ─▶ sockets ─▶ transport, deadlines, live state ─▶ app ─▶ server, watch, watchdog, signals
    SIGTERM ─▶ drain ─▶ server ─▶ transport ─▶ logs

``run`` puts the parts together; ``appliers`` follow a new snapshot; ``server`` and ``protocol`` are uvicorn inside our
own loop, ``response_writer`` writes a response to its connection; ``sockets`` are what we listen on; ``drain`` is the
stop; ``admin`` is the socket of the command line, with its client.
"""
