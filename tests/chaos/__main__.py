"""`python -m tests.chaos MINUTES [SEED]`: everything goes wrong on a real stack while both sides change.

`python -m tests.chaos weather MINUTES [SEED]`: only QuickBooks fails, in every way that needs nobody to mend it, in
turn, up to three at once; in each of them a fifth of the requests. After the faults both ledgers agree, or this ends
with 1, the seed and the folder of the logs.
"""

import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import requests

from tests.chaos.day import Day
from tests.chaos.house import House, Supervisor
from tests.chaos.people import People
from tests.chaos.report import tell
from tests.chaos.trouble import BAD_WEATHER, Diary, Troublemaker, bad_weather, make_right
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
    # Whoever ends this ends the stack, too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    house = House(folder)
    right = False
    try:
        house.open()
        for left_out in house.left_out():
            print(f"  left out: {left_out}", flush=True)
        right = _live(house, minutes, random.Random(seed), weather=weather)
    finally:
        house.close(keep=not right)
        if right:
            shutil.rmtree(folder)
        else:
            print(f"seed {seed}: logs, the database and the sandbox's journal are kept in {folder}", flush=True)
    return 0 if right else 1


def _live(house: House, minutes: float, rng: random.Random, *, weather: bool) -> bool:
    over = threading.Event()
    supervisor = Supervisor(house, random.Random(rng.random()))
    threads: list[threading.Thread] = []
    try:
        with world_on(house) as home:
            day = Day(house, home, [People(home, rng.randrange(10**9)) for _ in range(COMPANIES)])
            day.begin()
            diary = Diary()
            if weather:
                threads += [threading.Thread(target=_weather, args=(house, 60 * minutes, rng, over, diary))]
            else:
                seeds = [rng.randrange(10**9) for _ in range(TROUBLEMAKERS)]
                threads += [threading.Thread(target=Troublemaker(house, one, over, diary).run) for one in seeds]
            threads += [threading.Thread(target=one.work, args=(over, _pause)) for one in day.people]
            for thread in threads:
                thread.start()
            while (left := 60 * minutes - diary.now()) > 0:
                time.sleep(min(30, left))
                print(f"  {day.glance()}; {sum(diary.made.values())} faults", file=sys.stderr, flush=True)
                if not (supervisor.lives() and all(thread.is_alive() for thread in threads)):
                    raise RuntimeError("a thread of this test has ended too early")
            over.set()
            for thread in threads:
                thread.join()
            make_right(house)
            judgement = day.judge()
    finally:
        over.set()
        supervisor.stop()
    by_themselves = {name: supervisor.revived[name] - diary.killed[name] for name in house.parts()}
    tell(diary.made, house.refusals(), by_themselves, judgement)
    tried = bool(diary.made) and judgement.actions.total() > judgement.cut_short
    if not tried:
        print("There were no faults, or most of what people tried was cut short: this proves nothing.", flush=True)
    return judgement.right and tried


def _pause(rng: random.Random) -> float:
    return rng.uniform(0.3, 1.5)


def _weather(house: House, seconds: float, rng: random.Random, over: threading.Event, diary: Diary) -> None:
    """Every kind in turn, some of them together, twice each."""
    sandbox = f"http://127.0.0.1:{house.ports.sandbox}/sandbox"
    turn = seconds / (2 * len(BAD_WEATHER))
    while not over.is_set():
        for kind in rng.sample(BAD_WEATHER, len(BAD_WEATHER)):
            kinds = [kind, *(one for one in rng.sample(BAD_WEATHER, rng.randrange(3)) if one != kind)]
            began = diary.now()
            with bad_weather(sandbox, kinds, rng.choice([2.0, 5.0, 40.0])):
                over.wait(turn)
                for one in requests.get(f"{sandbox}/faults", timeout=60).json():
                    diary.note(began, f"requests failed: {one['kind']}", one["hits"])
            if over.is_set():
                return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
