"""Turns the health endpoints of starting services into one line that says when all of them answer."""

from __future__ import annotations

import http.client
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .project import Project, Service

EVERY = 0.2
# One that answers, but not 200, is asked less and less often: each question is a line in its log.
FIRST_PAUSE, LAST_PAUSE = 0.5, 10.0
# One that does not answer at all for so long is named.
PATIENCE = 20.0


class Watch(threading.Thread):
    """Asks every service until it answers 200; hands its lines to `say`, from its own thread."""

    def __init__(self, project: Project, say: Callable[[str], None]) -> None:
        super().__init__(daemon=True)
        self._project = project
        self._say = say
        self._ended = threading.Event()

    def stop(self) -> None:
        """Ask no more."""
        self._ended.set()

    def run(self) -> None:
        """Say once which services do not answer as they should, and once that all are ready."""
        begin = time.monotonic()
        waiting = list(self._project.services)
        due = {service.name: begin for service in waiting}
        pause: dict[str, float] = {}
        named: set[str] = set()
        while waiting and not self._ended.wait(EVERY):
            for service in list(waiting):
                now = time.monotonic()
                if now < due[service.name]:
                    continue
                answer = status(service)
                if answer == 200:
                    waiting.remove(service)
                    continue
                if answer is not None:
                    pause[service.name] = min(LAST_PAUSE, 2 * pause.get(service.name, FIRST_PAUSE / 2))
                    due[service.name] = now + pause[service.name]
                slow = now - begin > PATIENCE if answer is None else pause[service.name] > FIRST_PAUSE
                if slow and service.name not in named:
                    named.add(service.name)
                    self._say(self._slow(service, answer))
        if not waiting:
            self._say(ready_line(self._project))

    def _slow(self, service: Service, answer: int | None) -> str:
        if answer is None:
            return f"{service.name} does not answer yet at {service.health_url}"
        migrate = self._project.script("migrate upgrade")
        return f"{service.name} answers {answer} at {service.health_url}; if tables are missing: `{migrate}`"


def ready_line(project: Project) -> str:
    """What is printed when every service answers."""
    places = (f"{service.name} http://127.0.0.1:{service.port}" for service in project.services)
    return f"✓ Ready: {', '.join(places)}"


def status(service: Service) -> int | None:
    """The status of a service's health answer; None when it does not answer. No proxy is asked."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=5)
    try:
        connection.request("GET", service.health)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
