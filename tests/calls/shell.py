"""A bash script into the commands that it can run: each as its words, quotes taken away, variables as they stand."""

from __future__ import annotations

from dataclasses import dataclass, field

# Words after which another command begins.
_KEYWORDS = frozenset(
    {"!", "{", "}", "if", "then", "elif", "else", "fi", "while", "until", "do", "done", "time"}
)
_ENDS = ";&|\n"


def commands(script: str) -> list[tuple[str, ...]]:
    """Return every command of `script`, those inside of substitutions too, in the order in which they end."""
    scan = _Scan(script)
    scan.run(end="")
    return scan.found


def functions(script: str) -> set[str]:
    """Return the names of the functions that `script` defines."""
    scan = _Scan(script)
    scan.run(end="")
    return scan.functions


@dataclass
class _Scan:
    text: str
    at: int = 0
    found: list[tuple[str, ...]] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)

    def run(self, end: str) -> None:
        """Read commands up to `end`, which is consumed."""
        words: list[str] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            if words and words[0] == "[[":
                words = self._test(words)
            elif char in " \t" or self.text.startswith("\\\n", self.at):
                self.at += 1 if char in " \t" else 2
            elif char == "#":
                self._skip_to("\n")
            elif char in _ENDS + "()":
                words = self._end(words, end)
                if char == ")" and end:
                    break
            else:
                self._one_more(words)
        self._flush(words)

    def _end(self, words: list[str], end: str) -> list[str]:
        """Read a character that ends a command; nothing of the next is read yet."""
        char = self.text[self.at]
        if char == "(":
            self._parenthesis(words)
            return []
        self.at += 1
        # A parenthesis that nothing opened ends a pattern of `case`: what stands before it is no command.
        if char != ")":
            self._flush(words)
        return words if char == ")" and end else []

    def _one_more(self, words: list[str]) -> None:
        """Read a word into `words`, or a redirection and its file."""
        if self._is_redirection():
            while self._is_redirection() or self.text[self.at : self.at + 1] in ("&", "|", " "):
                self.at += 1
            self._word()
            return
        word = self._word()
        is_number_of_a_file = word.isdigit() and self.text[self.at : self.at + 1] in ("<", ">")
        if not is_number_of_a_file and (words or not _opens(word)):
            words.append(word)

    def _flush(self, words: list[str]) -> None:
        if words and words[0] not in ("for", "case", "esac"):
            self.found.append(tuple(words))

    def _skip_to(self, mark: str) -> None:
        end = self.text.find(mark, self.at)
        self.at = len(self.text) if end < 0 else end

    def _test(self, words: list[str]) -> list[str]:
        """Read what stands between `[[` and `]]`, in which no character ends a command."""
        while self.at < len(self.text) and words[-1] != "]]":
            if self.text[self.at] in " \t\n&|<>();":
                self.at += 1
            else:
                words.append(self._word(" \t\n&|<>();"))
        return []

    def _parenthesis(self, words: list[str]) -> None:
        if self.text.startswith("((", self.at):
            self._skip_to("))")
            self.at += 2
        elif self.text.startswith("()", self.at) and len(words) == 1:
            self.functions.add(words[0])
            self.at += 2
        else:
            self.at += 1
            self.run(end=")")

    def _is_redirection(self) -> bool:
        return self.text[self.at : self.at + 1] in ("<", ">") and self.text[self.at + 1 : self.at + 2] != "("

    def _word(self, ends: str = " \t\n;&|<>()") -> str:
        parts: list[str] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in "<>" and self.text[self.at + 1 : self.at + 2] == "(" and not parts:
                self.at += 1
                parts.append(self._substitution())
            elif char == "(" and parts and parts[-1].endswith("="):
                self._skip_to(")")
                self.at += 1
            elif char in ends:
                break
            else:
                parts.append(self._part())
        return "".join(parts)

    def _part(self) -> str:
        char = self.text[self.at]
        if char == "'":
            return self._until("'", self.at + 1)
        if char == '"':
            self.at += 1
            return self._double()
        if char == "\\":
            self.at += 2
            return self.text[self.at - 1 : self.at].replace("\n", "")
        if char == "$":
            return self._dollar()
        self.at += 1
        return char

    def _until(self, mark: str, start: int) -> str:
        end = self.text.index(mark, start)
        self.at = end + 1
        return self.text[start:end]

    def _double(self) -> str:
        parts: list[str] = []
        while (char := self.text[self.at]) != '"':
            if char == "$":
                parts.append(self._dollar())
            elif char == "\\":
                parts.append(self.text[self.at + 1])
                self.at += 2
            else:
                parts.append(char)
                self.at += 1
        self.at += 1
        return "".join(parts)

    def _dollar(self) -> str:
        rest = self.text[self.at + 1 : self.at + 3]
        if rest == "((":
            start = self.at
            self._skip_to("))")
            self.at += 2
            return self.text[start : self.at]
        if rest[:1] == "(":
            self.at += 1
            return self._substitution()
        if rest[:1] == "{":
            return "$" + self._braces()
        if rest[:1] == "'":
            return self._until("'", self.at + 2)
        self.at += 1
        return "$"

    def _substitution(self) -> str:
        self.at += 1
        self.run(end=")")
        return "$(…)"

    def _braces(self) -> str:
        start, quoted = self.at + 1, False
        while self.text[self.at] != "}" or quoted:
            quoted ^= self.text[self.at] == "'"
            self.at += 1
        self.at += 1
        return self.text[start : self.at]


def _opens(word: str) -> bool:
    """Tell whether another command may begin after `word`: a keyword, or the assignment of a variable."""
    name, sign, _ = word.partition("=")
    return word in _KEYWORDS or (bool(sign) and name.rstrip("+").isidentifier())
