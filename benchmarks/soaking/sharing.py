"""An output folder behind a URL, with two computers that are killed while they compare, decide and send.

A computer is a process with a cache of its own; the URL is that of an S3 server, which stays. In
`Sharing.round` one computer compares and is killed at some moment while both decide; then it compares again.
After that, the same is on both, and on one that was never there before:

- the run that ended last, each row as a comparison of its two files alone says;
- every decision that was ever reported as made on either, once the one that made it has looked again.
"""

import contextlib
import json
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from support.programs import Folders, Program, program

from mymodules.remote import copies

URL = "s3://soak/runs"
NEW = "new"
DECIDED = 8  # by each computer in a round

SERVE = f"""
import boto3, logging, threading
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
url = "http://127.0.0.1:" + str(server.get_host_and_port()[1])
boto3.client("s3", endpoint_url=url).create_bucket(Bucket={URL.split("/")[2]!r})
logging.disable()  # nobody reads what it says, and then it would wait for ever
print(url, flush=True)
threading.Event().wait()
"""

COMPUTER = f"""
import json, os, sys, time
os.environ[{copies.CACHE!r}] = sys.argv[1]
from mymodules import batch, results, settings, triage
settings.init(*sys.argv[2:6])
"""
RUN = (
    COMPUTER
    + """
print("begins", flush=True)
run = batch.run(num_processors=2)
print(json.dumps([run.csv_path.name, run.unsent]))
"""
)
DECIDE = (
    COMPUTER
    + f"""
decisions = triage.Decisions()
for number in range({DECIDED}):
    name = sys.argv[6] + "-" + str(number)
    decisions.decide([triage.Row(name, "", "")], "accept")
    print(name, flush=True)
    time.sleep(0.3)
"""
)
LOOK = (
    COMPUTER
    + """
results.load()
decisions = triage.Decisions()
with open(sys.argv[6]) as file:
    names = json.load(file)
lost = [name for name in names if decisions.of(triage.Row(name, "", ""))[0] != "accept"]
print(json.dumps([settings.DATA_SAVE_BASE_DIR, lost]))
"""
)


class Sharing:
    """Rounds of two computers, and what was decided on them."""

    def __init__(self, at: Path, given: Folders, seed: int, counted: Counter[str]) -> None:
        self._at, self._given, self._counted = at, given, counted
        self._random = random.Random(seed)
        self._decided: list[str] = []
        self._took = 4.0  # s, a run that is not killed
        self._stack, self._is_served = contextlib.ExitStack(), False

    def round(self, check_rows: Callable[[Path], None]) -> None:
        """Compare, be killed, compare again, and look on three computers; `check_rows` gets a CSV."""
        self._serve()
        one, other = self._random.sample(["one", "other"], 2)
        with contextlib.ExitStack() as stack:
            deciding = [
                stack.enter_context(self._program(DECIDE, at, f"{at}-{time.time_ns()}"))
                for at in (one, other)
            ]
            with self._program(RUN, one) as running:
                assert running.line() == "begins", running.finish()
                time.sleep(self._random.random() * self._took)
                running.process.kill()
            if self._random.random() < 0.5:
                deciding[0].process.kill()
            for each in deciding:
                code, said, complained = each.finish()
                assert code in (0, -9), complained
                self._decided += [word for word in said.split() if word.startswith((one, other))]
        began = time.monotonic()
        with self._program(RUN, one) as running:
            code, said, complained = running.finish()
        assert code == 0, complained
        self._took = time.monotonic() - began
        name, unsent = json.loads(said.splitlines()[-1])
        assert not unsent, unsent
        self._counted["runs sent"] += 1
        self._counted["decisions on shared folders"] = len(self._decided)
        for computer in (one, other, NEW):
            out, lost = self._look(computer)
            assert not lost, f"decisions were reported and are not on {computer}: {lost}"
            check_rows(Path(out, name))
        shutil.rmtree(self._at / NEW)

    def _serve(self) -> None:
        """Start the server, once, and tell all processes of it."""
        if self._is_served:
            return
        known = {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "DEFAULT_REGION": "us-east-1"}
        os.environ |= {f"AWS_{name}": value for name, value in known.items()}
        os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
        url = self._stack.enter_context(program(SERVE, [])).line()
        assert url, "the server did not start"
        os.environ["AWS_ENDPOINT_URL"], self._is_served = url, True

    def _program(
        self, code: str, computer: str, *arguments: object
    ) -> contextlib.AbstractContextManager[Program]:
        folders = self._given.first, self._given.second
        return program(code, [self._at / computer, self._at, *folders, URL, *arguments])

    def _look(self, computer: str) -> tuple[str, list[str]]:
        """Return the folder that this computer has for the URL, and the decisions that it lacks."""
        names = self._at / "decided.json"
        names.write_text(json.dumps(self._decided))
        with self._program(LOOK, computer, names) as running:
            code, said, complained = running.finish()
        assert code == 0, said + complained
        out, lost = json.loads(said.splitlines()[-1])
        return str(out), list(lost)

    def close(self) -> None:
        self._stack.close()
