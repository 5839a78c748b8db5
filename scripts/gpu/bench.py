"""The throughput part: mindgap and PyTorch in turn on the same work, in order of worth, for as long as its limit allows."""
import json
import select
import subprocess
import sys

from harness import OutOfTime


def jobs(rehearse):
    """What is measured, in order of worth: the network, its flags for `throughput`, batch, precision, PyTorch's ways."""
    resnet20 = ("resnet20", ["--depth", "20", "--width", "16"], 16)
    resnet18 = ("resnet18", ["--depth", "18", "--width", "64", "--stem", "small"], 64)
    if rehearse:
        # libtorch's own weight gradients fail with fewer channels on some CPUs.
        return [(resnet20, 16, "float32", ["tuned"])]
    both, all_ways = ["tuned", "compiled"], ["tuned", "compiled", "graphs"]
    return [
        (resnet20, 128, "bf16", all_ways), (resnet18, 128, "bf16", all_ways),
        (resnet20, 128, "tf32", both), (resnet18, 128, "tf32", both),
        (resnet20, 1024, "bf16", both), (resnet18, 512, "bf16", both),
        (resnet20, 128, "float32", ["tuned"]), (resnet18, 128, "float32", ["tuned"]),
        (resnet20, 1024, "tf32", ["tuned"]), (resnet18, 512, "tf32", ["tuned"]),
        (resnet20, 1024, "float32", ["tuned"]), (resnet18, 512, "float32", ["tuned"]),
    ]


class Throughput:
    """Called with its part; `warm` compiles what PyTorch will need while other parts run."""

    def __init__(self):
        self.warming = None

    def warm(self, machine, log):
        if not (machine.has_python_torch and machine.data):
            return
        lines = [json.dumps(line) for job in jobs(False) for line in peer_lines(machine, job, 2) if line["way"] != "tuned"]
        self.warming = self.start(machine, ["--warm"], open(log, "w", encoding="utf-8"))
        self.warming.stdin.write("\n".join(lines) + "\n")
        self.warming.stdin.close()

    def stop_warming(self):
        if self.warming and self.warming.poll() is None:
            self.warming.kill()
            self.warming.wait()

    def start(self, machine, more, out, err=subprocess.STDOUT):
        # What is compiled is kept, and taken from there by a later process.
        environment = dict(machine.environment, TORCHINDUCTOR_CACHE_DIR=str(machine.work / "inductor"),
                           TRITON_CACHE_DIR=str(machine.work / "triton"))
        environment.pop("LD_LIBRARY_PATH")  # Python's torch finds its libraries by itself
        command = [sys.executable, str(machine.work / "bin" / "peer.py"), "--device", machine.device, *more]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=err, text=True, env=environment)

    def __call__(self, part):
        machine = part.machine
        if machine.data is None and not machine.rehearse:
            part.check("throughput", None, "no images were packed; use pack --data DIR")
            return
        data = machine.data or machine.work / "bin" / "few"
        peer = self.start(machine, [], subprocess.PIPE, part.log_file) if machine.has_python_torch else None
        if peer is None:
            part.check("beside PyTorch", None, "python3 has no torch")
        rows = []
        try:
            for job in jobs(machine.rehearse):
                rows.append(self.measure(part, peer, job, data))
        except OutOfTime:
            rest = len(jobs(machine.rehearse)) - len(rows)
            part.figure("not reached", f"{rest} of {len(jobs(machine.rehearse))} settings")
        finally:
            if peer:
                peer.kill()
                peer.wait()
        part.check("throughput is measured", bool(rows), f"{len(rows)} settings")

    def measure(self, part, peer, job, data):
        (model, flags, _), batch, precision, _ = job
        few = part.machine.rehearse
        limit, epochs = (32, 2) if few else (8192 if model == "resnet18" else 24576, 4)
        ours = part.command(
            "throughput", "--data", data, *flags, "--batch-size", batch, "--precision", precision, "--device",
            part.machine.device, "--limit", limit, "--epochs", epochs, "--cache")
        label = f"{model}, batch {batch}, {precision}"
        if ours.code:
            part.check(label, False, ours.err[-500:])
            return label
        told = ours.json()
        row = {"mindgap": pick(told)}
        for line in peer_lines(part.machine, job, epochs, limit, data) if peer else []:
            answer = ask(part, peer, line)
            row[line["way"]] = pick(answer)
            part.check(f"{label}: PyTorch, {line['way']}", "median" in answer, answer.get("error", ""))
            if "median" in answer:
                row[line["way"]]["mindgap is faster by"] = round(told["median"] / answer["median"], 3)
        part.figure(label, row)
        return label


def peer_lines(machine, job, epochs, limit=8192, data=None):
    (model, _, width), batch, precision, ways = job
    common = {"data": str(data or machine.data), "limit": limit, "model": model, "width": width, "batch": batch,
              "precision": precision, "epochs": epochs}
    return [{**common, "way": way} for way in ways]


def ask(part, peer, line):
    """The peer's answer to a line."""
    peer.stdin.write(json.dumps(line) + "\n")
    peer.stdin.flush()
    ready, _, _ = select.select([peer.stdout], [], [], part.left())
    if not ready:
        part.log(f"{line['way']} did not answer in time")
        raise OutOfTime
    text = peer.stdout.readline()
    part.log(text)
    return json.loads(text) if text else {"error": "the peer has ended"}


def pick(told):
    if "error" in told:
        return {"error": told["error"]}
    keys = ("median", "images_per_s", "kernels_per_update", "busy", "device_memory_mb")
    return {key: round(told[key], 3) if isinstance(told[key], float) else told[key] for key in keys if told.get(key)}


throughput = Throughput()
