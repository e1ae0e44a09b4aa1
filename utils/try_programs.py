"""Run every Kaldi program that the stages call, and the network, on a tiny input; called by utils/doctor.py.

Two sentences of noise and buzz go the way that a corpus goes: features, monophone model, alignment, graph, decoding.
What comes out is known beforehand, so that a program which has the name but does something else is found out.
"""

import os
import re
import shlex
import shutil
import subprocess
import tomllib
import wave
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from threading import Semaphore
from typing import Any, NamedTuple

import numpy as np

from asrser_io.files import Failure
from asrser_io.tables import read_table

ROOT = Path(__file__).resolve().parent.parent
TIME_LIMIT = 120  # seconds for one program: some wheels, when they do not fit together, hang instead of failing


def programs_of_stages() -> list[str]:
    """The Kaldi programs that the scripts of the stages call: names of pyproject.toml that occur in them."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    files = [file for folder in ("steps", "utils", "local", "recipe") for file in (ROOT / folder).rglob("*.sh")]
    words = set(re.findall(r"[\w-]+", "\n".join(file.read_text() for file in files)))
    return sorted(name for name, code in scripts.items() if code.startswith("kaldi_programs.") and name in words)


# ---- The input: phones sil 1, a 2, b 3 with three states each; words a 1, b 2, sil 3

SENTENCES = {"tiny_1": "sil a b sil", "tiny_2": "sil b a sil"}
PDFS = {"sil": (0, 1, 2), "a": (3, 4, 5), "b": (6, 7, 8)}
WORD_IDS = {"a": 1, "b": 2, "sil": 3}
PHONE_SAMPLES = 4800  # 0.3 s
NUM_FRAMES = (4 * PHONE_SAMPLES - 400) // 160 + 1  # windows of 400 samples, every 160
TRANSCRIPTS = {utt: [WORD_IDS[word] for word in words.split()] for utt, words in SENTENCES.items()}
TRUE_PDFS = {  # four phones' three states, each as long as the others
    utt: [pdf for word in words.split() for pdf in PDFS[word] for _ in range(10)][:NUM_FRAMES]
    for utt, words in SENTENCES.items()
}
SYMBOLS = "<eps> 0\n{} 1\n{} 2\n{} 3\n#0 4\n"
TOPOLOGY = """<Topology> <TopologyEntry> <ForPhones> 1 2 3 </ForPhones>
<State> 0 <PdfClass> 0 <Transition> 0 0.75 <Transition> 1 0.25 </State>
<State> 1 <PdfClass> 1 <Transition> 1 0.75 <Transition> 2 0.25 </State>
<State> 2 <PdfClass> 2 <Transition> 2 0.75 <Transition> 3 0.25 </State>
<State> 3 </State> </TopologyEntry> </Topology>
"""
BIGRAM = """\\data\\
ngram 1=5
ngram 2=2

\\1-grams:
-0.7 </s>
-99 <s> -0.3
-0.7 a -0.3
-0.7 b -0.3
-0.7 sil -0.3

\\2-grams:
-0.3 <s> sil
-0.3 sil </s>

