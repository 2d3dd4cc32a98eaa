"""Turns schemas handed over one by one into migrated ones, in a process of their own."""

from __future__ import annotations

import ast
import json
import os
import queue
import socket
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import genmigrate

from . import environment, history
from .codes import TERMINATED, RunError
from .output import one_line
from .plain import keeps_nothing
from .session import limit_sessions
from .url import DatabaseUrl, parse
from .watch import STOPPED

if TYPE_CHECKING:
    from .history import History
    from .plan import Plan, Service, Target

Message = dict[str, Any]
#: What a revision file says that may look at the environment while it is imported.
READS = (b"environ", b"getenv", b"ALEMBIC_SCHEMA", b"get_x_argument")


class Wire:
    """One end of the line between a worker and its hand: JSON messages, one a line."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self._rest = b""
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Hand over one message; that nobody reads any more is noticed by `receive`."""
        with suppress(OSError), self._lock:
            self.end.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> list[Message] | None:
        """The messages that have come whole; None at the end."""
        try:
            data = self.end.recv(65536)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            return None
        *whole, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in whole]


@dataclass
class Errand:
    """One schema to work on, and what that needs."""

    plan: Plan
    service: Service
    target: Target
    history: History
    url: DatabaseUrl
    hand: Hand
    task: str
    goal: str | None
    run: str
    application: str
    runner: int  # the server process of the session that holds the schema's lock
    patience_s: float
    keeps_manifest: bool
    digest: str
    current: tuple[str, ...] = ()  # what its version table says
    unfinished: bool = True  # the manifest may have an autocommit block of this schema that did not end

    def check(self) -> None:
        """Raise RunError when the work must not go on."""
        word = self.hand.stop_word
        if word:
            raise RunError(word, STOPPED[word])

    def tell(self, **message: Any) -> None:
        """Let the worker know."""
        self.hand.wire.send(message)


class Hand:
    """What came in, and whether it has to stop."""

    def __init__(self, end: socket.socket) -> None:
        self.wire = Wire(end)
        self.stop_word = ""
        self.keeps_files = False
        self.is_line = False  # each revision follows just one, and is followed by one
        self.planned: frozenset[str] = frozenset()  # every schema that the plan has in this database
        self.orders: queue.Queue[Message] = queue.Queue()

    def listen(self) -> None:
        """The thread's body: a worker that is gone takes this process with it."""
        while True:
            messages = self.wire.receive()
            if messages is None:
                os._exit(TERMINATED)
            for message in messages:
                if "stop" in message:
                    self.stop_word = str(message["stop"])
                else:
                    self.orders.put(message)


def serve(plan: Plan, service: Service, number: int) -> int:
    """Work off what comes through the inherited socket `number` until its end."""
    from . import alembic_run  # noqa: F401 - while the worker takes the first lock

    hand = Hand(socket.socket(fileno=number))
    threading.Thread(target=hand.listen, daemon=True).start()
    environment.leave_no_trace(Path(genmigrate.__file__).absolute().parent)
    past = history.read(Path.cwd(), service.config)
    texts = [revision.file.read_bytes() for revision in past.revisions.values()]
    reads = any(word in text for text in texts for word in READS)
    hand.keeps_files = not reads and all(keeps_nothing(ast.parse(text)) for text in texts)
    parents = [(revision.parents, revision.needs) for revision in past.revisions.values()]
    hand.is_line = len(set(parents)) == len(parents) and all(len(p) < 2 and not n for p, n in parents)
    url = parse(os.environ.get(service.url_env, ""), service.url_env)
    targets = {target.schema: target for target in plan.targets(service)}
    others = [
        target for each in plan.services if each.database == service.database for target in plan.targets(each)
    ]
    hand.planned = frozenset(name for each in others for name in (each.schema, each.version_schema))
    import alembic.command  # noqa: F401 - while the worker takes the first lock
    import sqlalchemy.dialects.postgresql  # noqa: F401

    while True:
        order = hand.orders.get()
        target = targets[order.pop("schema")]
        hand.wire.send({"ended": _carry_out(Errand(plan, service, target, past, url, hand, **order))})


def _carry_out(errand: Errand) -> Message:
    from . import alembic_run

    plan, service, began = errand.plan, errand.service, time.monotonic()
    path = [errand.target.schema, *service.extension_schemas]
    limit_sessions(plan.lock_timeout_ms, plan.statement_timeout_ms, errand.application, path)
    result: Message = {}
    try:
        if errand.digest != plan.digest:
            raise RunError("usage", "the plan was changed while it ran", "run again")
        if errand.task == "check":
            from .models import differences

            result["differences"] = differences(errand)
        else:
            result = alembic_run.migrate(errand)
    except RunError as error:
        result = error.facts
    except Exception as error:  # noqa: BLE001 - the worker must be told whatever went wrong
        traceback.print_exc()
        result = {"word": "failed", "reason": errand.url.hide(f"{type(error).__name__}: {one_line(error)}")}
    modules = [name for name in ("alembic", "sqlalchemy") if name in sys.modules]
    return {**result, "seconds": round(time.monotonic() - began, 3), "modules": modules}
