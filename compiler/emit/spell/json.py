"""Values as JSON of printable ASCII."""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii


def quote_json(value: object) -> str:
    """Return `value` as JSON of printable ASCII."""
    return encode_basestring_ascii(value) if isinstance(value, str) else json.dumps(value, allow_nan=False)
