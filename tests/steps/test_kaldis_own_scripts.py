"""Kaldi's own scripts run on this project's programs and give what this project's scripts give."""

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def work(root, golden, kaldi_scripts, tmp_path_factory):
    """A folder such as Kaldi's recipes run in: its steps and utils, our programs, 16 sentences with features."""
    work = tmp_path_factory.mktemp("kaldi")
    for name in ("steps", "utils"):
        (work / name).symlink_to(kaldi_scripts / name, target_is_directory=True)
    programs = Path(shutil.which("add-deltas")).parent
    (work / "path.sh").write_text(f"export PATH=$PWD/utils:{programs}:$PATH LC_ALL=C\n")
    shutil.copytree(golden / "data", work / "data")
    wavs = (golden / "data/wav.scp").read_text()
    (work / "data/wav.scp").write_text(re.sub(r" (\S+)$", rf" {root}/\1", wavs, flags=re.MULTILINE))
    phones = sorted({phone for line in (golden / "data/text").read_text().splitlines() for phone in line.split()[1:]})
    (work / "phones").write_text("".join(phone + "\n" for phone in phones))
    run(work, root / "utils/prepare_lang.sh", "phones", "lang")
    run(work, "python", root / "steps/train_bigram.py", "data/text", "bigram.arpa")
    run(work, root / "utils/make_grammar.sh", "bigram.arpa", "lang")
    run(work, root / "steps/make_mfcc.sh", "--nj", "2", "--mfcc-config", root / "conf/mfcc.conf", "data")
    run(work, root / "steps/compute_cmvn_stats.sh", "data")
    options = ["--nj", "2", "--num-iters", "8", "--max-iter-inc", "6", "--totgauss", "250"]
    run(work, "steps/train_mono.sh", "--cmd", "run.pl", *options, "data", "lang", "theirs")
    run(work, root / "steps/train_mono.sh", *options, "--max-lost", "0.4", "data", "lang", "ours")
    return work


def run(work, *command):
    result = subprocess.run([str(word) for word in command], cwd=work, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def model(directory):
    return run(directory, "gmm-copy", "--binary=false", "final.mdl", "-")


def alignments(directory):
    return b"".join(gzip.decompress(file.read_bytes()) for file in sorted(directory.glob("ali.*.gz")))


def test_train_mono_ends_with_the_same_model_and_alignments(work):
    assert model(work / "theirs") == model(work / "ours")
    assert alignments(work / "theirs") == alignments(work / "ours")


def test_align_si_gives_the_same_alignments(work, root):
    words = ["--nj", "2", "--retry-beam", "400", "data", "lang", "ours"]
    run(work, "steps/align_si.sh", "--cmd", "run.pl", *words, "their_ali")
    run(work, root / "steps/align_si.sh", *words, "our_ali")
    assert len(alignments(work / "our_ali").splitlines()) == 16
    assert alignments(work / "their_ali") == alignments(work / "our_ali")


def test_align_si_takes_the_graphs_of_the_training(work, root):
    words = ["--nj", "2", "--use-graphs", "true", "data", "lang", "ours"]
    run(work, "steps/align_si.sh", "--cmd", "run.pl", *words, "their_ali_graphs")
    run(work, root / "steps/align_si.sh", "--max-lost", "0.4", *words, "our_ali_graphs")
    copied = ["copy-int-vector", "ark:gunzip -c their_ali_graphs/ali.*.gz |", "ark,t:-"]
    assert run(work, *copied).encode() == alignments(work / "our_ali_graphs")


def test_mkgraph_builds_the_same_graph(work, root):
    run(work, "utils/mkgraph.sh", "lang", "ours", "their_graph")
    shutil.rmtree(work / "lang/tmp")
    run(work, root / "utils/mkgraph.sh", "lang", "ours", "our_graph")
    theirs, ours = (run(work, "fstprint", f"{name}_graph/HCLG.fst") for name in ("their", "our"))
    assert theirs == ours
