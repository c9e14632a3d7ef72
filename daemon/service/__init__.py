"""The composition root: what the daemon is made of, in the order it is started and stopped.

    run ─▶ logs, state directory ─▶ reloader.start (first snapshot, or exit 78)
        ─▶ sockets ─▶ transport, deadlines, live state ─▶ app ─▶ server, watch, watchdog, signals
    SIGTERM ─▶ drain ─▶ server ─▶ transport ─▶ logs

``run`` wires; ``server`` and ``protocol`` are uvicorn inside our own loop, ``answer_writer`` the way of
an answer onto its connection; ``sockets`` what we listen on; ``drain`` the stop; ``watchdog`` the signs
of life; ``admin`` the socket of the command line.
"""
