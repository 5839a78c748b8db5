"""What the parts of a check are made of: the machine, a part with its log and its limit, and files read back."""
import contextlib
import json
import os
import re
import signal
import struct
import subprocess
import time
from pathlib import Path


class OutOfTime(Exception):
    """The part's limit has passed."""


class Machine:
    """Where the check runs: the packed programs, the torch that they load, the device."""

    def __init__(self, work, torch, rehearse, has_python_torch, device):
        self.work, self.torch, self.rehearse, self.device = work, Path(torch), rehearse, device
        self.has_python_torch = has_python_torch
        self.mindgap, self.image = work / "bin" / "mindgap", work / "bin" / "image.png"
        data = work / "fer2013"
        self.data = data if data.exists() else None
        # A folder of its own for decoded images: nothing of the user's is touched.
        self.environment = dict(os.environ, LD_LIBRARY_PATH=f"{self.torch}/lib", XDG_CACHE_HOME=str(work / "cache"))

    def describe(self):
        version = re.search(r"__version__ = '([^']+)'", (self.torch / "version.py").read_text())
        found = {"torch": version.group(1), "cores": os.cpu_count(), "device": self.device}
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
            found["gpu"] = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
        return found


class Finished:
    """A command that has ended."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def json(self):
        return json.loads(self.out)


class Part:
    """One part of the check: runs commands, notes what was checked and measured, and writes all of it to its log."""

    def __init__(self, name, machine, log, seconds):
        self.name, self.machine, self.limit = name, machine, seconds
        self.log_file = open(log, "w", encoding="utf-8")
        self.checks, self.figures = [], {}
        self.begun = time.monotonic()
        self.folder = machine.work / name

    def run(self, work):
        """Runs `work(part)`; what it says, as a value for summary.json."""
        print(f"== {self.name}", flush=True)
        self.folder.mkdir(exist_ok=True)
        try:
            work(self)
        except OutOfTime:
            self.check("time", False, f"stopped after its limit of {self.limit:.0f} s")
        except Exception as error:  # whatever it is, the other parts still run
            self.check("run", False, f"{type(error).__name__}: {error}")
        seconds = time.monotonic() - self.begun
        failed = any(check["ok"] is False for check in self.checks)
        ran = any(check["ok"] is True for check in self.checks)
        status = "failed" if failed else "passed" if ran else "skipped"
        self.log(f"{status} after {seconds:.1f} s")
        self.log_file.close()
        return {"status": status, "seconds": round(seconds, 1), "checks": self.checks, "figures": self.figures}

    def left(self):
        """Seconds until the limit."""
        left = self.limit - (time.monotonic() - self.begun)
        if left <= 0:
            raise OutOfTime
        return left

    def log(self, text):
        self.log_file.write(text.rstrip() + "\n")
        self.log_file.flush()

    def check(self, name, ok, detail=""):
        """Notes that something holds, does not hold (False), or could not be tried (None)."""
        self.checks.append({"name": name, "ok": None if ok is None else bool(ok), "detail": str(detail)})
        word = {True: "ok", False: "FAILED", None: "skipped"}[None if ok is None else bool(ok)]
        self.log(f"{word}: {name} {detail}")
        if ok is False or (ok is not None and not ok):
            print(f"   failed: {name} {str(detail)[:300]}", flush=True)

    def figure(self, name, value):
        """Notes a measurement."""
        self.figures[name] = value
        self.log(f"{name}: {value}")

    def start(self, *words, env=None):
        """Starts a packed program, or another command given by its path."""
        program = self.machine.work / "bin" / words[0]
        command = [str(program) if program.exists() else words[0], *map(str, words[1:])]
        self.log("$ " + " ".join(command))
        # A process group of its own, so that what it started ends with it.
        return subprocess.Popen(
            command, cwd=self.folder, env={**self.machine.environment, **(env or {})}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def finish(self, process):
        try:
            out, err = process.communicate(timeout=self.left())
        except (subprocess.TimeoutExpired, OutOfTime):
            self.kill(process)
            out, err = process.communicate()
            self.log(out[-4000:] + err[-4000:])
            raise OutOfTime from None
        self.log(out[-20000:] + err[-20000:] + f"exit code {process.returncode}")
        return Finished(process.returncode, out, err)

    def command(self, *words, env=None):
        return self.finish(self.start(*words, env=env))

    def kill(self, process):
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def mindgap(self, *words, env=None):
        return self.command("mindgap", *words, env=env)

    def train(self, out, *words, device=None, env=None):
        """A training run of the rest of the words into folder `out` of this part."""
        return self.mindgap("train", "--out", out, "--device", device or self.machine.device, *words, env=env)

    def train_together(self, runs):
        """Training runs side by side: the flags of each by its folder. Nothing is timed here."""
        started = [self.start("mindgap", "train", "--out", out, "--device", self.machine.device, *words)
                   for out, words in runs.items()]
        return dict(zip(runs, self.finish_all(started)))

    def finish_all(self, processes):
        """What they ended with; none is left behind if time runs out."""
        try:
            return [self.finish(process) for process in processes]
        finally:
            for process in processes:
                self.kill(process)

    def run_json(self, run, file):
        return json.loads((self.folder / run / file).read_text())

    def epochs(self, run):
        """The records of a run's epochs, without their times."""
        records = [json.loads(line) for line in (self.folder / run / "epochs.jsonl").read_text().splitlines()]
        for record in records:
            for key in ("seconds", "train_images_per_s"):
                record.pop(key)
        return records


def metadata(path):
    """The metadata of a safetensors file."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        return json.loads(file.read(length))["__metadata__"]


def tensors(path):
    """The float32 tensors of a safetensors file by name, as tuples."""
    data = Path(path).read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + length])
    found = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        begin, end = entry["data_offsets"]
        found[name] = struct.unpack(f"<{(end - begin) // 4}f", data[8 + length + begin:8 + length + end])
    return found


def distance(one, other):
    """The largest difference of two files' tensors, each as a share of its length."""
    worst = 0.0
    for name, numbers in one.items():
        length = sum(number * number for number in numbers) ** 0.5
        off = sum((a - b) ** 2 for a, b in zip(numbers, other[name])) ** 0.5
        worst = max(worst, off / length if length else off)
    return worst
