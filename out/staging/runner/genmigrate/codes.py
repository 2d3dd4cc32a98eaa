"""Turns each state that a run can end in into a word and an exit code."""
from __future__ import annotations
from typing import Any
OK = 0
FAILED = 1
USAGE = 2
UNREACHABLE = 3
LOCKED = 4
AHEAD = 5
POLICY = 6
DEADLINE = 7
NO_DATABASE = 8
NEEDS_PERSON = 9
TERMINATED = 10
INTERRUPTED = 130
WORDS = {
 USAGE: "usage pooled not-started",
 FAILED: "failed drifted edited",
 NEEDS_PERSON: "unversioned unstamped several-heads broken-history dirty read-only no-right",
 AHEAD: "ahead unknown-revision",
 NO_DATABASE: "missing-database",
 POLICY: "refused",
 DEADLINE: "behind deadline",
 INTERRUPTED: "interrupted",
 TERMINATED: "terminated",
 UNREACHABLE: "unreachable wrong-password no-tls standby",
 LOCKED: "locked",
 OK: "up-to-date pending missing-schema",
}
PRECEDENCE = tuple(WORDS)
CODE_OF_WORD = {word: code for code, words in WORDS.items() for word in words.split()}
def worst(codes):
 return min(codes, key=PRECEDENCE.index, default=OK)
class RunError(Exception):
 def __init__(self, word, reason, way_out = ""):
  super().__init__(reason)
  self.word = word
  self.reason = reason
  self.way_out = way_out
 @property
 def code(self):
  return CODE_OF_WORD[self.word]
 @property
 def facts(self):
  return {"word": self.word, "reason": self.reason, "way_out": self.way_out}
