"""Turns the specification of a pod into Docker containers that share what the containers of a pod share.

One network namespace, held by a pause container that also keeps the volumes; an emptyDir is a tmpfs owned by fsGroup;
a ConfigMap is laid out as the kubelet does it, a folder of links through `..data`, and mounted read-only. User, root
filesystem, capabilities, limits, command and environment are those of the specification, nothing is added.
"""

from __future__ import annotations

import io
import secrets
import subprocess
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.engine.commands import docker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tests.engine.chart import Chart

UNITS = {"Mi": 2**20, "Gi": 2**30}
#: What the kubelet takes of a failed container's log for its termination message.
MESSAGE_BYTES, MESSAGE_LINES = 2048, 80
PLACE = "/volumes"


@dataclass
class Cluster:
    """What pods need from a cluster: a network, Secrets, and ConfigMaps, which stay when a release brings others."""

    network: str
    pause_image: str
    label: str
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    config_maps: dict[str, dict[str, str]] = field(default_factory=dict)
    pods: list[Pod] = field(default_factory=list)

    def apply(self, chart: Chart) -> None:
        """Create the ConfigMaps of a release; one that is there is immutable."""
        for name, data in chart.config_maps.items():
            assert self.config_maps.setdefault(name, data) == data, f"ConfigMap {name} is immutable"

    def pod(self, specification: dict[str, Any]) -> Pod:
        """A pod with its volumes and containers, none of them started."""
        made = Pod(self, specification)
        self.pods.append(made)
        made.create()
        return made

    def remove(self) -> None:
        """Remove every pod."""
        _at_once(Pod.remove, list(self.pods))


