"""The customer's voice: what they say, in which language, and how they feel about it."""

from cjlab.voice._accuracy import accuracy
from cjlab.voice._embedding import Embeddings
from cjlab.voice._language import language
from cjlab.voice._sentiment import sentiment

__all__ = ["Embeddings", "accuracy", "language", "sentiment"]
