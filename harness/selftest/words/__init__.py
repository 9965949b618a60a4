"""One vocabulary in three frameworks: what the planted functions are written in, so that one text runs on each."""

from __future__ import annotations

from typing import Any

from harness.selftest.words import jax_words, tensorflow_words, torch_words

VOCABULARIES = {"tensorflow": tensorflow_words.words, "torch": torch_words.words, "jax": jax_words.words}


def words(backend: str, framework: Any) -> Any:
    """Return the vocabulary of a framework, given as its module."""
    return VOCABULARIES[backend](framework)
