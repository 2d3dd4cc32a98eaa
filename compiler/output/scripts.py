"""Our npm scripts and the bytes of a `package.json` into the text of the new one; every other byte stays."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Note, Place
from compiler.emit.file import Span
from compiler.frozen import dataclass
from compiler.output import jsontext
from compiler.output.layout import Item, body, layout_for_new, layout_of
from compiler.output.record import digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compiler.emit.file import OutputScripts
    from compiler.output.layout import Layout

_BOM = "\ufeff"
_WORDS = re.compile(r"(?: [A-Za-z0-9._/@+=:-]+)*", re.ASCII)
_FRESH = '{\n  "private": true\n}\n'


@dataclass(frozen=True, slots=True)
class Merged:
    """The new text with the origin of its spans; `edited`: a script of ours was changed by hand;
    `save`: a command is overwritten or removed that we cannot prove to have written."""

    text: str
    spans: tuple[Span, ...] = ()
    edited: bool = False
    save: bool = False


def merge(
    output: OutputScripts,
    base: bytes | None,
    written: Mapping[str, frozenset[str]],
    take: frozenset[str],
) -> Merged | list[Diagnostic]:
    """Put the scripts of `output` into `base` (None = no such file).

    `written` holds, by script name, the hashes of the commands that we wrote; a script named in `take`, or any
    of a file that is, is replaced although it is not ours.
    """
    bom, text, mistakes = _decode(output.path, base)
    if mistakes:
        return mistakes
    root, found = jsontext.parse(text)
    mistakes = [_mistake(output.path, text, mistake) for mistake in found]
    if root is None or mistakes:
        return mistakes
    scripts, mistakes = _scripts(output.path, text, root)
    if mistakes:
        return mistakes
    merger = _Merger(output, text, scripts, written, take)
    return merger.result(bom, root)


def command_digest(command: str) -> str:
    """The hash under which a script's command is recorded."""
    return digest(command.encode("utf-8", "surrogatepass"))


def is_ours(command: str, tool: str) -> bool:
    """Tell whether `command` calls `tool` (whole words)."""
    return command == tool or command.startswith(tool + " ")


def is_stale(name: str, command: str, tool: str) -> bool:
    """Tell whether a script that is no output any more is surely one of ours.

    Its command is the tool with plain words, and its name is that of the subcommand: `dev:x` calls `TOOL dev …`.
    So a script of the user's that calls the tool, `"check": "gen --check"`, is never removed.
    """
    if not command.startswith(tool + " ") or not _WORDS.fullmatch(command, len(tool)):
        return False
    word = re.escape(command[len(tool) + 1 :].split(" ", 1)[0])
    return re.fullmatch(rf"(?:[a-z][a-z0-9-]*:)?{word}(?::[a-z0-9:-]+)?", name, re.ASCII) is not None


