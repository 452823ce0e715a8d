"""The model's own process: standard library, numpy and llama_cpp only, no secrets, no network.

It runs on the interpreter of the model runtime (:mod:`deskhand.llm.runtime`), never on the desk's own, and is
spoken to in frames (:mod:`deskhand.llm.worker.wire`) by :mod:`deskhand.llm.process`.
"""
