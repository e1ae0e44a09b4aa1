"""Every program, every one of its input files, damaged or another file in its place: one line that names the file."""

import importlib

import numpy as np
import pytest

from asrser_io.tables import TableWriter

TOPOLOGY = "".join(
    f"<TopologyEntry> <ForPhones> {phone} </ForPhones> <State> 0 <PdfClass> 0 <Transition> 0 0.5 <Transition> 1 0.5 "
    "</State> <State> 1 </State> </TopologyEntry>\n"
    for phone in (1, 2, 3)
)
LEXICON = "0 0 sil <eps>\n0 0 a a\n0 0 b b\n0 0 #0 #0\n0\n"
ARPA = """\\data\\
ngram 1=4
ngram 2=3

\\1-grams:
-0.6 </s>
-99 <s> -0.3
-0.5 a -0.3
-0.7 b -0.3

\\2-grams:
-0.2 <s> a
-0.3 a b
-0.4 b </s>

\\end\\
"""
# What makes the files, in this order; then each program once more, with its input files in braces
MAKE = """
fstcompile --isymbols=phones.txt --osymbols=words.txt L.txt L.unsorted
fstarcsort --sort-type=olabel L.unsorted L.fst
gmm-init-mono --train-feats=ark:feats topo 3 0.mdl tree
gmm-copy --binary=false 0.mdl text.mdl
compile-train-graphs --read-disambig-syms=disambig.int tree 0.mdl L.fst ark:text.int ark:graphs
align-equal-compiled ark:graphs ark:feats ark:ali
copy-int-vector ark:ali ark,t:ali.txt
gmm-acc-stats-ali 0.mdl ark:feats ark:ali acc
gmm-acc-stats-ali --binary=false 0.mdl ark:feats ark:ali acc.txt
gmm-est --write-occs=occs 0.mdl acc 1.mdl
compute-cmvn-stats --spk2utt=ark:spk2utt ark:feats ark:cmvn
compute-cmvn-stats ark:feats cmvn.global
copy-feats ark:feats ark,t:feats.txt
copy-feats --compress=true ark:feats ark:feats.compressed
arpa2fst --disambig-symbol=#0 --read-symbol-table=words.txt lm.arpa G.fst
fsttablecompose L.fst G.fst LG.fst
fstcomposecontext --context-size=1 --central-position=0 --read-disambig-syms=disambig.int ilabels LG.fst CLG.fst
make-h-transducer --disambig-syms-out=disambig.tid ilabels tree 0.mdl Ha.fst
fsttablecompose Ha.fst CLG.fst HCLGa.eps
fstrmsymbols disambig.tid HCLGa.eps HCLGa.fst
add-self-loops 0.mdl HCLGa.fst HCLG.fst
fstconvert --fst-type=const HCLG.fst HCLG.const
"""
RUNS = """
add-deltas ark:{feats} ark:out
add-self-loops --disambig-syms={disambig.tid} {0.mdl} {HCLGa.fst} out
ali-to-pdf {0.mdl} ark:{ali} ark:out
ali-to-phones --ctm-output=true {text.mdl} ark:{ali.txt} out
align-equal-compiled ark:{graphs} ark:{feats} ark:out
am-info {0.mdl}
apply-cmvn --utt2spk=ark:{utt2spk} ark:{cmvn} ark:{feats} ark:out
apply-cmvn --norm-vars=true {cmvn.global} ark:{feats.txt} ark:out
arpa2fst --disambig-symbol=#0 --read-symbol-table={words.txt} {lm.arpa} out
compile-train-graphs --read-disambig-syms={disambig.int} {tree} {0.mdl} {L.fst} ark:{text.int} ark:out
compute-cmvn-stats --spk2utt=ark:{spk2utt} ark:{feats} ark:out
compute-fbank-feats --config={fbank.conf} scp:{wav.scp} ark:out
compute-mfcc-feats --config={fbank.conf} scp:{wav.scp} ark:out
compute-vad ark:{feats} ark:out
compute-wer ark:{text} ark:{text}
copy-feats ark:{feats.compressed} ark:out
copy-int-vector ark:{ali} ark:out
decode-faster-mapped --word-symbol-table={words.txt} {0.mdl} {HCLG.fst} ark:{loglikes} ark:out
extract-segments scp:{wav.scp} {segments} ark:out
feat-to-dim ark:{feats} ark:out
feat-to-len ark:{feats} ark:out
fstaddselfloops {disambig.int} {disambig.int} {L.fst} out
fstarcsort {G.fst} out
fstcompile --isymbols={phones.txt} --osymbols={words.txt} {L.txt} out
fstcomposecontext --context-size=1 --central-position=0 --read-disambig-syms={disambig.int} out2 {LG.fst} out
fstconvert {HCLG.const} out
fstdeterminizestar {G.fst} out
fstisstochastic {G.fst}
fstminimizeencoded {G.fst} out
fstprint --isymbols={phones.txt} --osymbols={words.txt} {L.fst} out
fstpushspecial {G.fst} out
fstrmepslocal {LG.fst} out
fstrmsymbols {disambig.int} {LG.fst} out
fsttablecompose {L.fst} {G.fst} out
gmm-acc-stats-ali {0.mdl} ark:{feats} ark:{ali} out
gmm-align-compiled {0.mdl} ark:{graphs} ark:{feats} ark:out
gmm-boost-silence 1 {0.mdl} out
gmm-copy {text.mdl} out
gmm-est --mix-up=9 {0.mdl} {acc} out
gmm-info {0.mdl}
gmm-init-mono --train-feats=ark:{feats} --shared-phones={sets} {topo} 3 out out2
gmm-sum-accs out {acc} {acc.txt}
hmm-info {text.mdl}
make-h-transducer {ilabels} {tree} {0.mdl} out
show-transitions {phones.txt} {0.mdl} {occs}
subset-feats --include={keys} ark:{feats} ark:out
tree-info {tree}
"""
TEXTS = {
    "topo": f"<Topology>\n{TOPOLOGY}</Topology>\n",
    "phones.txt": "<eps> 0\nsil 1\na 2\nb 3\n#0 4\n",
    "words.txt": "<eps> 0\na 1\nb 2\n#0 3\n<s> 4\n</s> 5\n",
    "disambig.int": "4\n",
    "L.txt": LEXICON,
    "lm.arpa": ARPA,
    "text": "s-u1 a b\ns-u2 b a\n",
    "text.int": "s-u1 1 2\ns-u2 2 1 2 1 1\n",
    "utt2spk": "s-u1 s\ns-u2 s\n",
    "spk2utt": "s s-u1 s-u2\n",
    "keys": "s-u1\ns-u2\n",
    "sets": "1 2\n3\n",
    "fbank.conf": "--num-mel-bins=20\n--dither=0\n",
    "wav.scp": "s-r1 r1.wav\n",
    "segments": "s-u1 s-r1 0.1 0.4\ns-u2 s-r1 0.5 0.9\n",
}
KINDS = (  # of the files of MAKE: what may stand for another
    {"0.mdl", "1.mdl", "text.mdl"},
    {"L.fst", "G.fst", "LG.fst", "HCLGa.fst", "HCLG.fst", "HCLG.const"},
    {"feats", "feats.txt", "feats.compressed"},
    {"acc", "acc.txt"},
)
DAMAGES = {
    "empty": lambda content, files: b"",
    "half of it": lambda content, files: content[: len(content) // 2],
    "without its end": lambda content, files: content[: len(content) - len(content) // 8 - 1],
    "noise": lambda content, files: np.random.default_rng(1).bytes(3000),
    "zeros": lambda content, files: bytes(len(content)),
    "all bits set": lambda content, files: content[:2] + b"\xff" * len(content),
    "UTF-16": lambda content, files: "1 2 3\n".encode("utf-16"),
    "Latin-1": lambda content, files: b"\xe9t\xe9 1 2 3\n" * 20,
    **{other: lambda content, files, other=other: files[other] for other in ("1.mdl", "HCLG.fst", "feats", "acc",
                                                                             "tree", "text", "ali.txt")},
}  # fmt: skip


def run(line: str) -> int:
    name, *arguments = line.split()
    return importlib.import_module(f"kaldi_programs.{name.replace('-', '_')}").main(arguments)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """name → bytes of every input that a program can have"""
    import soundfile

    folder = tmp_path_factory.mktemp("good")
    rng = np.random.default_rng(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, text in TEXTS.items():
            (folder / name).write_text(text)
        soundfile.write("r1.wav", rng.uniform(-0.1, 0.1, 16000), 16000)
        with TableWriter("ark:feats", "matrix") as feats, TableWriter("ark:loglikes", "matrix") as loglikes:
            for key, frames in (("s-u1", 20), ("s-u2", 31)):
                feats.write(key, rng.normal(8, 3, size=(frames, 3)).astype(np.float32))
                loglikes.write(key, rng.normal(size=(frames, 3)).astype(np.float32))
        for line in MAKE.strip().splitlines():
            assert run(line) == 0, line
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("line", RUNS.strip().splitlines(), ids=str.split)
def test_whatever_stands_in_the_place_of_an_input_is_one_line_that_names_it(
    line, files, tmp_path, monkeypatch, capfd
):
    monkeypatch.chdir(tmp_path)
    inputs = [word.partition("}")[0] for word in line.split("{")[1:]]
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    before = set(tmp_path.iterdir())
    good = line.replace("{", "").replace("}", "")
    assert run(good) == line.startswith("fstisstochastic"), capfd.readouterr().err
    made = {path.name: path.read_bytes() for path in set(tmp_path.iterdir()) - before}
    for name in dict.fromkeys(inputs):
        for damage, change in DAMAGES.items():
            damaged = change(files[name], files)
            if damaged == files[name] or any({name, damage} <= kind for kind in KINDS):
                continue
            (tmp_path / "damaged").write_bytes(damaged)
            for path in set(tmp_path.iterdir()) - before - {tmp_path / "damaged"}:
                path.unlink()
            capfd.readouterr()
            status = run(line.replace(f"{{{name}}}", "damaged").replace("{", "").replace("}", ""))
            out, messages = capfd.readouterr()
            left = {path.name: path.read_bytes() for path in set(tmp_path.iterdir()) - before} | {"damaged": b""}
            where = f"{name}: {damage}: {messages}"
            assert "Traceback" not in messages and "Warning:" not in messages, where
            assert not [path for path in left if path.endswith(".tmp")], where
            if status and not line.startswith("fstisstochastic"):
                (error,) = (text for text in messages.splitlines() if text.startswith("ERROR ("))
                # Of a script the entry is named, and the file that it leads to.
                assert status == 1 and ("damaged" in error or (name == "wav.scp" and "): cannot read" in error)), where
                assert "out" not in left or "nothing done" in error, where
            if status == 0 and name not in TEXTS and "WARNING" not in messages:
                assert {**made, "damaged": b""} == left, where
