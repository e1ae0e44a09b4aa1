"""Every program of ours beside Kaldi's, on the same input: the same status, and the same words and numbers.

KALDI_ROOT names a compiled Kaldi. The calls are in the order of a recipe, and read what Kaldi's programs wrote in those
before them.
"""

import math
import shlex
import string
import subprocess
import sysconfig
import tempfile
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

# $g is the folder of golden data, $k that of what Kaldi has written; what has no folder is to be written.
ALIGN = "--transition-scale=1.0 --acoustic-scale=0.1 --self-loop-scale=0.1 --beam=10 --retry-beam=40"
DECODE = "--acoustic-scale=0.1 --beam=13 --max-active=7000 --word-symbol-table=$g/lang/words.txt"
CALLS = f"""
compute-mfcc-feats --config=$root/conf/mfcc.conf scp:$wav ark,t:mfcc
compute-mfcc-feats --config=$root/conf/mfcc_vad.conf scp:$wav ark,t:mfcc_vad
compute-fbank-feats --config=$root/conf/fbank.conf scp:$wav ark,t:fbank
compute-vad --config=$root/conf/vad.conf ark:$k/mfcc_vad ark,t:vad
extract-segments scp:$wav $segments ark:segments
copy-feats --compress=true ark:$g/feats/mfcc.ark ark:compressed
copy-feats ark:$k/compressed ark,t:uncompressed
subset-feats --n=3 ark:$g/feats/mfcc.ark ark,t:three
feat-to-dim ark:$g/feats/mfcc.ark -
feat-to-len ark:$g/feats/mfcc.ark ark,t:-
compute-cmvn-stats --spk2utt=ark:$g/data/spk2utt ark:$g/feats/mfcc.ark ark,t:cmvn
apply-cmvn --norm-vars=true --utt2spk=ark:$g/data/utt2spk ark:$k/cmvn ark:$g/feats/mfcc.ark ark,t:normal
add-deltas --delta-window=3 ark:$k/normal ark,t:deltas
arpa2fst --disambig-symbol=#0 --read-symbol-table=$g/lang/words.txt $g/lang/bigram.arpa G.fst
fstisstochastic $k/G.fst
fstprint $g/lang/L.fst
fstprint --isymbols=$g/lang/phones.txt --osymbols=$g/lang/words.txt $g/lang/L.fst L.txt
fstcompile --isymbols=$g/lang/phones.txt --osymbols=$g/lang/words.txt $k/L.txt L.fst
fstarcsort --sort_type=olabel $k/L.fst L_sorted.fst
fstaddselfloops $one $one $g/lang/L.fst L_loops.fst
fsttablecompose $g/lang/L_disambig.fst $g/lang/G.fst LG0.fst
fstdeterminizestar --use-log=true $k/LG0.fst LG1.fst
fstminimizeencoded $k/LG1.fst LG2.fst
fstpushspecial $k/LG2.fst LG.fst
fstcomposecontext --context-size=1 --central-position=0 --read-disambig-syms=$disambig ilabels $k/LG.fst CLG0.fst
fstarcsort --sort_type=ilabel $k/CLG0.fst CLG.fst
make-h-transducer --disambig-syms-out=disambig_tid $k/ilabels $g/mono/tree $g/mono/final.mdl Ha.fst
fsttablecompose $k/Ha.fst $k/CLG.fst HCLG0.fst
fstdeterminizestar --use-log=true $k/HCLG0.fst HCLG1.fst
fstrmsymbols $k/disambig_tid $k/HCLG1.fst HCLG2.fst
fstrmepslocal $k/HCLG2.fst HCLG3.fst
fstminimizeencoded $k/HCLG3.fst HCLGa.fst
add-self-loops --self-loop-scale=0.1 --reorder=true $g/mono/final.mdl $k/HCLGa.fst HCLGb.fst
fstconvert --fst_type=const $k/HCLGb.fst HCLG.fst
gmm-init-mono --binary=false --train-feats=ark:$feats $g/lang/topo 39 0.mdl tree
compile-train-graphs --read-disambig-syms=$disambig $g/mono/tree $g/mono/final.mdl $g/lang/L.fst ark:$words ark:fsts
align-equal-compiled ark:$g/mono/fsts.ark ark:$feats ark,t:equal
gmm-acc-stats-ali --binary=false $g/mono/final.mdl ark:$feats ark:$g/mono/ali.txt acc
gmm-acc-stats-ali --binary=false $k/0.mdl ark:$feats ark:$k/equal acc0
gmm-sum-accs --binary=false accs $k/acc $k/acc
gmm-est --binary=false --mix-up=1010 --power=0.25 --write-occs=occs $g/mono/final.mdl $k/accs est.mdl
gmm-est --binary=false --mix-up=300 --min-gaussian-occupancy=3 $k/0.mdl $k/acc0 est0.mdl
gmm-info $g/mono/final.mdl
gmm-copy --binary=false $g/mono/final.mdl copy.mdl
gmm-boost-silence --binary=false --boost=1.5 1 $g/mono/final.mdl boosted.mdl
gmm-align-compiled {ALIGN} $g/mono/final.mdl ark:$k/fsts ark:$feats ark,t:ali ark,t:scores
gmm-align-compiled --careful=true {ALIGN} $g/mono/final.mdl ark:$k/fsts ark:$feats ark,t:careful
gmm-decode-faster {DECODE} $g/mono/final.mdl $g/graph/HCLG.fst ark:$feats ark,t:gmm ark,t:gmm_ali
decode-faster-mapped {DECODE} $g/mono/final.mdl $g/graph/HCLG.fst ark:$g/decode/loglikes.ark ark,t:net ark,t:net_ali
ali-to-pdf $g/mono/final.mdl ark:$k/ali ark,t:pdf
ali-to-phones --per-frame=true $g/mono/final.mdl ark:$k/ali ark,t:phones
ali-to-phones --write-lengths=true $g/mono/final.mdl ark:$k/ali ark,t:lengths
copy-int-vector ark:$k/ali ark:ali_binary
hmm-info $g/mono/final.mdl
am-info $g/mono/final.mdl
tree-info $g/mono/tree
show-transitions $g/lang/phones.txt $g/mono/final.mdl
compute-wer --text --mode=all ark:$g/decode/ref39.txt ark:$g/decode/hyp39.0.5.txt
compute-wer --text --mode=present ark:$g/decode/hyp39.1.0.txt ark:$g/decode/ref39.txt
""".strip().splitlines()
# Sums of floats in another order: of a spectrum, and of a Gaussian's frames.
SLACK = {"mfcc": 1e-3, "mfcc_vad": 1e-3, "fbank": 1e-3, "acc": 5e-3, "acc0": 5e-3}
REFUSED = (
    "copy-feats ark:$g/mono/ali.txt ark:no",
    "gmm-info $g/mono/tree",
    "ali-to-pdf $g/mono/final.mdl ark:/no/file ark:no",
    "gmm-acc-stats-ali $g/mono/final.mdl ark:$g/feats/mfcc.ark ark:$g/mono/ali.txt no",
    "compute-mfcc-feats --no-such-option scp:$wav ark:no",
    "feat-to-dim",
)


