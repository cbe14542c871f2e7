"""`python -m tests.chaos MINUTES [SEED]`: everything goes wrong on a real stack while both sides change.

`python -m tests.chaos weather MINUTES [SEED]`: only QuickBooks fails, in every way that the sandbox has, in turn; a
fifth of the requests. After the faults both ledgers agree, or this ends with 1, the seed and the folder of the logs.
"""

import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import requests

from tests.chaos.day import Day
from tests.chaos.house import House, Supervisor
from tests.chaos.people import People
from tests.chaos.report import tell
from tests.chaos.trouble import BAD_WEATHER, Troublemaker, bad_weather, make_right
from tests.support.world import world_on

#: Companies of two labs each; troubles that may overlap.
COMPANIES, TROUBLEMAKERS = 2, 2


def main(arguments: Sequence[str]) -> int:
    """Run it."""
    weather = list(arguments[:1]) == ["weather"]
    numbers = [float(one) for one in arguments[1 if weather else 0 :]]
    minutes = numbers[0] if numbers else 30.0
    seed = int(numbers[1]) if len(numbers) > 1 else random.randrange(10**6)
    print(f"{'Weather' if weather else 'Chaos'} of {minutes:g} minutes, seed {seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="pilot-chaos-"))
    folder.chmod(0o755)  # PostgreSQL's user looks into it
    house = House(folder)
    right = False
    try:
        house.open()
        right = _live(house, minutes, seed, weather=weather)
    finally:
        house.close(keep=not right)
        if right:
            shutil.rmtree(folder)
        else:
            print(f"seed {seed}: logs, the database and the sandbox's journal are kept in {folder}", flush=True)
    return 0 if right else 1


def _live(house: House, minutes: float, seed: int, *, weather: bool) -> bool:
    rng, over = random.Random(seed), threading.Event()
    made, killed = Counter[str](), Counter[str]()
    supervisor = Supervisor(house, random.Random(rng.random()))
    with world_on(house) as home:
        day = Day(house, home, [People(home, rng.randrange(10**9)) for _ in range(COMPANIES)])
        day.begin()
        if weather:
            troubles = [threading.Thread(target=_weather, args=(house, 60 * minutes, rng, over, made))]
        else:
            seeds = [rng.randrange(10**9) for _ in range(TROUBLEMAKERS)]
            makers = [Troublemaker(house, one, over, made, killed) for one in seeds]
            troubles = [threading.Thread(target=one.run) for one in makers]
        workers = [threading.Thread(target=one.work, args=(over, _pause)) for one in day.people]
        for thread in [*troubles, *workers]:
            thread.start()
        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            time.sleep(min(30, max(0, end - time.monotonic())))
            print(f"  {day.glance()}; {sum(made.values())} faults", file=sys.stderr, flush=True)
        over.set()
        for thread in [*troubles, *workers]:
            thread.join()
        make_right(house)
        judgement = day.judge()
    supervisor.stop()
    tell(made, {name: supervisor.revived[name] - killed[name] for name in house.parts()}, judgement)
    return judgement.right


def _pause(rng: random.Random) -> float:
    return rng.uniform(0.3, 1.5)


def _weather(house: House, seconds: float, rng: random.Random, over: threading.Event, made: Counter[str]) -> None:
    """Every kind in turn, some of them together, twice at least."""
    sandbox = f"http://127.0.0.1:{house.ports.sandbox}/sandbox"
    turn = seconds / (2 * len(BAD_WEATHER))
    while not over.is_set():
        for kind in rng.sample(BAD_WEATHER, len(BAD_WEATHER)):
            kinds = [kind, *(one for one in rng.sample(BAD_WEATHER, rng.randrange(3)) if one != kind)]
            with bad_weather(sandbox, kinds, rng.choice([2.0, 5.0, 40.0])):
                over.wait(turn)
                for one in requests.get(f"{sandbox}/faults", timeout=60).json():
                    made[f"requests failed: {one['kind']}"] += one["hits"]
            if over.is_set():
                return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
