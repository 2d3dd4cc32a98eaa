"""Values as a chart's template carries them: YAML that Helm reads as text first, looking for `{{`.

Helm executes an action wherever it finds one, inside quotes and comments too, and it drops the text `<no value>`:
so no `{` and no `<` of a value ever reaches a template. The only actions are those written here.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from functools import cache
from typing import TYPE_CHECKING

from compiler.emit.spell.spelt import Spelt, UnspeakableError, by
from compiler.emit.spell.yaml import escape_yaml, plain_or_quoted, quote_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from compiler.diagnostics.model import Place
    from compiler.emit.file import Span, Text
    from compiler.plan.leaf import Leaf

_REPOSITORY = re.compile(r"[a-z0-9][a-z0-9._:/-]*")
_FILE_NAME = re.compile(r"[a-z_]+\.py")
_NAME = re.compile(r"[a-z][a-z0-9-]*")
# All that a line of a file cannot be as it is inside double quotes, in a text that Helm reads first.
_NOT_LITERAL_LINES = re.compile(r"[^\n !#-;=-\[\]-z|}~]")
_LEADING_BLANK = re.compile(r"^ ", re.MULTILINE)


def quote_helm(value: str) -> str:
    """Return `value` as a double-quoted scalar in which Helm finds nothing to execute or to drop."""
    return _disarm(quote_yaml(value))


def _disarm(text: str) -> str:
    return text.replace("{", "\\x7b").replace("<", "\\x3c")


def _scalar(value: object) -> str:
    return quote_helm(value) if isinstance(value, str) else plain_or_quoted(value)


def _image(repository: Leaf[str], service: Leaf[str]) -> Spelt:
    """Spell an image whose digest comes from the values: the only way that one gets into a chart."""
    if not (_REPOSITORY.fullmatch(repository.value) and _NAME.fullmatch(service.value)):
        raise UnspeakableError(f"{repository.value!r} is no image repository")
    text = f"'{repository.value}@{{{{ index .Values.images \"{service.value}\" }}}}'"
    return Spelt("helm", text, (*repository.places, *service.places))


def _job_name(prefix: Leaf[str]) -> Spelt:
    """Spell the name of the migration Job, which ends in the hash of the digests."""
    if not _NAME.fullmatch(prefix.value):
        raise UnspeakableError(f"{prefix.value!r} is no name of a Job")
    return Spelt("helm", f'"{prefix.value}-{{{{ .Values.migrations.digest }}}}"', prefix.places)


def _embedded(content: Text, indent: int) -> Spelt:
    """Spell a whole file as one double-quoted scalar, a line of it on each line, each with its own places."""
    pad = " " * indent
    pieces: list[tuple[str, tuple[Place, ...]]] = [('"\\\n', ())]
    if content.spans:
        pieces += [(_embedded_lines(line, pad), places) for line, places in _lines(content)]
    else:
        pieces.append((_embedded_lines(content.text, pad), ()))
    pieces.append((f'{pad}"', ()))
    return Spelt("helm", "", (), tuple(pieces))


@cache
def _embedded_lines(text: str, pad: str) -> str:
    """Spell lines of a file, which ends with a line break, as continuation lines of a double-quoted scalar."""
    escaped = _NOT_LITERAL_LINES.sub(escape_yaml, text.removesuffix("\n"))
    # A continuation line loses the blanks it begins with, unless the first is escaped.
    lines = _LEADING_BLANK.sub(r"\\ ", escaped)
    return pad + lines.replace("\n", f"\\n\\\n{pad}") + "\\n\\\n"


def _lines(content: Text) -> Iterable[tuple[str, tuple[Place, ...]]]:
    """Yield the lines of a text, which ends with a line break, and the places behind each of them."""
    lines = content.text.removesuffix("\n").split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    touching: list[list[Span]] = [[] for _ in lines]
    for span in content.spans:
        for at in range(bisect_right(starts, span.start) - 1, bisect_left(starts, span.end)):
            touching[at].append(span)
    for line, spans in zip(lines, touching, strict=True):
        # The most specific first: that is the one to show for the line.
        spans.sort(key=lambda span: (span.end - span.start, span.start))
        yield line, tuple(dict.fromkeys(place for span in spans for place in span.places))


def _option(value: Leaf[str], option: str) -> Spelt:
    """Spell one argument `--option=value` of a command, which the kubelet expands as it does variables."""
    return Spelt("helm", _env_value(f"{option}={value.value}"), value.places)


def _env_value(value: object) -> str:
    """Spell the value of a container's variable: the kubelet expands `$(NAME)`, and reads `$$` as `$`."""
    return quote_helm(str(value).replace("$", "$$"))


def _number(value: object) -> str:
    if not isinstance(value, int):
        raise UnspeakableError(f"{value!r} is no number")
    return str(value)


def _file_name(value: str) -> str:
    if not _FILE_NAME.fullmatch(value):
        raise UnspeakableError(f"{value!r} is no name of a module")
    return value


FILTERS: dict[str, Callable[..., Spelt]] = {
    "scalar": by("helm", _scalar),
    "env_value": by("helm", _env_value),
    "number": by("helm", _number),
    "option": _option,
    "file_name": by("helm", _file_name),
    "image": _image,
    "job_name": _job_name,
    "embedded": _embedded,
}
