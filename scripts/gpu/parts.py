"""The parts that ask whether mindgap is right on this GPU. Each gets a `Part` and notes what it finds there."""
import json
import random
import subprocess
import sys
import time

from harness import OutOfTime, distance, metadata, tensors

# A network and a set of images that are trained in a moment. `faces` are drawn by mindgap itself.
SMALL = ["--data", "faces", "--img-size", "24", "--model", "resnet8", "--width", "8", "--no-cache"]


def small(part, epochs):
    """The flags of a run of some `epochs`; a rehearsal sees a tenth of the images."""
    few = ["--batch-size", "16", "--train-fraction", "0.1"] if part.machine.rehearse else ["--batch-size", "64"]
    return [*SMALL, *few, "--epochs", str(epochs)]


# Every knob that draws, averages or looks ahead.
KNOBS = ["--model-ema", "--sam", "0.02", "--sam-every", "2", "--clip-grad", "1", "--drop", "0.1", "--drop-path", "0.05",
         "--drop-block", "0.05", "--smoothing", "0.05", "--mixup", "0.1", "--cutmix", "0.5", "--mixup-prob", "0.3",
         "--hflip", "0.5", "--rotate", "5", "--zoom", "0.9", "1.1", "--color-jitter", "0.1", "--blur", "0.2",
         "--reprob", "0.1", "--weight-decay", "5e-4"]


def devices(part):
    """doctor, --device in its forms, two processes on one GPU."""
    machine = part.machine
    doctor = part.mindgap("doctor", "--json")
    part.check("doctor", doctor.code == 0, doctor.err)
    found = doctor.json()
    part.figure("doctor", {key: found.get(key) for key in ("cuda", "devices")})
    if not machine.rehearse:
        step = [check for check in found["devices"] if check["device"].startswith("cuda")]
        part.check("doctor trains on the GPU", step and not step[0].get("error"), step)

    epoch = small(part, 1)
    for name in (machine.device, "auto"):
        run = f"device-{name.replace(':', '')}"
        done = part.train(run, *epoch, device=name)
        used = part.run_json(run, "environment.json")["device"] if done.code == 0 else None
        part.check(f"--device {name}", used == machine.device, done.err[-500:] or used)
    wrong = part.train("wrong", *epoch, device="cuda:9")
    part.check("a wrong index is refused", wrong.code == 2 and "device cuda:9" in wrong.err, wrong.err)

    both = part.train_together({"pair-1": epoch, "pair-2": epoch}).values()
    part.check("two processes on one device", all(done.code == 0 for done in both), [done.err[-300:] for done in both])


def numbers(part):
    """tests/cuda.rs: every knob, network and optimiser against the CPU."""
    tests = part.command("cuda", env={"MINDGAP_TEST_DEVICE": part.machine.device})
    words = tests.out.strip().splitlines()[-1] if tests.out.strip() else tests.err
    failed = [line for line in tests.out.splitlines() if line.endswith("FAILED") or "is off by" in line]
    part.figure("tests", words)
    part.check("the device computes what the CPU computes", tests.code == 0, failed[:20] or words)


def deterministic(part):
    """--deterministic: the same bytes from two runs, and from one that is killed and resumed."""
    rehearse = part.machine.rehearse
    sets = {"knobs": [*small(part, 2 if rehearse else 4), *KNOBS],
            "max-pool": [*small(part, 1 if rehearse else 2), "--model", "resnet18", "--stem-stride", "1",
                         "--img-size", "32"]}
    runs = {f"{name}-{number}": [*words, "--deterministic"] for name, words in sets.items() for number in (1, 2)}
    runs.update({f"free-{number}": sets["knobs"] for number in (1, 2)})
    ended = part.train_together(runs)
    for name in sets:
        pair = [ended[f"{name}-{number}"] for number in (1, 2)]
        if any(done.code for done in pair):
            part.check(f"{name}: trains with --deterministic", False, pair[0].err[-500:] + pair[1].err[-500:])
        else:
            part.check(f"{name}: two runs end with the same bytes", same(part, f"{name}-1", f"{name}-2"))

    words = sets["knobs"]
    kills = 0
    for attempt in range(6):
        process = part.start("mindgap", "train", "--device", part.machine.device, "--out", "killed", *words,
                             "--deterministic", "--checkpoint-every", "20", "--resume")
        # The first attempts end somewhere between the start and the end of a run.
        deadline = time.monotonic() + random.Random(attempt).uniform(1, 3 if rehearse else 6)
        while attempt < 3 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if attempt < 3 and process.poll() is None:
            part.kill(process)
            process.communicate()
            kills += 1
            continue
        done = part.finish(process)
        part.check("a killed run is resumed", done.code == 0, done.err[-500:])
        break
    part.check(f"after {kills} kills the bytes are those of a run never killed", same(part, "knobs-1", "killed"))

    if not any(ended[f"free-{number}"].code for number in (1, 2)):
        ends = [part.run_json(f"free-{number}", "done.json") for number in (1, 2)]
        files = [tensors(part.folder / f"free-{number}" / "model.safetensors") for number in (1, 2)]
        part.figure("without --deterministic two runs differ", {
            "weights, as a share of their length": distance(*files),
            "val loss": [end["last"]["val_loss"] for end in ends]})


