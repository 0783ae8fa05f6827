"""What cjlab raises, and how it tells a person what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CjlabError(Exception):
    """Something failed and nothing was published; the command line ends with 1."""

    exit_code = 1


class UserError(CjlabError):
    """The caller's mistake, told in one line that names what would fix it; ends with 2."""

    exit_code = 2


class ReportFailed(CjlabError):  # noqa: N818, the name of the contract
    """A run that may not be published; the message names the notebook and the cause."""


class ChangingAttribute(UserWarning):
    """An attribute takes several values within a journey, and one had to be chosen."""


def did_you_mean(name: object, valid: Iterable[str]) -> str:
    """Return the nearest valid name as a question, or all valid names.

    Examples
    --------
    >>> did_you_mean("personna", ["persona", "stage"])
    ' Did you mean "persona"?'
    >>> did_you_mean("zzz", ["persona", "stage"])
    ' Valid: persona, stage.'
    """
    names = sorted({str(item) for item in valid})
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    if near:
        return f' Did you mean "{near[0]}"?'
    if not names:
        return ""
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f" Valid: {shown}."
