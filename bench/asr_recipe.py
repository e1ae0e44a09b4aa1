"""Seconds of stages 1 to 6, from corpus to filterbanks: python bench/asr_recipe.py [--nj 2] [--json FILE] [<timit-dir>]

Runs recipe/asr.sh on TIMIT or its sample (default: ../shared/data/timit-sample) in a folder of its own that is removed
afterwards. Stage 4 is the monophone training (Kaldi itself: 10 s on the sample, on two cores). The targets on the
sample are 30 s for stage 4 and 75 s for all, on two cores that do nothing else.
"""

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

import soundfile

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=Path, default=ROOT.parent / "shared/data/timit-sample")
    parser.add_argument("--nj", type=int, default=2)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        command = [
            ROOT / "recipe/asr.sh",
            "--dir",
            work,
            "--stop-stage",
            6,
            "--nj",
            arguments.nj,
            "timit",
            arguments.corpus,
        ]
        subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
        lines = [line.split(maxsplit=2) for line in (Path(work) / "exp/seconds").read_text().splitlines()]
        audio = 0.0
        for scp in Path(work).glob("data/asr/*/wav.scp"):
            audio += sum(soundfile.info(line.split()[1]).duration for line in scp.read_text().splitlines())
    stages = {int(stage): {"name": name, "seconds": int(seconds)} for stage, seconds, name in lines}
    total = sum(stage["seconds"] for stage in stages.values())
    result = {"provider": os.environ.get("KALDI_ROOT", "kaldi_programs"), "jobs": arguments.nj, "hours": audio / 3600}
    result |= {"stages": stages, "seconds": total}
    print(f"{result['provider']}, {arguments.nj} jobs, {audio / 60:.1f} minutes of audio")
    for number, stage in stages.items():
        per_hour = 3600 * stage["seconds"] / audio
        print(f"stage {number}  {stage['seconds']:5d} s  {per_hour:7.0f} s per hour  {stage['name']}")
    print(f"all      {total:5d} s")
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
