"""A release as `build.sh` makes it, served by gunicorn on the socket of its unit, behind nginx with TLS."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Final

from tests.deployment.files import DEPLOY, adapted
from tests.processes import ROOT, free_port, wait_until_served
from tests.waiting import wait_until

HOST: Final = "console.example"
_NGINX: Final = """
pid {folder}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    include /etc/nginx/mime.types;
    include {folder}/table-ratings.conf;
}}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a browser got."""

    status: int
    headers: HTTPMessage
    body: str


class Site:
    """The console behind nginx, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plain, self.tls, self.watched = free_port(), free_port(), free_port()
        self.socket = folder / "web.sock"

    def ask(
        self, path: str, *, method: str = "GET", body: str | None = None, server: str = HOST, **headers: str
    ) -> Answer:
        """Ask by TLS, with the name `server` in the handshake; `headers` with _ for -."""
        return _answer(self.tls, self._connected(server), path, method, body, headers)

    def statuses(self, path: str, *, number: int) -> set[int]:
        """The statuses of `number` equal requests, sent at once on one connection."""
        request = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n"
        with self._connected(HOST) as client:
            client.sendall(f"{request}\r\n".encode() * (number - 1) + f"{request}Connection: close\r\n\r\n".encode())
            received = b"".join(iter(lambda: client.recv(65_536), b""))
        return {int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", received)}

    def _connected(self, server: str) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=str(self.folder / "tls" / "fullchain.pem"))
        client = socket.create_connection(("127.0.0.1", self.tls), timeout=30)
        return context.wrap_socket(client, server_hostname=server)

    def ask_plainly(self, port: int, path: str, **headers: str) -> Answer:
        """Ask one of the other two ports, without TLS."""
        return _answer(port, socket.create_connection(("127.0.0.1", port), timeout=30), path, "GET", None, headers)


def _answer(
    port: int, sock: socket.socket, path: str, method: str, body: str | None, headers: Mapping[str, str]
) -> Answer:
    client = HTTPConnection("127.0.0.1", port)
    client.sock = sock
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    client.request(method, path, body, {"Host": HOST, **named})
    answer = client.getresponse()
    read = Answer(status=answer.status, headers=answer.headers, body=answer.read().decode())
    client.close()
    return read


def build(target: Path) -> Path:
    """Build a release from this checkout, as the Containerfile does."""
    done = subprocess.run([DEPLOY / "build.sh", ROOT, target], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


@contextmanager
def nginx() -> Iterator[Site]:
    """Run nginx with a certificate of its own, for as long as the block lasts; nobody is behind it yet."""
    folder = Path(tempfile.mkdtemp(prefix="site-"))
    folder.chmod(0o755)
    site, tls = Site(folder), folder / "tls"
    tls.mkdir()
    names = ("-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}")
    key = ("-keyout", tls / "privkey.pem", "-out", tls / "fullchain.pem")
    made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, *key)
    subprocess.run(made, check=True, capture_output=True)
    here = {
        "listen 80 ": f"listen 127.0.0.1:{site.plain} ",
        "listen 443 ": f"listen 127.0.0.1:{site.tls} ",
        "127.0.0.1:9180": f"127.0.0.1:{site.watched}",
        "/etc/table-ratings/tls": str(tls),
        "/run/table-ratings/web.sock": str(site.socket),
        "/etc/nginx/table-ratings/": f"{folder}/pages/",
    }
    shutil.copytree(DEPLOY / "nginx", folder / "pages")
    adapted("nginx/table-ratings.conf", folder, here)
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder))
    options = ("-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log")
    tested = subprocess.run(["/usr/sbin/nginx", *options, "-t", "-q"], capture_output=True, text=True, check=False)
    assert (tested.returncode, tested.stderr) == (0, "")
    process = subprocess.Popen(["/usr/sbin/nginx", *options, "-g", "daemon off;"])
    try:
        wait_until_served(site.tls)
        yield site
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder)


@contextmanager
def gunicorn(site: Site, release: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Run what the unit of the console runs, on a socket that systemd's program holds for it."""
    unit = (DEPLOY / "systemd" / "table-ratings-web.service").read_text()
    command = re.search(r"^ExecStart=/opt/table-ratings/current/(.*)$", unit, re.MULTILINE)
    assert command is not None
    given = [part for name, value in environment.items() for part in ("-E", f"{name}={value}")]
    with (site.folder / "gunicorn.log").open("w") as log:
        process = subprocess.Popen(
            ["/usr/bin/systemd-socket-activate", "-l", site.socket, *given, *f"{release}/{command[1]}".split()],
            cwd=release / "app",
            env={"PATH": os.environ["PATH"]},
            stdout=log,
            stderr=log,
        )
        try:
            wait_until(site.socket.exists)
            site.socket.chmod(0o666)
            yield
        finally:
            process.terminate()
            process.wait(60)
            site.socket.unlink(missing_ok=True)