def same(part, one, other):
    files = [(part.folder / run / "last.safetensors") for run in (one, other)]
    if not all(file.exists() for file in files):
        return False
    return files[0].read_bytes() == files[1].read_bytes() and part.epochs(one) == part.epochs(other)


def precision(part):
    """float32, TF32, bfloat16 and float16 side by side, and the loss scale at work."""
    machine = part.machine
    if machine.rehearse:
        forced = ["--amp", "--force-amp"]
        words, ways = small(part, 1), {"bfloat16": forced, "float16": [*forced, "--amp-dtype", "float16"]}
    else:
        # Small batches, so that float16 makes more than the 2,000 updates after which its scale doubles.
        data = ["--data", str(machine.data)] if machine.data else ["--data", "faces"]
        words = [*data, "--model", "resnet20", "--stem-stride", "2", "--batch-size", "32", "--no-cache"]
        words += ["--epochs", "3" if machine.data else "22"]
        ways = {"tf32": [], "bfloat16": ["--amp"], "float16": ["--amp", "--amp-dtype", "float16"]}
    losses = {}
    ended = part.train_together({way: [*words, *more] for way, more in {"float32": ["--no-tf32"], **ways}.items()})
    for way, done in ended.items():
        part.check(f"{way} trains", done.code == 0, done.err[-500:])
        if done.code == 0:
            last = part.epochs(way)[-1]
            losses[way] = {key: last[key] for key in ("batch_loss", "probe_loss", "val_loss", "val_acc")}
    part.figure("losses", losses)
    for way, figures in losses.items():
        off = abs(figures["batch_loss"] / losses["float32"]["batch_loss"] - 1)
        part.check(f"{way} learns as float32 does", off < 0.05, f"batch loss differs by {100 * off:.2f} %")
    if "float16" in losses:
        state = json.loads(metadata(part.folder / "float16" / "last.safetensors")["state"])["loss_scale"]
        part.figure("loss scale", state)
        # A rehearsal has too few updates for a change.
        changed = machine.rehearse or state["scale"] != 65536.0
        part.check("the loss scale changed", changed and state["scale"] > 0.0, state)


def memory(part):
    """Out of memory: the message, the exit code, and a folder that can be resumed."""
    machine = part.machine
    # On the CPU the address space is limited instead, for the run alone.
    limited = ["prlimit", "--as=4000000000", str(machine.mindgap), "train", "--threads", "1"]
    begin = limited if machine.rehearse else [str(machine.mindgap), "train"]
    done = part.command(*begin, "--device", machine.device, "--data", "faces", "--img-size", "320", "--model", "resnet50",
                        "--stem-stride", "1", "--batch-size", "2000", "--epochs", "1", "--no-cache", "--out", "huge")
    advice = "memory" in done.err and "--batch-size" in done.err
    part.check("a batch too large ends with exit code 3 and advice", done.code == 3 and advice,
               f"exit code {done.code}: {done.err[-600:]}")

    if machine.rehearse or not machine.has_python_torch:
        part.check("a run that lost its memory is resumed", None, "it takes a GPU, and torch in python3")
        return
    run = [*small(part, 2), *KNOBS, "--deterministic"]
    whole = part.train("whole", *run)
    starve(part, run)
    again = part.train("starved", *run, "--resume")
    part.check("a run that lost its memory is resumed to the same bytes",
               whole.code == again.code == 0 and same(part, "whole", "starved"), again.err[-500:])


def starve(part, run):
    """Starts `run` while another process holds nearly all of the device's memory."""
    hold = ("import sys, torch\nfree, _ = torch.cuda.mem_get_info()\n"
            "held = torch.empty(free - (700 << 20), dtype=torch.uint8, device='cuda')\nprint('held', flush=True)\n"
            "sys.stdin.read()")
    holder = subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        holder.stdout.readline()
        done = part.train("starved", *run)
        part.figure("a run without memory", f"exit code {done.code}: {done.err.strip()[-300:]}")
        part.check("a run without memory ends with exit code 3", done.code == 3, done.code)
    finally:
        holder.kill()
        holder.wait()