class Answer(NamedTuple):
    status: int
    written: dict[str, bytes]  # by the file's name; standard output is "-"


class Caller:
    """Calls programs, each time in a folder of its own."""

    def __init__(self, folders: list[Path], work: Path, variables: dict[str, object]):
        self.folders, self.work, self.variables = folders, work, variables

    def __call__(self, line: str) -> Answer:
        words = [string.Template(word).substitute(self.variables) for word in shlex.split(line)]
        (program,) = [folder / words[0] for folder in self.folders if (folder / words[0]).is_file()]
        folder = Path(tempfile.mkdtemp(dir=self.work))
        result = subprocess.run([program, *words[1:]], cwd=folder, capture_output=True)
        assert result.returncode >= 0, result.stderr
        written = {file.name: file.read_bytes() for file in folder.iterdir()}
        return Answer(result.returncode, written | {"-": result.stdout})


@pytest.fixture(scope="module")
def variables(root, golden, tmp_path_factory):
    """The paths that the calls name."""
    work = tmp_path_factory.mktemp("beside")
    wavs = [line.split() for line in (golden / "data/wav.scp").read_text().splitlines()]
    numbers = dict(line.split() for line in (golden / "lang/words.txt").read_text().splitlines())
    texts = [line.split() for line in (golden / "data/text").read_text().splitlines()]
    files = {
        "wav": [f"{utt} {root / path}" for utt, path in wavs],
        "segments": [f"a-1 {wavs[0][0]} 0.25 0.75", f"a-2 {wavs[0][0]} 0.5 1.2345"],
        "one": ["1"],
        "words": [" ".join([utt, *(numbers[word] for word in text)]) for utt, *text in texts],
    }
    for name, lines in files.items():
        (work / name).write_text("".join(f"{line}\n" for line in lines))
    (work / "kaldi").mkdir()
    known = {"feats": golden / "feats/mfcc_cmvn_deltas.ark", "disambig": golden / "lang/disambig.int"}
    return known | {"g": golden, "root": root, "k": work / "kaldi"} | {name: work / name for name in files}