class _Merger:
    """One merge: the members of `scripts` as they are, and as they shall be."""

    def __init__(
        self,
        output: OutputScripts,
        text: str,
        scripts: jsontext.Member | None,
        written: Mapping[str, frozenset[str]],
        take: frozenset[str],
    ) -> None:
        self.output, self.text, self.scripts, self.written = output, text, scripts, written
        self.take_all = output.path in take
        self.take = take
        self.new = {
            name.text: (command.text, _places(name.spans, command.spans)) for name, command in output.scripts
        }
        self.edited = self.save = False
        self.foreign: list[Diagnostic] = []

    def result(self, bom: str, root: jsontext.Value) -> Merged | list[Diagnostic]:
        members = self.scripts.value.members if self.scripts else ()
        if not self.new and not self.scripts:
            return Merged(bom + self.text)
        layout = layout_of(self.text, root, self.scripts) if self.scripts else layout_for_new(self.text, root)
        if not self.new and not members:
            return Merged(bom + self.text)
        # What stands between a member and its predecessor (comma included) stays as it is.
        ends = [member.value.end for member in members]
        gaps = [
            *[None][: len(members)],
            *(self.text[end : m.start] for end, m in zip(ends, members[1:], strict=False)),
        ]
        kept = (self._kept(member, gap) for member, gap in zip(members, gaps, strict=True))
        items = [item for item in kept if item]
        if self.foreign:
            return self.foreign
        self._insert(items, layout)
        self.edited |= any(
            name in self.written and name not in {m.name for m in members} for name in self.new
        )
        inner, spans = body(items, layout)
        start = len(bom) + layout.start + len(layout.before)
        placed = tuple(Span(start + s.start, start + s.end, s.places) for s in spans)
        text = self.text[: layout.start] + layout.before + inner + layout.after + self.text[layout.end :]
        return Merged(bom + text, placed, self.edited, self.save)

    def _kept(self, member: jsontext.Member, before: str | None) -> Item | None:
        """The member as it shall be; None when it is a script of ours that is no output any more."""
        key, value = self.text[member.start : member.end], member.value
        gap = self.text[member.end : value.start]
        command = value.string
        if member.name not in self.new:
            if not is_stale(member.name, command, self.output.tool):
                return Item(member.name, before, key + gap + self.text[value.start : value.end])
            self._losing(member.name, command)
            return None
        new, places = self.new[member.name]
        if command == new:
            return Item(member.name, before, key + gap + self.text[value.start : value.end], places)
        self._losing(member.name, command)
        taken = self.take_all or member.name in self.take
        proven = command_digest(command) in self.written.get(member.name, ())
        if not (is_ours(command, self.output.tool) or proven or taken):
            self.foreign.append(self._foreign(member))
        return Item(member.name, before, key + gap + json.dumps(new), places)

    def _losing(self, name: str, command: str) -> None:
        ours = is_ours(command, self.output.tool)
        proven = command_digest(command) in self.written.get(name, ())
        # A record is untrusted: it alone never makes a command vanish without a copy.
        self.save |= not (ours and proven)
        self.edited |= not proven and (name in self.written or not ours)

    def _insert(self, items: list[Item], layout: Layout) -> None:
        """Put each missing script behind its predecessor, so that the order does not depend on the past."""
        at = {item.name: index for index, item in enumerate(items)}
        previous: str | None = None
        for name, (command, places) in self.new.items():
            if name not in at:
                index = at[previous] + 1 if previous is not None else len(items)
                items.insert(
                    index, Item(name, None, json.dumps(name) + layout.colon + json.dumps(command), places)
                )
                at = {item.name: i for i, item in enumerate(items)}
            previous = name

    def _foreign(self, member: jsontext.Member) -> Diagnostic:
        name, places = member.name, self.new[member.name][1]
        place = _place(self.output.path, self.text, member.start, member.value.end - member.start)
        return Diagnostic(
            "foreign-script",
            f'the script "{name}" was not written by `gen`, but a script of that name is an output',
            place,
            tuple(Note("the output comes from here", origin) for origin in places[:1]),
            f"let `gen` replace it (a copy is kept in .gen/saved/): `gen --take {name}`;"
            f' or give ours another name in environments/platform.yaml: `npm: {{prefix: "gen:"}}`',
        )


def _places(*groups: tuple[Span, ...]) -> tuple[Place, ...]:
    return tuple(sorted({place for spans in groups for span in spans for place in span.places}))


def _decode(path: str, base: bytes | None) -> tuple[str, str, list[Diagnostic]]:
    if base is None:
        return "", _FRESH, []
    try:
        text = base.decode("utf-8")
    except UnicodeDecodeError as error:
        line = base.count(b"\n", 0, error.start) + 1
        column = error.start - base.rfind(b"\n", 0, error.start)
        return "", "", [_invalid(path, "a byte that is not UTF-8", Place(path, line, column))]
    bom = _BOM if text.startswith(_BOM) else ""
    return bom, text[len(bom) :], []


def _scripts(path: str, text: str, root: jsontext.Value) -> tuple[jsontext.Member | None, list[Diagnostic]]:
    """The member `scripts` of the file, and what is wrong with it."""
    if root.kind != "object":
        return None, [_wrong(path, text, root, "the file must hold an object")]
    scripts = next((member for member in root.members if member.name == "scripts"), None)
    if scripts is None:
        return None, []
    if scripts.value.kind != "object":
        return None, [_wrong(path, text, scripts.value, "`scripts` must be an object")]
    return scripts, [
        _wrong(path, text, member.value, f"the script {json.dumps(member.name)} must be a string")
        for member in scripts.value.members
        if member.value.kind != "string"
    ]


def _wrong(path: str, text: str, value: jsontext.Value, message: str) -> Diagnostic:
    place = _place(path, text, value.start, value.end - value.start)
    return Diagnostic("package-json-scripts", message, place, help="repair it; `gen` keeps all else as it is")


def _mistake(path: str, text: str, mistake: jsontext.Mistake) -> Diagnostic:
    place = _place(path, text, mistake.position, mistake.length)
    if mistake.other is None:
        return _invalid(path, mistake.message, place)
    return Diagnostic(
        "package-json-duplicate-key",
        mistake.message,
        place,
        (Note("the first one", _place(path, text, mistake.other, mistake.length)),),
        "remove one of them: npm would silently use the last",
    )


def _invalid(path: str, message: str, place: Place) -> Diagnostic:
    return Diagnostic("package-json-syntax", f"not valid JSON: {message}", place, help=f"repair {path}")


def _place(path: str, text: str, position: int, length: int) -> Place:
    line_start = text.rfind("\n", 0, position) + 1
    line_end = text.find("\n", position)
    room = (len(text) if line_end < 0 else line_end) - position
    return Place(
        path, text.count("\n", 0, position) + 1, position - line_start + 1, max(1, min(length, room))
    )