\\end\\
"""


def write_input(folder: Path) -> None:
    """The recording and all that is not made by a program."""
    random = np.random.default_rng(1)
    time = np.arange(PHONE_SAMPLES) / 16000
    sound = {
        "sil": lambda: random.normal(0, 20, PHONE_SAMPLES),
        "a": lambda: 3000 * np.sign(np.sin(2 * np.pi * 150 * time)) + random.normal(0, 100, PHONE_SAMPLES),
        "b": lambda: random.normal(0, 3000, PHONE_SAMPLES),
    }
    samples = np.concatenate([sound[word]() for words in SENTENCES.values() for word in words.split()])
    with wave.open(str(folder / "tiny.wav"), "wb") as recording:
        recording.setparams((1, 2, 16000, 0, "NONE", ""))
        recording.writeframes(samples.astype("<i2").tobytes())
    scores = {utt: np.where(np.array(pdfs)[:, None] == np.arange(9), 0, -10) for utt, pdfs in TRUE_PDFS.items()}
    files = {
        "wav.scp": "tiny tiny.wav\n",
        "segments": "tiny_1 tiny 0.0 1.2\ntiny_2 tiny 1.2 2.4\n",
        "utt2spk": "tiny_1 tiny\ntiny_2 tiny\n",
        "spk2utt": "tiny tiny_1 tiny_2\n",
        "energies": "tiny_1 [\n" + "5\n" * 3 + "15\n" * 3 + "]\n",  # the threshold is 5 + half the mean: 10
        "text": integer_table(TRANSCRIPTS),
        "misheard": integer_table(TRANSCRIPTS | {"tiny_1": [3, 1, 1, 3]}),
        "labels": integer_table(TRUE_PDFS),
        "scores": "".join(
            f"{utt} [\n" + "".join(" ".join(map(str, row)) + "\n" for row in matrix) + "]\n"
            for utt, matrix in scores.items()
        ),
        "phones.txt": SYMBOLS.format("sil", "a", "b"),
        "words.txt": SYMBOLS.format("a", "b", "sil") + "<s> 5\n</s> 6\n",
        "topo": TOPOLOGY,
        "sets.int": "1\n2\n3\n",
        "disambig.int": "4\n",
        "lexicon": "".join(f"0 0 {word} {word}\n" for word in ("a", "b", "sil", "#0")) + "0\n",
        "bigram.arpa": BIGRAM,
    }
    for name, text in files.items():
        (folder / name).write_text(text)


def integer_table(table: dict[str, list[int]]) -> str:
    return "".join(f"{key} {' '.join(map(str, values))}\n" for key, values in table.items())


# ---- The trials


class Trial(NamedTuple):
    """A command, the files that it makes, and what they must hold.

    No shell runs the command, which may end in "> file"; CONF is the folder conf. A trial that names a file which an
    earlier one makes waits for that one. found, given the folder of the files, must return what is expected.
    """

    command: str
    made: str
    found: Callable[[Path], Any] = lambda folder: None
    expected: Any = None

    @property
    def program(self) -> str:
        return self.command.split()[0]


def table(name: str, kind: str, summary: Callable[[Any], Any]) -> Callable[[Path], dict[str, Any]]:
    return lambda folder: {key: summary(value) for key, value in read_table(f"ark:{folder / name}", kind)}


def of_each(value: Any) -> dict[str, Any]:
    return dict.fromkeys(SENTENCES, value)


def number(name: str, words: str) -> Callable[[Path], list[str]]:
    """The numbers after these words in what a program printed."""
    return lambda folder: re.findall(rf"^{words} *(\d+)$", (folder / name).read_text(), re.MULTILINE)


def frames_and_columns(feats: np.ndarray) -> tuple:
    """The shape of the features, and whether the middle is louder than the beginning, as it is in both sentences."""
    return (*feats.shape, bool(feats[40:80, 0].mean() > feats[:20, 0].mean()))


def states_and_accuracy(folder: Path) -> dict[str, tuple]:
    """Of each sentence the states in their order, and whether nine frames of ten are in the right phone."""
    answer = {}
    for utt, pdfs in read_table(f"ark:{folder / 'pdfs'}", "int_vector"):
        num_right = int((pdfs // 3 == np.array(TRUE_PDFS[utt]) // 3).sum())
        answer[utt] = [pdf for pdf, _ in groupby(pdfs.tolist())], num_right >= 0.9 * NUM_FRAMES
    return answer


SCALES = "--transition-scale=1.0 --acoustic-scale=0.1 --self-loop-scale=0.1"
TRIALS = [
    # Features
    Trial("extract-segments scp:wav.scp segments ark:waves", "waves",
          table("waves", "wave", lambda sound: np.shape(sound[1])), of_each((1, 4 * PHONE_SAMPLES))),
    Trial("compute-mfcc-feats --config=CONF/mfcc.conf ark:waves ark:raw_mfcc", "raw_mfcc",
          table("raw_mfcc", "matrix", frames_and_columns), of_each((NUM_FRAMES, 13, True))),
    Trial("compute-fbank-feats --config=CONF/fbank.conf ark:waves ark,scp:fbank,fbank_scp",
          "fbank fbank_scp",
          table("fbank", "matrix", frames_and_columns), of_each((NUM_FRAMES, 40, True))),
    Trial("copy-feats --compress=true --write-num-frames=ark,t:frames ark:raw_mfcc ark,scp:mfcc,mfcc_scp",
          "mfcc_scp frames", table("frames", "int", int), of_each(NUM_FRAMES)),
    Trial("compute-cmvn-stats --spk2utt=ark:spk2utt scp:mfcc_scp ark:cmvn", "cmvn",
          table("cmvn", "double_matrix", lambda stats: stats[0, -1]), {"tiny": 2 * NUM_FRAMES}),
    Trial("apply-cmvn --utt2spk=ark:utt2spk ark:cmvn scp:mfcc_scp ark:centred", "centred",
          lambda folder: round(sum(table("centred", "matrix", np.sum)(folder).values()), 1), 0.0),
    Trial("add-deltas ark:centred ark:feats", "feats",
          table("feats", "matrix", frames_and_columns), of_each((NUM_FRAMES, 39, True))),
    Trial("feat-to-dim ark:feats - > dim", "dim", number("dim", ""), ["39"]),
    Trial("subset-feats --n=1 ark:feats ark:first", "first", table("first", "matrix", len), {"tiny_1": NUM_FRAMES}),
    Trial("compute-vad --config=CONF/vad.conf ark:energies ark:vad", "vad",
          table("vad", "vector", list), {"tiny_1": [0, 0, 0, 1, 1, 1]}),
    # The network
    Trial("asrser_nn train --device DEVICE --threads 1 --channels 2,2 --hidden 8,8 --batch-size 64 --max-epochs 1 "
          "'scp:head -n 1 fbank_scp |' 'ark:head -n 1 labels |' "
          "'scp:tail -n 1 fbank_scp |' 'ark:tail -n 1 labels |' network", "network/final.pt"),
    # A monophone model and its alignment
    Trial("gmm-init-mono --shared-phones=sets.int --train-feats=ark:first topo 39 flat.mdl tree", "flat.mdl tree"),
    Trial("tree-info tree > tree_info", "tree_info", number("tree_info", "context-width"), ["1"]),
    Trial("gmm-info flat.mdl > gmm_info", "gmm_info", number("gmm_info", "number of gaussians"), ["9"]),
    Trial("am-info flat.mdl > am_info", "am_info", number("am_info", "number of pdfs"), ["9"]),
    Trial("hmm-info flat.mdl > hmm_info", "hmm_info", number("hmm_info", "number of pdfs"), ["9"]),
    Trial("fstcompile --isymbols=phones.txt --osymbols=words.txt lexicon unsorted.fst", "unsorted.fst"),
    Trial("fstarcsort --sort_type=olabel unsorted.fst L.fst", "L.fst"),
    Trial("compile-train-graphs --read-disambig-syms=disambig.int tree flat.mdl L.fst 'ark:cat text |' ark:graphs",
          "graphs"),
    Trial("align-equal-compiled ark:graphs ark:feats ark:equal_ali", "equal_ali",
          table("equal_ali", "int_vector", len), of_each(NUM_FRAMES)),
    Trial("gmm-acc-stats-ali flat.mdl ark:feats ark:equal_ali acc", "acc"),
    Trial("gmm-sum-accs sum acc acc", "sum"),
    Trial("gmm-est --min-gaussian-occupancy=3 --mix-up=12 --power=0.25 flat.mdl sum final.mdl", "final.mdl"),
    Trial("gmm-boost-silence --boost=1.5 1 final.mdl boosted.mdl", "boosted.mdl"),
    Trial(f"gmm-align-compiled {SCALES} --beam=10 --retry-beam=40 boosted.mdl ark:graphs ark:feats ark,t:ali", "ali",
          table("ali", "int_vector", len), of_each(NUM_FRAMES)),
    Trial("ali-to-pdf final.mdl ark:ali ark:pdfs", "pdfs", states_and_accuracy,
          {utt: ([pdf for pdf, _ in groupby(pdfs)], True) for utt, pdfs in TRUE_PDFS.items()}),
    Trial("ali-to-phones final.mdl ark:ali ark:spoken", "spoken", table("spoken", "int_vector", list),
          {utt: [PDFS[word][-1] // 3 + 1 for word in words.split()] for utt, words in SENTENCES.items()}),
    # A graph
    Trial("arpa2fst --disambig-symbol=#0 --read-symbol-table=words.txt bigram.arpa G.fst", "G.fst"),
    Trial("fsttablecompose L.fst G.fst LG_raw.fst", "LG_raw.fst"),
    Trial("fstdeterminizestar --use-log=true LG_raw.fst LG_det.fst", "LG_det.fst"),
    Trial("fstminimizeencoded LG_det.fst LG_min.fst", "LG_min.fst"),
    Trial("fstpushspecial LG_min.fst LG.fst", "LG.fst"),
    Trial("fstcomposecontext --context-size=1 --central-position=0 --read-disambig-syms=disambig.int "
          "--write-disambig-syms=disambig_ilabels ilabels LG.fst CLG_raw.fst", "CLG_raw.fst ilabels"),
    Trial("fstarcsort --sort_type=ilabel CLG_raw.fst CLG.fst", "CLG.fst"),
    Trial("make-h-transducer --disambig-syms-out=disambig_tids ilabels tree final.mdl H.fst", "H.fst disambig_tids"),
    Trial("fsttablecompose H.fst CLG.fst HCLG_raw.fst", "HCLG_raw.fst"),
    Trial("fstrmsymbols disambig_tids HCLG_raw.fst HCLG_rm.fst", "HCLG_rm.fst"),
    Trial("fstrmepslocal HCLG_rm.fst HCLG_eps.fst", "HCLG_eps.fst"),
    Trial("add-self-loops --self-loop-scale=0.1 --reorder=true final.mdl HCLG_eps.fst HCLG_loops.fst",
          "HCLG_loops.fst"),
    Trial("fstconvert --fst_type=const HCLG_loops.fst HCLG.fst", "HCLG.fst"),
    # Decoding and scoring
    Trial("gmm-decode-faster --acoustic-scale=0.1 --beam=13 final.mdl HCLG.fst ark:feats ark:heard", "heard",
          table("heard", "int_vector", list), TRANSCRIPTS),
    Trial("decode-faster-mapped --acoustic-scale=1.0 --beam=13 final.mdl HCLG.fst ark:scores ark:words", "words",
          table("words", "int_vector", list), TRANSCRIPTS),
    Trial("compute-wer --text --mode=all ark:text ark:misheard > wer", "wer",
          lambda folder: (folder / "wer").read_text().splitlines()[:1], ["%WER 12.50 [ 1 / 8, 0 ins, 0 del, 1 sub ]"]),
]  # fmt: skip


# ---- Running them


class Answer(NamedTuple):
    program: str
    fault: str  # what is wrong, '' for nothing
    tried: bool = True  # False where another program's fault left no input


def try_programs(folder: Path, device: str = "auto") -> list[Answer]:
    """Run all trials in an empty folder, those that do not wait for each other at the same time."""
    write_input(folder)
    slots = Semaphore(os.cpu_count() or 1)
    made_by: dict[str, Future[Answer]] = {}

    def attempt(trial: Trial, inputs: list[Future[Answer]]) -> Answer:
        if any(answer.fault or not answer.tried for answer in [future.result() for future in inputs]):
            return Answer(trial.program, "", tried=False)
        with slots:
            return Answer(trial.program, fault_of(trial, folder, device))

    with ThreadPoolExecutor(len(TRIALS)) as pool:
        answers = []
        for trial in TRIALS:
            words = re.split(r"[\s=:,]+", trial.command)
            answers.append(pool.submit(attempt, trial, [made_by[word] for word in words if word in made_by]))
            made_by |= dict.fromkeys(trial.made.split(), answers[-1])
    return [answer.result() for answer in answers]


def fault_of(trial: Trial, folder: Path, device: str) -> str:
    """Run one trial; what is wrong with it, '' for nothing."""
    command, _, stdout = trial.command.replace("CONF", str(ROOT / "conf")).replace("DEVICE", device).partition(" > ")
    if not (path := shutil.which(trial.program)):
        return "is not on PATH"
    try:
        with open(folder / (stdout or os.devnull), "wb") as output:
            done = subprocess.run(
                [os.path.abspath(path), *shlex.split(command)[1:]],  # PATH may hold folders relative to this one
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                timeout=TIME_LIMIT,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
            )
    except OSError as error:
        return f"cannot be started: {error.strerror}"
    except subprocess.TimeoutExpired:
        return f"did not end within {TIME_LIMIT} s"
    if done.returncode != 0:
        return f"ends with status {done.returncode}: {telling_line(done.stderr.decode(errors='replace'))}"
    for name in trial.made.split():
        if not (folder / name).is_file() or (folder / name).stat().st_size == 0:
            return "ends without an error, but writes nothing: another program of that name?"
    try:
        found = trial.found(folder)
    except (Failure, ValueError, KeyError, IndexError) as error:
        return f"writes what cannot be read ({error}): another program of that name?"
    if found != trial.expected:
        return f"answers {shortened(found)} where {shortened(trial.expected)} is right"
    return ""


def telling_line(stderr: str) -> str:
    """The last line that says ERROR, which Kaldi follows up with a stack trace, or else the last one."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()] or ["(it says nothing)"]
    return next((line for line in reversed(lines) if "ERROR" in line), lines[-1])


def shortened(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 150 else f"{text[:147]}..."
