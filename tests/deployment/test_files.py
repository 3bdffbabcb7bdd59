"""Each file of config/deploy, read by the program that it is for."""

import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import pytest

from config.localdb.account import Account
from tests.deployment.files import DEPLOY, adapted, listening
from tests.processes import free_port, wait_until_served

pytestmark = pytest.mark.usefixtures("deployment")

NODE: Final = "10.20.0.11"
UNITS: Final = sorted(path.name for path in (DEPLOY / "systemd").glob("table-ratings-*.*") if path.is_file())
# Out of 100: what systemd itself calls well protected ends at 20.
MAX_EXPOSURE: Final = 20


def _run(*command: str | Path, **environment: str) -> str:
    """What the program wrote; it must end with 0."""
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units, with programs that are on this machine."""
    folder = tmp_path_factory.mktemp("units")
    shutil.copytree(DEPLOY / "systemd", folder, dirs_exist_ok=True)
    shutil.copy(DEPLOY / "patroni.service", folder)
    for unit in folder.glob("*.service"):
        unit.write_text(re.sub(r"/opt/(table-ratings/current/venv|patroni)/bin/\w+", "/bin/true", unit.read_text()))
    return folder


class TestUnits:
    def test_are_understood_by_systemd(self, units: Path) -> None:
        paths = [*units.glob("*.service"), *units.glob("*.timer"), *units.glob("*.socket")]

        said = _run("systemd-analyze", "verify", "--man=no", *paths, SYSTEMD_UNIT_PATH=f"{units}:")

        assert str(units) not in said

    def test_are_protected(self, units: Path) -> None:
        services = [units / name for name in UNITS if name.endswith(".service")]

        options = ("--offline=true", f"--threshold={MAX_EXPOSURE}", "--no-pager")
        said = _run("systemd-analyze", "security", *options, *services, SYSTEMD_UNIT_PATH=f"{units}:")

        assert said.count("Overall exposure level") == len(services)

    def test_have_a_timer_for_each_job(self) -> None:
        jobs = {name.removesuffix(".service") for name in UNITS if name.endswith(".service")} - {"table-ratings-web"}

        assert {name.removesuffix(".timer") for name in UNITS if name.endswith(".timer")} == jobs


# What the product is in place of: it says which arguments and which terminal it got.
_PROGRAM: Final = """#!/bin/sh
echo "$3|$(ps -o tty= $$)"
echo log >&2
exit 7
"""


class TestCommand:
    def test_gets_its_own_terminal_and_files_as_they_are(self) -> None:
        account, folder = Account.of_this_process(), Path(tempfile.mkdtemp(prefix="command-"))
        user = pwd.getpwuid(account.user_id).pw_name
        command = adapted("table-ratings", folder, {"user=table-ratings\n": f"user={user}\n"})
        program = folder / "venv" / "bin" / "python"
        program.parent.mkdir(parents=True)
        program.write_text(_PROGRAM)
        (folder / "app").mkdir()
        (folder / "environment").touch()
        for path in (command, program, folder):
            path.chmod(0o755)

        line = f"tty; {command} report 'two words' > {folder}/said; echo ended with $?"
        here = {"TABLE_RATINGS_ETC": str(folder), "TABLE_RATINGS_RELEASE": str(folder)}
        # Its own input is empty, which a terminal shows as ^@.
        on_terminal = _run("script", "--quiet", "--command", line, "/dev/null", **here).replace("^@", "").split()
        words, terminal = (folder / "said").read_bytes().decode().split("|")
        shutil.rmtree(folder)

        assert (words, terminal[-1:], "\r" in terminal) == ("two words", "\n", False)
        assert on_terminal[1:] == ["log", "ended", "with", "7"]
        assert (f"/dev/{terminal.strip()}" == on_terminal[0]) is (os.geteuid() != 0)


class TestFile:
    def test_of_haproxy_is_understood(self) -> None:
        said = _run("haproxy", "-c", "-f", DEPLOY / "haproxy.cfg")

        assert "[WARNING]" not in said

    def test_of_prometheus_is_understood_with_its_rules(self) -> None:
        _run("promtool", "check", "config", DEPLOY / "prometheus" / "prometheus.yml")

    def test_of_pgbackrest_is_understood(self, tmp_path: Path) -> None:
        # Else it would ask the machine of the backups.
        here = {"repo1-host=10.20.0.20": f"repo1-path={tmp_path}", "repo1-host-user=pgbackrest\n": ""}
        file = adapted("pgbackrest.conf", tmp_path, here)

        said = _run("pgbackrest", f"--config={file}", "--stanza=ratings", "--log-level-file=off", "info")

        assert "WARN" not in said

    def test_of_barman_is_understood(self, tmp_path: Path) -> None:
        home = {"barman_user": pwd.getpwuid(os.geteuid()).pw_name, "barman_home": tmp_path / "home"}
        home |= {"log_file": tmp_path / "log", "configuration_files_directory": tmp_path / "servers"}
        for folder in (tmp_path / "home", tmp_path / "servers"):
            folder.mkdir()
        main = tmp_path / "main.conf"
        main.write_text("\n".join(["[barman]", *(f"{name} = {value}" for name, value in home.items())]))
        (tmp_path / "servers" / "ratings.conf").write_text((DEPLOY / "barman.conf").read_text())

        assert _run("barman", "-c", main, "list-servers") == "ratings - Table ratings\n"

    def test_of_compose_is_understood(self, tmp_path: Path) -> None:
        # Debian's docker-compose is older than this key.
        file = adapted("compose.yaml", tmp_path, {"name: table-ratings\n": ""})

        settings = {"CONSOLE_HOST": "console.example", "CHECKPOINT_PUBLIC_KEY": "key"}
        said = _run("docker-compose", "-f", file, "config", "--services", **settings)

        assert {*said.split()} == {"web", "nginx", "recovery", "migrate", "checkpoint", "forgetting"}

    def test_of_patroni_is_understood(self, tmp_path: Path) -> None:
        programs = tmp_path / "bin"
        programs.mkdir()
        for name in ("pg_ctl", "initdb", "pg_controldata", "pg_basebackup", "pg_isready", "pg_rewind"):
            (programs / name).symlink_to("/bin/true")
        (programs / "postgres").write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 15.1'\n")
        (programs / "postgres").chmod(0o755)

        with listening() as etcd:
            here = {f"10.20.0.{node}:2379": f"127.0.0.1:{etcd}" for node in (11, 12, 13)}
            # It refuses 127.0.0.1 where other nodes connect.
            here |= {f"{NODE}:{port}": f"127.0.0.2:{free_port()}" for port in (5432, 8008)}
            here |= {"/var/lib/postgresql/15/ratings": f"{tmp_path}/data", "/usr/lib/postgresql/15/bin": str(programs)}
            file = adapted("patroni.yml", tmp_path, here)
            said = _run(Path(sys.executable).with_name("patroni"), "--validate-config", file)

        assert said == ""

    def test_of_pgbouncer_is_understood(self) -> None:
        account, folder, port = Account.of_this_process(), Path(tempfile.mkdtemp(prefix="pool-")), free_port()
        users = folder / "userlist.txt"
        users.write_text('"ratings_app" "secret"\n')
        here = {"6432": f"{port}", "/etc/pgbouncer/userlist.txt": str(users)}
        here["/etc/table-ratings/database-ca.crt"] = "/etc/ssl/certs/ca-certificates.crt"
        file = adapted("pgbouncer.ini", folder, here)
        account.make_private_folder(folder)
        for path in (users, file):
            shutil.chown(path, account.user_id, account.group_id)

        with (folder / "log").open("w+") as log:
            process = subprocess.Popen(
                ["/usr/sbin/pgbouncer", file], user=account.user_id, group=account.group_id, stdout=log, stderr=log
            )
            try:
                wait_until_served(port)
            finally:
                process.terminate()
                process.wait(20)
            log.seek(0)
            said = log.read()
        shutil.rmtree(folder)

        assert not re.search("WARNING|ERROR", said), said
