"""What upstreams' failures mean, whatever wire and server they come from.

    remote_errors ─▶ body (JSON, events, pages) ─▶ judge (words: the table of codes and sentences) ─▶ RemoteError
                     retry_after: how long to wait, of all the ways to say it
                     context_length: prompts that do not fit, and by how much
                     own_words: which words of a text are not quoted from the request

``remote_errors`` is the way in; the wires' ``errors`` name its functions.
"""