@pytest.fixture(scope="module")
def kaldi(kaldi_root, variables, tmp_path_factory):
    folders = [*kaldi_root.glob("src/*bin"), kaldi_root / "tools/openfst/bin"]
    return Caller(folders, tmp_path_factory.mktemp("kaldi"), variables)


@pytest.fixture(scope="module")
def ours(variables, tmp_path_factory):
    return Caller([Path(sysconfig.get_path("scripts"))], tmp_path_factory.mktemp("ours"), variables)


@pytest.fixture(scope="module")
def kaldis(kaldi, variables):
    """What Kaldi's programs have answered to all calls."""
    answers = {}
    for line in CALLS:
        answers[line] = kaldi(line)
        assert answers[line].status in (0, 1), line
        for name, data in answers[line].written.items():
            if name != "-":
                (variables["k"] / name).write_bytes(data)
    return answers


def words_of(name: str, data: bytes, kaldi_root: Path) -> list[bytes]:
    """The words and numbers of what is written; those of a graph as OpenFst prints them."""
    if name.endswith(".fst"):
        fstprint = kaldi_root / "tools/openfst/bin/fstprint"
        data = subprocess.run(fstprint, input=data, capture_output=True, check=True).stdout
    return data.split()


def differ(ours: bytes, kaldis: bytes, slack: float) -> bool:
    try:
        return not math.isclose(float(ours), float(kaldis), rel_tol=2e-4, abs_tol=slack)
    except ValueError:
        return ours != kaldis


@pytest.mark.parametrize("line", CALLS)
def test_ours_answers_as_kaldis(line, kaldis, ours, kaldi_root):
    found, expected = ours(line), kaldis[line]
    assert found.status == expected.status
    assert found.written.keys() == expected.written.keys()
    for name, data in expected.written.items():
        both = (words_of(name, written, kaldi_root) for written in (found.written[name], data))
        pairs = list(zip(*both, strict=True))
        different = [pair for pair in pairs if differ(*pair, SLACK.get(name, 1e-6))]
        assert not different, f"{name}: {len(different)} of {len(pairs)} words differ: {different[:5]}"


@pytest.mark.parametrize("line", REFUSED)
def test_ours_refuses_what_kaldis_refuses(line, kaldi, ours):
    assert kaldi(line).status != 0
    assert ours(line).status == 1 and not ours(line).written.keys() - {"-"}


def test_every_program_is_called_here(root):
    scripts = tomllib.loads((root / "pyproject.toml").read_text())["project"]["scripts"]
    programs = {name for name, where in scripts.items() if where.startswith("kaldi_programs.")}
    assert programs == {line.split()[0] for line in CALLS}