def elsewhere(part):
    """A run from this device, read on the CPU, by mindgap and by Python."""
    machine = part.machine
    done = part.train("run", *small(part, 1 if machine.rehearse else 3), "--no-tf32")
    part.check("it trains", done.code == 0, done.err[-500:])
    if done.code:
        return
    expected = part.run_json("run", "done.json")["best"]["val_loss"]
    for model in ("run", "run/model.pt"):
        data = [] if model == "run" else ["--data", "faces", "--no-cache"]
        losses = {}
        for device in ("cpu", machine.device):
            told = part.mindgap("evaluate", model, *data, "--device", device, "--no-tf32", "--json")
            losses[device] = told.json()["loss"] if told.code == 0 else None
        want = expected if model == "run" else losses["cpu"]
        near = [loss is not None and abs(loss / want - 1) < 1e-4 for loss in losses.values()]
        part.check(f"evaluate {model} on both devices", all(near), f"{losses}, {want} expected")
    answers = {}
    for device in ("cpu", machine.device):
        told = part.mindgap("predict", "run", str(machine.image), "--device", device, "--no-tf32", "--json")
        answers[device] = told.json() if told.code == 0 else {}
    part.check("predict on both devices", agree(answers["cpu"], answers[machine.device]), answers)
    for form in ("onnx", "safetensors", "torchscript"):
        file = {"torchscript": "pt"}.get(form, form)
        exported = part.mindgap("export", "run", "--format", form, "--out", f"exported.{file}")
        part.check(f"export as {form}", exported.code == 0, exported.err[-500:])
    if not machine.has_python_torch:
        part.check("TorchScript in Python", None, "python3 has no torch")
        return
    script = """
import json, sys, torch
device = sys.argv[1]
on_cpu, there = (torch.jit.load("run/model.pt", map_location=place) for place in ("cpu", device))
images = torch.randint(0, 256, (64, 1, 24, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
with torch.no_grad():
    one, other = on_cpu(images), there(images.to(device)).cpu()
answer = {"torchscript": ((one - other).norm() / one.norm()).item()}
try:
    import onnxruntime
    session = onnxruntime.InferenceSession("exported.onnx", providers=["CPUExecutionProvider"])
    logits = session.run(None, {session.get_inputs()[0].name: images.float().numpy()})[0]
    answer["onnx"] = ((torch.from_numpy(logits) - one).norm() / one.norm()).item()
except ImportError:
    pass
print(json.dumps(answer))
"""
    told = part.command(sys.executable, "-c", script, machine.device)
    off = json.loads(told.out.splitlines()[-1]) if told.code == 0 else {}
    part.figure("in Python, logits are off by", off)
    part.check("TorchScript in Python on both devices", off.get("torchscript", 1) < 1e-4, told.err[-500:] or off)


def agree(one, other):
    """Whether two predictions name the same class with the same probabilities, to 1e-4."""
    shares = [{entry["class"]: entry["probability"] for entry in answer.get("top", [])} for answer in (one, other)]
    near = all(abs(share - shares[1].get(name, 9)) < 1e-4 for name, share in shares[0].items())
    return bool(shares[0]) and one["class"] == other["class"] and near


def fer2013(part):
    """FER2013 end to end: closed, seed, and a wide ResNet-18 for as long as 90 seconds."""
    machine = part.machine
    data = str(machine.data) if machine.data else "faces"
    part.figure("data", "FER2013" if machine.data else "faces, since no images were packed")
    short = ["--epochs", "1", "--train-fraction", "0.05", "--img-size", "24", "--batch-size", "32", "--no-cache"] if machine.rehearse else []
    for preset, more in (("closed", []), ("seed", ["--model", "resnet20", "--stem-stride", "2"])):
        begun = time.monotonic()
        done = part.train(preset, "--data", data, "--preset", preset, *more, *short)
        part.check(f"{preset} trains", done.code == 0, done.err[-500:])
        note(part, preset, done, begun)
    wide(part, data, short)


def wide(part, data, short):
    """ResNet-18 of 64 channels with a small stem under closed's knobs, for as many epochs as the time allows."""
    words = ["--data", data, "--preset", "closed", "--model", "resnet18", "--width", "8" if short else "64",
             "--stem", "small", "--stem-stride", "1", "--amp", *(["--force-amp"] if short else [])]
    begun = time.monotonic()
    done = part.train("one", *words, *(short or ["--epochs", "1"]))
    part.check("ResNet-18 trains", done.code == 0, done.err[-500:])
    if done.code or short:
        return
    seconds = json.loads((part.folder / "one" / "epochs.jsonl").read_text().splitlines()[0])["seconds"]
    # The first epoch warms up, so that the others are no slower; starting and ending a run takes some seconds.
    epochs = int(min(90, part.left() - 10) / seconds)
    part.figure("ResNet-18, first epoch", {"seconds": seconds, "epochs that fit": epochs})
    if epochs < 2:
        raise OutOfTime
    begun = time.monotonic()
    done = part.train("wide", *words, "--epochs", str(epochs))
    note(part, "wide", done, begun)


def note(part, run, done, begun):
    if done.code:
        return
    last = part.run_json(run, "done.json")["last"]
    records = [json.loads(line) for line in (part.folder / run / "epochs.jsonl").read_text().splitlines()]
    part.figure(run, {
        "seconds in all": round(time.monotonic() - begun, 1), "epochs": len(records),
        "seconds an epoch": round(sorted(record["seconds"] for record in records)[len(records) // 2], 2),
        **{key: last[key] for key in ("probe_loss", "probe_acc", "val_loss", "val_acc", "gap_loss") if key in last}})
