#!/usr/bin/env python3
"""Measures vbench's GPU benchmarks beside PyTorch, in alternation, with ratios and bars.
The bars are those of docs/hardware-checks.md.

    python3 suites/peers/torch_gpu.py               # 5 rounds, some minutes on one GPU
    python3 suites/peers/torch_gpu.py matmul copy   # some of: matmul copy device
    python3 suites/peers/torch_gpu.py --json FILE   # every value, for the record

VBENCH names the program (default: target/release/vbench, built first), ROUNDS the rounds. Needs a
GPU, and PyTorch built for it; without either it says so and ends with 2. Ends with 1 where a bar
is missed.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROWS, WARM_UPS, TIMED = 8192, 10, 100
BYTES, COPIES, REPEATS = 256 << 20, 4, 10


def quit_because(why):
    print(f"torch_gpu.py: {why}", file=sys.stderr)
    sys.exit(2)


def load_torch():
    try:
        import torch
    except ImportError as error:
        quit_because(f"PyTorch is not installed ({error}): pip install torch")
    if not torch.cuda.is_available():
        quit_because(f"PyTorch {torch.__version__} sees no GPU")
    return torch


class Ours:
    """Cases of vbench, each in a run of its own."""

    def __init__(self):
        program = os.environ.get("VBENCH")
        if program is None:
            subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
            target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
            program = str(pathlib.Path(target) / "release" / "vbench")
        self.program = program

    def best(self, case, metric):
        """The best value of a metric, and the facts of the launch."""
        with tempfile.TemporaryDirectory() as out:
            command = [self.program, "run", "--exact", case, "--launches", "1", "--out", out]
            done = subprocess.run(command, capture_output=True, text=True)
            files = list(pathlib.Path(out).glob("*/*/*/result.json"))
            if done.returncode != 0 or not files:
                quit_because(f"{' '.join(command)} failed: {done.stdout}{done.stderr}")
            result = json.loads(files[0].read_text())
        launch = result["cases"][0]["launches"][0]
        if launch["outcome"]["state"] != "measured":
            quit_because(f"{case}: {launch['outcome']}")
        values = [repeat["values"][metric] for repeat in launch["repeats"]]
        return (min if metric == "time" else max)(values), launch["facts"]


class Theirs:
    """The same work by PyTorch, timed by its own events."""

    def __init__(self, torch):
        self.torch = torch
        torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False

    def seconds(self, work, times):
        """Seconds of one `work`, of `times` in a row."""
        first, last = (self.torch.cuda.Event(enable_timing=True) for _ in range(2))
        first.record()
        for _ in range(times):
            work()
        last.record()
        last.synchronize()
        return first.elapsed_time(last) / 1e3 / times

    def matmul(self, dtype):
        torch = self.torch
        torch.backends.cuda.matmul.allow_tf32 = dtype == "tf32"
        kinds = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp8": torch.float8_e4m3fn}
        kind = kinds.get(dtype, torch.float32)
        a, b = (torch.rand(ROWS, ROWS, device="cuda") * 2 - 1 for _ in range(2))
        a, b = a.to(kind), b.to(kind)
        if dtype == "fp8":
            one, second = torch.ones((), device="cuda"), b.t()
            work = lambda: torch._scaled_mm(a, second, one, one, out_dtype=torch.bfloat16)
        else:
            work = lambda: torch.matmul(a, b)
        for _ in range(WARM_UPS):
            work()
        return min(self.seconds(work, TIMED) for _ in range(REPEATS))

    def copy(self, route):
        host = self.torch.empty(BYTES, dtype=self.torch.uint8, pin_memory=True)
        device = self.torch.empty(BYTES, dtype=self.torch.uint8, device="cuda")
        to, source = (device, host) if route == "h2d" else (host, device)
        work = lambda: to.copy_(source, non_blocking=True)
        work()
        return BYTES / min(self.seconds(work, COPIES) for _ in range(REPEATS))

    def device(self):
        """Bytes read and written by a copy within the device, per second."""
        source = self.torch.empty(BYTES, dtype=self.torch.uint8, device="cuda")
        to = self.torch.empty_like(source)
        work = lambda: to.copy_(source)
        work()
        return 2 * BYTES / min(self.seconds(work, 20) for _ in range(REPEATS))


def items(torch, wanted):
    """Name, case and metric of ours, a function of theirs, and the ratio ours must keep to."""
    major, minor = torch.cuda.get_device_capability()
    dtypes = ["fp32", "tf32", "fp16", "bf16"]
    if (major, minor) >= (8, 9) and torch.version.hip is None:
        dtypes.append("fp8")
    if torch.version.hip is not None:
        dtypes.remove("tf32")
    if "matmul" in wanted:
        for dtype in dtypes:
            case = f"gpu::matmul/dtype={dtype},gpu=0,n={ROWS}"
            yield f"matmul {dtype}", case, "time", lambda t, d=dtype: t.matmul(d), (0.0, 1.02)
    if "copy" in wanted:
        for route in ["h2d", "d2h"]:
            case = f"gpu::copy/gpu=0,memory=pinned,route={route},size=256MiB"
            yield f"pinned {route}", case, "bandwidth", lambda t, r=route: t.copy(r), (0.98, None)
    if "device" in wanted:
        yield "device copy", "gpu::copy_on_device/gpu=0", "traffic", Theirs.device, (0.95, None)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=["matmul", "copy", "device"])
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    torch = load_torch()
    ours, theirs = Ours(), Theirs(torch)
    rounds = int(os.environ.get("ROUNDS", "5"))
    print(f"# {torch.cuda.get_device_name()}, PyTorch {torch.__version__}, "
          f"CUDA {torch.version.cuda}, HIP {torch.version.hip}, {rounds} rounds")
    print(f"{'':14} {'vbench':>12} {'torch':>12} {'ratio':>7}  bar")
    missed, record = [], []
    for name, case, metric, measure, (least, most) in items(torch, arguments.parts):
        values, facts = ([], []), {}
        for number in range(rounds):
            for side in (0, 1) if number % 2 else (1, 0):
                if side == 0:
                    value, facts = ours.best(case, metric)
                else:
                    value = measure(theirs)
                values[side].append(value)
        own, other = (statistics.median(side) for side in values)
        ratio = own / other
        kept = (least is None or ratio >= least) and (most is None or ratio <= most)
        bar = f"at most {most}" if most is not None else f"at least {least}"
        print(f"{name:14} {own:12.5g} {other:12.5g} {ratio:7.3f}  {bar}: {'kept' if kept else 'MISSED'}")
        if name.startswith("pinned"):
            link = facts.get("link_under_load", "not told")
            print(f"{'':14} link under load: {link}; 53 to 57 GB/s are expected of 32 GT/s x16")
        if not kept:
            missed.append(name)
        record.append({"name": name, "case": case, "metric": metric, "vbench": values[0],
                       "torch": values[1], "ratio": ratio, "kept": kept, "facts": facts})
    if arguments.json:
        arguments.json.write_text(json.dumps(record, indent=1))
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
