"""A stand-in for a Kubernetes cluster: its API as far as a launcher asks it, and a node that starts containers as processes.

What a container gets is what its manifest says: the command, the variables, the secrets by name, an empty disk. Nothing of the
test's own environment reaches it but the path to the interpreter, which stands for the image.

Belongs here: Jobs that were made, and their processes. Does not belong here: what is expected of them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

PATIENCE_S = 240


@dataclass
class Cluster:
    """Jobs by name, as they were asked for, and the secrets of the namespace."""

    url: str
    folder: Path
    secrets: dict[str, Mapping[str, str]] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    disks: list[Path] = field(default_factory=list)
    asked: set[tuple[str, str, str]] = field(default_factory=set)
    """API group, resource and verb, as a role names them."""

    def kubeconfig(self) -> Path:
        """How a client finds this cluster."""
        path = self.folder / "kubeconfig"
        one = {"name": "one"}
        path.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{**one, "cluster": {"server": self.url}}],
                    "users": [{**one, "user": {}}],
                    "contexts": [{**one, "context": {"cluster": "one", "user": "one"}}],
                    "current-context": "one",
                }
            )
        )
        return path

    def environment(self, job: str) -> dict[str, str]:
        """The variables of a Job's container: its own, and those of the secrets that it names."""
        (container,) = self.jobs[job]["spec"]["template"]["spec"]["containers"]
        found: dict[str, str] = {}
        for source in container["envFrom"]:
            found |= self.secrets[source["secretRef"]["name"]]
        return found | {one["name"]: one["value"] for one in container["env"]}

    def start(self, job: str, *, mounted: Mapping[str, str], others: Mapping[str, str] | None = None) -> Machine:
        """Start a Job's container on a machine of its own, with an empty disk.

        Args:
            mounted: text of the files that its volumes bring, by path in the container.
            others: variables that belong to the rehearsal, not to the deployment.
        """
        (container,) = self.jobs[job]["spec"]["template"]["spec"]["containers"]
        # A short path, as in a container: sockets have names of a hundred characters at the most.
        disk = Path(tempfile.mkdtemp(prefix="pod-"))
        self.disks.append(disk)
        variables = self.environment(job)
        home = variables["DAGSTER_HOME"]

        def here(text: str) -> str:
            """Paths of the container, on this machine's disk."""
            return text.replace(home, str(disk / "home"))

        for path, text in mounted.items():
            file = Path(here(path))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (disk / "tmp").mkdir()
        (disk / "work").mkdir()
        log = disk / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [here(word) for word in container["args"]],
                cwd=disk / "work",
                env={
                    "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
                    "HOME": str(disk / "tmp"),
                    "TMPDIR": str(disk / "tmp"),
                    "PYTHONDONTWRITEBYTECODE": "1",
                    **{name: here(value) for name, value in variables.items()},
                    **(others or {}),
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return Machine(process, disk, log, {Path(here(path)) for path in mounted})


@dataclass
class Machine:
    """A container at work, and its disk."""

    process: subprocess.Popen[bytes]
    disk: Path
    log: Path
    mounted: set[Path]

    def ended(self) -> int:
        """Wait for the end; the exit code."""
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(self.log.read_text()[-4000:]) from None

    def written(self) -> list[Path]:
        """Files that it left on its disk, the mounted ones and its log aside."""
        files = (path for path in self.disk.rglob("*") if path.is_file())
        return sorted(path for path in files if path not in self.mounted | {self.log})


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster without any Job."""
    made: Cluster

    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self, status: int, body: Mapping[str, Any]) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_POST(self) -> None:
            assert self._ask("create") == ""
            job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            made.jobs[job["metadata"]["name"]] = job
            self._answer(201, job)

        def _ask(self, verb: str) -> str:
            """Note what is asked for; the name of the object, if it is about one."""
            path = self.path.partition("?")[0].split("/")
            group = path[2] if path[1] == "apis" else ""
            after = path.index("namespaces") + 1
            assert path[after] == "list-pipeline", self.path
            made.asked.add((group, path[after + 1], verb))
            return path[after + 2] if len(path) > after + 2 else ""

        def do_GET(self) -> None:
            assert self._ask("list") == ""
            job = self.path.rpartition("labelSelector=job-name%3D")[2]
            pods = [{"metadata": {"name": f"{job}-x1y2z"}}] if job in made.jobs else []
            self._answer(200, {"kind": "PodList", "items": pods})

        def do_DELETE(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made.deleted.append(self._ask("delete"))
            self._answer(200, {"kind": "Status", "status": "Success"})

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    made = Cluster(f"http://127.0.0.1:{server.server_address[1]}", folder)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        for disk in made.disks:
            shutil.rmtree(disk, ignore_errors=True)
