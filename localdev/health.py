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
# A service that still refuses after this long probably waits for its tables: say so, go on asking.
PATIENCE = 10.0


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
        """Say once which services are slow, and once that all are ready."""
        begin = time.monotonic()
        waiting = list(self._project.services)
        patient = True
        while waiting and not self._ended.is_set():
            answers = {service.name: status(service) for service in waiting}
            waiting = [service for service in waiting if answers[service.name] != 200]
            if waiting and patient and time.monotonic() - begin > PATIENCE:
                patient = False
                for service in waiting:
                    self._say(self._slow(service, answers[service.name]))
            self._ended.wait(EVERY)
        if not waiting:
            self._say(ready_line(self._project))

    def _slow(self, service: Service, answer: int | None) -> str:
        if answer is None:
            return f"{service.name} does not answer yet at {service.health_url}"
        migrate = self._project.script("migrate upgrade")
        return f"{service.name} answers {answer} at {service.health_url}; if tables are missing: {migrate}"


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
