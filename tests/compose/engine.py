"""A Docker engine with Compose: the one that answers, else one of our own for the time of the test."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

#: What Debian calls an engine; iproute2 and iptables to remove what it leaves in the network.
PACKAGES = ["docker.io", "iproute2", "iptables"]
COMPOSE_IN_DEBIAN = "trixie"  # the first release whose docker-compose is version 2
START = 60.0
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
#: The tables of the firewall in which Docker makes rules, as they are on a machine that has none.
EMPTY_TABLES = {
    "filter": "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n",
    "nat": "*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n",
}


class NoEngine(Exception):
    """Docker cannot be had on this machine; why, in words."""


def say(text: str) -> None:
    """At once, whatever buffers there are."""
    print(text, flush=True)


def apt_get(*arguments: str) -> None:
    """Without questions, and without words unless it fails."""
    done = subprocess.run(
        ["apt-get", "-qq", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NoEngine(f"apt-get {' '.join(arguments)} failed: {done.stderr.strip()[-500:]}")


def is_root_of_debian() -> bool:
    """Whether packages can be installed, and an engine started."""
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get") is not None


def remove_tree(folder: Path) -> None:
    """A folder with all in it, once nothing is mounted in it: a removal must not reach into /proc."""

    def mounts() -> list[str]:
        mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        return [path for path in mounted if path.startswith(f"{folder}/")]

    for mount in reversed(mounts()):
        subprocess.run(["umount", mount], check=True)
    if folder.exists():
        shutil.rmtree(folder)


class Engine:
    """`with Engine(cache)`: an engine. One of our own ends with the block, with all that it made on the machine."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._plugins = cache / "docker-config"
        self._run: Path | None = None
        self._daemon: subprocess.Popen[bytes] | None = None
        self._firewall = ""
        self._forwarding = ""
        self.environment: dict[str, str] = dict(os.environ)

    @property
    def is_own(self) -> bool:
        """Whether the test has started it."""
        return self._daemon is not None

    def __enter__(self) -> "Engine":
        if not self._answers():
            self._start()
        try:
            self._need_compose()
        except BaseException:
            self.__exit__()
            raise
        whose = "started for this test" if self.is_own else "the one that runs here"
        self.version = self.docker("version", "--format", "{{.Server.Version}}").strip()
        storage = self.docker("info", "--format", "{{.Driver}}").strip()
        compose = self.docker("compose", "version", "--short").strip()
        say(f"Docker engine {self.version} ({storage}), {whose}; Compose {compose}")
        return self

    def __exit__(self, *_: object) -> None:
        if self._daemon is None or self._run is None:
            return
        self._daemon.send_signal(signal.SIGTERM)
        try:
            self._daemon.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self._daemon.pid, signal.SIGKILL)
        subprocess.run(["ip", "link", "delete", "docker0"], capture_output=True, check=False)
        subprocess.run(["iptables-restore"], input=self._firewall, text=True, check=True)
        FORWARDING.write_text(self._forwarding)
        remove_tree(self._run)
        self._daemon = None

    def docker(self, *arguments: str, environment: Mapping[str, str] | None = None, log: Path | None = None) -> str:
        """Run the docker command and return what it prints; with `log`, into that file instead."""
        command = ["docker", *arguments]
        surroundings = {**self.environment, **(environment or {})}
        if log is not None:
            with log.open("ab") as stream:
                code = subprocess.run(command, env=surroundings, stdout=stream, stderr=stream, check=False).returncode
            output, errors = "", log.read_text(errors="replace")[-3000:]
        else:
            done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
            code, output, errors = done.returncode, done.stdout, done.stderr.strip()[-3000:]
        if code:
            raise RuntimeError(f"docker {' '.join(arguments[:6])} … ended with {code}: {errors}")
        return output

    def _answers(self) -> bool:
        if shutil.which("docker") is None:
            return False
        found = subprocess.run(["docker", "info"], capture_output=True, env=self.environment, check=False)
        return found.returncode == 0

    def _start(self) -> None:
        if not is_root_of_debian():
            raise NoEngine(
                "No Docker engine answers (docker info), and none can be started here: that takes root on Debian or"
                " Ubuntu. Start Docker and try again."
            )
        if not all(shutil.which(name) for name in ("dockerd", "docker", "ip", "iptables")):
            say(f"No Docker engine: installing {' '.join(PACKAGES)} …")
            apt_get("update")
            apt_get("install", "--yes", "--no-install-recommends", *PACKAGES)
        self._run = Path(tempfile.mkdtemp(prefix="pilot-docker-"))
        saved = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
        missing = [empty for table, empty in EMPTY_TABLES.items() if f"*{table}\n" not in saved]
        self._firewall = saved + "".join(missing)
        self._forwarding = FORWARDING.read_text()
        socket = f"unix://{self._run}/docker.sock"
        with (self._run / "dockerd.log").open("wb") as log:
            self._daemon = subprocess.Popen(
                # A socket and folders of its own: nothing of another engine is touched. Without systemd, cgroupfs.
                ["dockerd", "--host", socket, "--pidfile", str(self._run / "docker.pid"),
                 "--data-root", str(self._run / "data"), "--exec-root", str(self._run / "exec"),
                 "--exec-opt", "native.cgroupdriver=cgroupfs"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.environment["DOCKER_HOST"] = socket
        deadline = time.monotonic() + START
        while not self._answers():
            if self._daemon.poll() is not None or time.monotonic() > deadline:
                log_text = (self._run / "dockerd.log").read_text()[-1500:]
                self.__exit__()
                raise NoEngine(f"A Docker engine is installed, but does not start on this machine:\n{log_text}")
            time.sleep(0.5)

    def _need_compose(self) -> None:
        """Compose 2 as a plugin of the docker command; Debian 12 has none, so that of the release after it."""
        probe = ["docker", "compose", "version"]
        if subprocess.run(probe, capture_output=True, env=self.environment, check=False).returncode == 0:
            return
        plugin = self._plugins / "cli-plugins" / "docker-compose"
        if not plugin.exists():
            if not is_root_of_debian():
                raise NoEngine("Docker is here, its plugin Compose is not: docker compose version fails.")
            self._unpack_compose(plugin)
        self.environment["DOCKER_CONFIG"] = str(self._plugins)

    def _unpack_compose(self, plugin: Path) -> None:
        say(f"No Docker Compose 2: taking the plugin out of Debian {COMPOSE_IN_DEBIAN}'s package docker-compose …")
        folder = self._cache / "compose-package"
        (folder / "lists/partial").mkdir(parents=True, exist_ok=True)
        source = folder / "debian.list"
        keys = "/usr/share/keyrings/debian-archive-keyring.gpg"
        source.write_text(f"deb [signed-by={keys}] http://deb.debian.org/debian {COMPOSE_IN_DEBIAN} main\n")
        options = [f"-oDir::Etc::sourcelist={source}", "-oDir::Etc::sourceparts=/dev/null",
                   f"-oDir::State::lists={folder}/lists", "-oAPT::Sandbox::User=root"]  # fmt: skip
        apt_get(*options, "update")
        here = Path.cwd()
        os.chdir(folder)  # apt-get download has no option for where to
        try:
            apt_get(*options, "download", "docker-compose")
        finally:
            os.chdir(here)
        [package] = folder.glob("docker-compose_*.deb")
        subprocess.run(["dpkg-deb", "--extract", str(package), str(folder / "unpacked")], check=True)
        plugin.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(folder / "unpacked/usr/libexec/docker/cli-plugins/docker-compose", plugin)
        shutil.rmtree(folder)
