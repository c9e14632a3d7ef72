"""How makes write their answers: each takes the simulator's own answer and changes it.

``chat_habits``, ``messages_habits`` and ``responses_habits`` each have the habits of one API as data, and give a
``Wire`` that has them; ``call_ids`` are the ways of numbering calls.
"""
