"""The customer's voice: what they say, in which language, and how they feel about it."""

from cjlab.voice._language import language

__all__ = ["language"]
