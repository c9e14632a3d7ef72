"""A server of models that is not ours, behind the daemon: ``transformers serve``. Run by ``make e2e-model`` alone.

    make_model    writes a model of random weights and its tokenizer     both run in an environment of their own,
    openai_sdk    one streamed answer through the OpenAI SDK              and import nothing of this repository
    server        the process that serves the model
    conftest      the server, and a daemon with providers of the store that lead to it

Nothing is downloaded when the tests run: the hub is switched off. What the model says is gibberish; that it arrives
piece by piece, ends as it should and is refused in words that are understood is what the tests are about.
"""
