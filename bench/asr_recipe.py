#!/usr/bin/env python
"""Seconds of the ASR branch, per hour of audio: python bench/asr_recipe.py [--nj 2] [--json FILE] [<timit-dir>]

Runs recipe/asr.sh on TIMIT or its sample (default: ../shared/data/timit-sample) with the network of conf/quick, in a
folder of its own that is removed afterwards. Stage 4 is the monophone training (Kaldi itself: 10 s on the sample, on
two cores); the targets on the sample are 30 s for it and 75 s for stages 1 to 6, on two cores that do nothing else.
Decoding is measured apart, on dev, for one acoustic scale: scores of the network and search. A core's seconds are those
of the clock times the jobs, so an upper bound where a stage is not parallel throughout.
"""

import argparse
import json
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import soundfile

ROOT = Path(__file__).resolve().parent.parent
SCALES = "0.2 0.3 0.4 0.5"


def hours_of(scp: Path) -> float:
    return sum(soundfile.info(line.split()[1]).duration for line in scp.read_text().splitlines()) / 3600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=Path, default=ROOT.parent / "shared/data/timit-sample")
    parser.add_argument("--nj", type=int, default=2)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    jobs = ["--nj", str(arguments.nj)]
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        recipe = [ROOT / "recipe/asr.sh", "--dir", work, *jobs, "--nnet-config", ROOT / "conf/quick/asr.conf"]
        subprocess.run([*recipe, "timit", arguments.corpus], check=True, stdout=subprocess.DEVNULL)
        lines = [line.split(maxsplit=2) for line in (work / "exp/seconds").read_text().splitlines()]
        hours = {part: hours_of(work / f"data/asr/{part}/wav.scp") for part in ("train", "dev", "test")}
        decode = [ROOT / "steps/nnet/decode.sh", *jobs, "--scales", SCALES]
        begin = time.perf_counter()
        subprocess.run(
            [*decode, work / "exp/mono/graph", work / "data_fbank/asr/dev", work / "exp/asr/bench"], check=True
        )
        decoding = (time.perf_counter() - begin) / len(SCALES.split())
    rows = {}  # seconds, and of how many hours of audio
    for stage, seconds, what in lines:
        if int(stage) < 7:
            rows[f"{stage} {what}"] = float(seconds), hours["train"] if stage == "4" else sum(hours.values())
    rows["  decoding of dev, one acoustic scale"] = decoding, hours["dev"]
    provider = os.environ.get("KALDI_ROOT") or "kaldi_programs"
    print(f"{provider}, {arguments.nj} jobs, {60 * sum(hours.values()):.1f} minutes of audio")
    print(f"{'':60} {'seconds':>8} {'per hour':>9} {'and core':>9}")
    for name, (seconds, audio) in rows.items():
        print(f"{name:60} {seconds:8.1f} {seconds / audio:9.0f} {arguments.nj * seconds / audio:9.0f}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20  # from KiB
    print(f"peak memory of a process: {peak:.2f} GiB")
    if arguments.json:
        figures = {name: {"seconds": seconds, "hours": audio} for name, (seconds, audio) in rows.items()}
        result = {"provider": provider, "jobs": arguments.nj, "rows": figures, "peak_memory_gib": peak}
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
