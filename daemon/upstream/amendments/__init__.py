"""What an upstream refuses of a request, and the same request as it takes it.

Nobody can list which parameters, shapes and ids an upstream takes. So a request is sent as it is at first;
a refusal that says what is wrong is recognised by its shape or its words, the outgoing request is amended,
and the same core auth is asked again. ``gateway.learned`` remembers what has helped.

    RemoteError ─ refusals.proposals ─▶ Proposal ─ AttemptTarget.amended ─▶ pipe.prepare ─ apply.amend ─▶ the next body

A rule per amendment (``rule``) has the sentences that ask for it and the pure function over the upstream wire's body
that makes it. The rules of one wire stand in one file (``responses``, ``chat``, ``messages``, ``thinking``), those of
every wire in ``parameters`` (refused by name: ``refused_names``), ``values`` (refused, while the upstream says what it
takes), ``media`` and ``fields``; ``table`` has them all. Leaving out a parameter by name is the wires' own doing, since
each knows what it is called at the client. What carries the meaning of a request is never left out; then the refusal is
the answer. Never learned: "Instructions are not valid", "only Codex clients", web firewalls.
"""
