"""Stands in for a program: records its words, answers by the first rule that matches them, refuses any other call."""

import re
import sys
from pathlib import Path


def main(folder: Path, name: str, words: list[str]) -> int:
    """Answer one call."""
    with (folder / f"{name}.calls").open("a", encoding="utf-8") as record:
        record.write("\x1f".join(words) + "\x1e")
    path = folder / f"{name}.rules"
    rules = [rule.split("\x1f") for rule in path.read_text(encoding="utf-8").split("\n\x1e")]
    matching = [rule for rule in rules if re.search(rule[0], " ".join(words))]
    if not matching:
        sys.stderr.write(f"{name}: no answer to {words}\n")
        return 99
    pattern, text, code = matching[0]
    if len([rule for rule in matching if rule[0] == pattern]) > 1:
        rules.remove(matching[0])
        path.write_text("\n\x1e".join("\x1f".join(rule) for rule in rules), encoding="utf-8")
    (sys.stdout if code == "0" else sys.stderr).write(text)
    return int(code)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
