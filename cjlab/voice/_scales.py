"""How the answers of each instrument are read: its scale, its direction, its boxes."""

from __future__ import annotations

# A number as people and exports write it; anything longer is no answer on a scale.
NUMBER = "^[\\s\u00a0]*(-?[0-9]{1,9}([.][0-9]{1,9})?)[\\s\u00a0]*$"
#: First and last answer, where a response does not say its scale.
SCALES = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
