"""Alignment and decoding where transcripts have no silence, against Kaldi's alignment with the silence in them."""

import shutil
import subprocess

import numpy as np
import pytest

from asrser_io.tables import read_table
from kaldi_programs.ali_to_pdf import main as ali_to_pdf
from kaldi_programs.copy_feats import main as copy_feats


def succeed(*command):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def work(root, golden, tmp_path_factory):
    """16 sentences of TIMIT without the silences of their transcripts, and Kaldi's monophones."""
    work = tmp_path_factory.mktemp("work")
    data, mono = work / "data", work / "mono"
    shutil.copytree(golden / "data", data)
    lines = [line.split() for line in (data / "text").read_text().splitlines()]
    phones = {phone for _, *spoken in lines for phone in spoken}
    all_phones = {line.split()[0] for line in (golden / "lang/words.txt").read_text().splitlines()[1:49]}
    assert "sil" in phones
    (data / "text").write_text("".join(" ".join(w for w in line if w != "sil") + "\n" for line in lines))
    (work / "phones").write_text("".join(f"{phone}\n" for phone in all_phones - {"sil"}))
    succeed(root / "utils/prepare_lang.sh", "--silence-prob", "0.1", work / "phones", work / "lang")
    mono.mkdir()
    for name in ("tree", "final.mdl"):
        shutil.copy(golden / "mono" / name, mono)
    shutil.copy(work / "lang/phones.txt", mono)
    assert copy_feats([f"ark:{golden}/feats/mfcc.ark", f"ark,scp:{work}/mfcc.ark,{data}/feats.scp"]) == 0
    succeed(root / "steps/compute_cmvn_stats.sh", data)
    return work


def test_the_lexicon_puts_silence_where_it_is_heard(work, root, golden):
    align = [root / "steps/align_si.sh", "--nj", "1", "--retry-beam", "400"]
    succeed(*align, work / "data", work / "lang", work / "mono", work / "ali")
    assert ali_to_pdf([f"{work}/ali/final.mdl", f"ark:gunzip -c {work}/ali/ali.*.gz |", f"ark:{work}/pdf.ark"]) == 0
    ours = dict(read_table(f"ark:{work}/pdf.ark", "int_vector"))
    assert len(ours) == 16
    kaldis = dict(read_table(f"ark:{golden}/mono/pdf.txt", "int_vector"))
    ours_joined, kaldis_joined = (np.concatenate([table[utt] for utt in kaldis]) for table in (ours, kaldis))
    assert np.mean(ours_joined == kaldis_joined) > 0.95
    ours_silent, kaldis_silent = ours_joined < 3, kaldis_joined < 3  # silence is the first phone, of three states
    assert np.mean(ours_silent[kaldis_silent]) > 0.95
    assert np.mean(ours_silent[~kaldis_silent]) < 0.02


def test_silence_is_decoded_but_is_no_word(work, root, golden):
    train = [root / "steps/train_bigram.py", "--vocabulary", work / "phones", work / "data/text", work / "bigram.arpa"]
    succeed("python", *train)
    succeed(root / "utils/make_grammar.sh", work / "bigram.arpa", work / "lang")
    succeed(root / "utils/mkgraph.sh", work / "lang", work / "mono", work / "graph")
    decode = [root / "steps/decode_best_path.sh", "--nj", "1", "--scales", "0.1"]
    succeed(*decode, work / "graph", work / "data", work / "mono/decode")
    succeed(root / "local/score.sh", "--phone-map", "", work / "data", work / "graph", work / "mono/decode")
    assert "sil" not in (work / "mono/decode/scoring/hyp_0.1").read_text().split()
    # 48.5; Kaldi's own figure on them is 42.3 with silence, which is easily recognised, in the transcripts and scored.
    assert float((work / "mono/decode/best_wer").read_text().split()[1]) < 55
