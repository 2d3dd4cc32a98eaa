"""Runs a command as the only thing on a machine's network: its own loopback, with PostgreSQL and a webhook on it.

`unshare --net … machine.py SPEC COMMAND…`: SPEC is JSON with `postgres` (`port` on loopback and the `socket` that it
leads to, where the workflow starts a PostgreSQL), `hook` (the port of the webhook) and `state` (the folder that keeps
what was posted). Every port of a workflow is fixed, and on GitHub each run has a machine of its own.
"""

import fcntl
import http.server
import json
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1


def loopback_up() -> None:
    """Bring the loopback of a new network up."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))


def copy(source: socket.socket, target: socket.socket) -> None:
    """Copy one direction of a connection until it ends."""
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        target.close()


def forward(port: int, path: str) -> None:
    """Lead every connection to `port` to the socket at `path`."""
    listener = socket.create_server(("127.0.0.1", port))

    def serve() -> None:
        while True:
            client, _ = listener.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(path)
            for pair in ((client, server), (server, client)):
                threading.Thread(target=copy, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()


def hook(port: int, posted: Path) -> None:
    """Keep the body of every POST to /hook, one a line."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            good = self.path == "/hook" and self.headers["Content-Type"] == "application/json"
            if good:
                with posted.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(json.loads(body)) + "\n")
            self.send_response(200 if good else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main(spec: dict, command: list[str]) -> int:
    """Set the machine up and run the command to its end."""
    loopback_up()
    if spec["postgres"]:
        forward(spec["postgres"]["port"], spec["postgres"]["socket"])
    hook(spec["hook"], Path(spec["state"]) / "posted.jsonl")
    return subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1]), sys.argv[2:]))
