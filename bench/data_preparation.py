#!/usr/bin/env python
"""Seconds of data preparation per hour of audio: python bench/data_preparation.py [--nj 2] [--json FILE] [<emodb-dir>]

Runs the steps of recipe/ser.sh's stage 9 on EmoDB (default: ../shared/data/emodb), each once, in a folder of its own
that is removed afterwards. Which programs answer to Kaldi's names is said, since KALDI_ROOT decides it.
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


def measure(commands: dict[str, str], folder: Path) -> dict[str, float]:
    """Seconds of each command, run in the checkout; {d} in it stands for the folder."""
    seconds = {}
    for name, command in commands.items():
        begin = time.perf_counter()
        words = ["bash", "-c", f". ./path.sh && {command.format(d=folder)}"]
        subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        seconds[name] = time.perf_counter() - begin
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("emodb", nargs="?", type=Path, default=ROOT.parent / "shared/data/emodb")
    parser.add_argument("--nj", type=int, default=2, help="parallel jobs")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    args = parser.parse_args()
    files = sorted((args.emodb / "wav").glob("*.wav"))
    if not files:
        parser.error(f"no wav files in {args.emodb}/wav")
    hours = sum(soundfile.info(file).duration for file in files) / 3600
    copy = "mkdir -p {d}/fbank && cp {d}/ser/wav.scp {d}/ser/utt2spk {d}/ser/spk2utt {d}/fbank"
    commands = {
        "corpus to data directory": f"local/emodb_data.sh {args.emodb.resolve()} {{d}}/ser",
        "MFCC with log-energy": f"steps/make_mfcc.sh --nj {args.nj} --mfcc-config conf/mfcc_vad.conf {{d}}/ser",
        "voice activity": f"steps/make_vad.sh --nj {args.nj} {{d}}/ser",
        "frame labels": "python steps/frame_labels.py {d}/ser",
        "filterbanks": f"{copy} && steps/make_fbank.sh --nj {args.nj} {{d}}/fbank",
    }
    with tempfile.TemporaryDirectory() as folder:
        seconds = measure(commands, Path(folder))
    seconds["all"] = sum(seconds.values())
    answers = f"Kaldi in {os.environ['KALDI_ROOT']}" if os.environ.get("KALDI_ROOT") else "kaldi_programs"
    print(f"{len(files)} recordings, {hours:.3f} hours; {args.nj} jobs on {os.cpu_count()} cores; {answers}")
    print(f"{'':26}{'seconds':>10}{'per hour':>10}")
    for name, value in seconds.items():
        print(f"{name:26}{value:>10.2f}{value / hours:>10.1f}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20  # from KiB
    print(f"peak memory of a process: {peak:.2f} GiB")
    if args.json:
        figures = {"hours": hours, "recordings": len(files), "jobs": args.nj, "programs": answers, "seconds": seconds}
        figures["peak_memory_gib"] = peak
        args.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