class Pod:
    """One pod."""

    def __init__(self, cluster: Cluster, specification: dict[str, Any]) -> None:
        self._cluster = cluster
        self.specification = specification
        self.name = f"{cluster.label}-pod-{secrets.token_hex(3)}"
        self.init = [container["name"] for container in specification.get("initContainers", ())]
        self.containers = [container["name"] for container in specification["containers"]]
        self.grace_s = int(specification["terminationGracePeriodSeconds"])

    # --- as the kubelet does it ----------------------------------------------------------------------------

    def create(self) -> None:
        """Make volumes, the pause container and the containers."""
        volumes = self.specification["volumes"]
        _at_once(self._create_volume, volumes)
        mounts = [f"--volume={self._volume(each['name'])}:{PLACE}/{each['name']}:nocopy" for each in volumes]
        network, image = self._cluster.network, self._cluster.pause_image
        pause = ("--network", network, *mounts, "--entrypoint", "sleep", image, "infinity")
        docker("run", "--detach", "--name", self._container("pause"), *pause)
        config_maps = [volume for volume in volumes if "configMap" in volume]
        _at_once(self._lay_out, config_maps)
        containers = (*self.specification.get("initContainers", ()), *self.specification["containers"])
        _at_once(self._create_container, containers)

    def start(self, *names: str) -> None:
        """Start containers, all but the init containers by default, in their order."""
        for name in names or self.containers:
            docker("start", self._container(name))

    def wait(self, *names: str, seconds: float = 60) -> dict[str, int]:
        """Wait for the end of containers, all but the init containers by default; gives their exit codes."""
        chosen = names or tuple(self.containers)
        command = ["docker", "wait", *map(self._container, chosen)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            logs = "\n".join(f"--- {name}\n{self.log(name)}" for name in chosen)
            raise AssertionError(f"no end of {', '.join(chosen)} after {seconds} s\n{logs}") from None
        return dict(zip(chosen, map(int, done.stdout.split()), strict=True))

    def run(self, seconds: float = 60) -> dict[str, int]:
        """Start every container of a Job's pod and wait for their end."""
        self.start()
        return self.wait(seconds=seconds)

    def delete(self) -> float:
        """Delete the pod: SIGTERM to all that run, SIGKILL after the grace period; gives the seconds it took."""
        began = time.monotonic()
        running = [name for name in (*self.init, *self.containers) if self.running(name)]
        self._kill("TERM", running)
        while any(map(self.running, running)):
            if time.monotonic() > began + self.grace_s:
                self._kill("KILL", running)
            time.sleep(0.1)
        return time.monotonic() - began

    def remove(self) -> None:
        """Remove every container and volume of this pod."""
        names = ("pause", *self.init, *self.containers)
        volumes = [self._volume(volume["name"]) for volume in self.specification["volumes"]]
        for command in (
            ("rm", "--force", *map(self._container, names)),
            ("volume", "rm", "--force", *volumes),
        ):
            subprocess.run(["docker", *command], capture_output=True, check=False, timeout=120)
        if self in self._cluster.pods:
            self._cluster.pods.remove(self)

    # --- what one can look at ------------------------------------------------------------------------------

    def running(self, name: str) -> bool:
        """Whether a container runs."""
        return docker("inspect", "--format", "{{.State.Running}}", self._container(name)).strip() == "true"

    def log(self, name: str) -> str:
        """What a container printed, both streams in their order."""
        command = ["docker", "logs", self._container(name)]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True, timeout=60
        )
        return done.stdout.decode("utf-8", "replace")

    def wait_for(self, name: str, text: str, seconds: float = 30) -> str:
        """Wait until a container has printed a text; gives its log."""
        end = time.monotonic() + seconds
        while text not in (log := self.log(name)):
            assert time.monotonic() < end, f"{name} never printed {text!r}:\n{log}"
            time.sleep(0.1)
        return log

    def termination_message(self, name: str) -> str:
        """What FallbackToLogsOnError makes of a failed container's log."""
        tail = "".join(self.log(name).splitlines(keepends=True)[-MESSAGE_LINES:]).encode()
        return tail[-MESSAGE_BYTES:].decode("utf-8", "replace")

    def get(self, path: str, port: int) -> tuple[int, str]:
        """The answer to an HTTP request inside the pod: (status, body), (0, why) when nothing answers."""
        script = (
            "import sys, urllib.request, urllib.error\n"
            "try:\n    answer = urllib.request.urlopen(sys.argv[1], timeout=5)\n"
            "except urllib.error.HTTPError as error:\n    answer = error\n"
            "except OSError as error:\n    sys.exit(print(0, error))\n"
            "print(answer.status, answer.read().decode())"
        )
        url = f"http://127.0.0.1:{port}{path}"
        status, _, body = docker("exec", self._container("pause"), "python3", "-c", script, url).partition(
            " "
        )
        return int(status), body.strip()

    def peak_memory(self, name: str) -> int:
        """The most memory in bytes that a running container has used until now; 0 where the engine hides it."""
        files = "/sys/fs/cgroup/memory.peak", "/sys/fs/cgroup/memory/memory.max_usage_in_bytes"
        shown = docker(
            "exec", self._container(name), "sh", "-c", f"cat {' '.join(files)} 2>/dev/null || true"
        )
        return int(shown.split()[0]) if shown.split() else 0

    # --- details -------------------------------------------------------------------------------------------

    @property
    def _security(self) -> Mapping[str, Any]:
        return dict(self.specification["securityContext"])

    def _container(self, name: str) -> str:
        return f"{self.name}-{name}"

    def _volume(self, name: str) -> str:
        return f"{self.name}-{name}"

    def _options(self, container: dict[str, Any]) -> list[str]:
        """The options and words of `docker create` for one container."""
        security, limits = container["securityContext"], container["resources"]["limits"]
        memory = str(_bytes(limits["memory"]))
        options = ["--network", f"container:{self._container('pause')}"]
        options += ["--user", f"{self._security['runAsUser']}:{self._security['runAsGroup']}"]
        options += ["--group-add", str(self._security["fsGroup"])]
        options += ["--memory", memory, "--memory-swap", memory, "--cpus", str(_cpus(limits["cpu"]))]
        options += [f"--cap-drop={each}" for each in security["capabilities"]["drop"]]
        options += ["--read-only"] if security["readOnlyRootFilesystem"] else []
        options += [] if security["allowPrivilegeEscalation"] else ["--security-opt", "no-new-privileges"]
        for variable in container["env"]:
            options += ["--env", f"{variable['name']}={self._value(variable)}"]
        for mount in container["volumeMounts"]:
            mode = "ro,nocopy" if mount.get("readOnly") else "nocopy"
            options += ["--volume", f"{self._volume(mount['name'])}:{mount['mountPath']}:{mode}"]
        # The digest is the one of a local image, so it is all that the engine needs to find it.
        image = container["image"].partition("@")[2]
        assert image, f"{container['name']}: {container['image']} names no digest"
        command, *words = container.get("command") or [""]
        return [*options, *(["--entrypoint", command] if command else []), image, *words]

    def _value(self, variable: dict[str, Any]) -> str:
        if "value" in variable:
            return str(variable["value"])
        reference = variable["valueFrom"]["secretKeyRef"]
        return self._cluster.secrets[reference["name"]][reference["key"]]

    def _kill(self, signal: str, names: list[str]) -> None:
        command = ["docker", "kill", "--signal", signal, *map(self._container, names)]
        # One that ends in this very moment is as good.
        subprocess.run(command, capture_output=True, check=False, timeout=60)

    def _create_volume(self, volume: dict[str, Any]) -> None:
        size = _bytes(volume.get("emptyDir", {}).get("sizeLimit", "1Mi"))
        owner = f"o=mode=2777,gid={self._security['fsGroup']},size={size}"
        options = [f"--opt={option}" for option in ("type=tmpfs", "device=tmpfs", owner)]
        docker("volume", "create", *options, self._volume(volume["name"]))

    def _create_container(self, container: dict[str, Any]) -> None:
        docker("create", "--name", self._container(container["name"]), *self._options(container))

    def _lay_out(self, volume: dict[str, Any]) -> None:
        """Fill a volume as the kubelet does: the files in a folder with a time in its name, links to them."""
        data = self._cluster.config_maps[volume["configMap"]["name"]]
        group = self._security["fsGroup"]
        folder = "..2026_01_31_12_00_00.123456789"
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as archive:
            archive.addfile(_entry(folder, tarfile.DIRTYPE, 0o2755, group))
            for name, text in data.items():
                entry = _entry(f"{folder}/{name}", tarfile.REGTYPE, 0o644, group)
                entry.size = len(text.encode())
                archive.addfile(entry, io.BytesIO(text.encode()))
            for name, target in {"..data": folder, **{name: f"..data/{name}" for name in data}}.items():
                entry = _entry(name, tarfile.SYMTYPE, 0o777, group)
                entry.linkname = target
                archive.addfile(entry)
        command = ["docker", "cp", "-", f"{self._container('pause')}:{PLACE}/{volume['name']}"]
        done = subprocess.run(command, input=content.getvalue(), capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr.decode()


def _at_once(work: Callable[[Any], None], items: Iterable[Any]) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(work, items))


def _entry(name: str, kind: bytes, mode: int, group: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.gid = kind, mode, group
    return entry


def _bytes(quantity: str) -> int:
    return int(quantity[:-2]) * UNITS[quantity[-2:]]


def _cpus(quantity: str) -> float:
    return int(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)
