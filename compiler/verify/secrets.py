"""Names and values into what looks like a secret that was written out."""

from __future__ import annotations

import re
from functools import lru_cache

_NAME = re.compile(
    r"secret|(?:^|[_.-])(?:pass(?:word|wd|phrase)?|pwd|token|(?:api|private|access)[_-]?key|credentials?)$",
    re.IGNORECASE,
)
# Each alternative begins with a letter that is written out: `re` goes over all others at once.
_VALUE = re.compile(
    r"A(?<=\bA)[KS]IA[0-9A-Z]{16}\b"
    r"|g(?<=\bg)(?:h[pousr]_[A-Za-z0-9]{16,}|ithub_pat_[A-Za-z0-9_]{16,}|lpat-[A-Za-z0-9_-]{16,})"
    r"|x(?<=\bx)ox[a-z]-[A-Za-z0-9-]{8,}|hooks\.slack\.com/(?:services|workflows|triggers)/\S"
    r"|r(?<=\br)k_(?:live|test)_[A-Za-z0-9]{8,}"
    r"|s(?<=\bs)(?:k_(?:live|test)_[A-Za-z0-9]{8,}|k-[A-Za-z0-9_-]{16,})|A(?<=\bA)Iza[0-9A-Za-z_-]{30,}"
    r"|e(?<=\be)yJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}|-----BEGIN [A-Z ]*KEY"
    # A password in a URL; a reference to a variable or an expression is none.
    r"|://[^/\s:@]*:(?!\$)[^/\s@]+@"
)
# A password behind an option; a reference, another option and a file are none.
_OPTION = re.compile(r"""--?[a-z-]*(?:password|passwd|secret|token|api-?key)[= ]["']?(?![$<-])[^\s"'&;|]+""")


@lru_cache(maxsize=4096)
def names_secret(name: str) -> bool:
    """Tell whether a variable of this name holds a secret."""
    return _NAME.search(name) is not None


@lru_cache(maxsize=4096)
def holds_secret(text: str) -> bool:
    """Tell whether a secret is written out in `text`."""
    return _VALUE.search(text) is not None


@lru_cache(maxsize=4096)
def gives_secret(words: str) -> bool:
    """Tell whether a secret is written out in words of a command."""
    return _VALUE.search(words) is not None or _OPTION.search(words) is not None
