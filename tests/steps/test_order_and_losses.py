"""Whatever the names of speakers and the numbers of jobs, the steps use every sentence, or say which ones they lost."""

import gzip
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from asrser_io.tables import read_table

TRAIN = ["--num-iters", "2", "--max-iter-inc", "1", "--totgauss", "12"]


def keys(file: Path) -> list[str]:
    return [line.split()[0] for line in file.read_text().splitlines()]


def alignments(folder: Path) -> dict[str, str]:
    text = "".join(gzip.decompress(part.read_bytes()).decode() for part in folder.glob("ali.*.gz"))
    return dict(line.split(maxsplit=1) for line in text.splitlines())


@pytest.fixture(scope="module")
def work(root, make_corpus, succeed, tmp_path_factory):
    """Six sentences of s1, s10 and s2 with features, normalisation, lang and a model."""
    work = tmp_path_factory.mktemp("work")
    make_corpus(work / "data", ["s1", "s10", "s2"])
    (work / "phones").write_text("a\nm\nsil\n")
    succeed(root / "utils/prepare_lang.sh", work / "phones", work / "lang")
    succeed("python", root / "steps/train_bigram.py", work / "data/text", work / "lang/bigram.arpa")
    succeed(root / "utils/make_grammar.sh", work / "lang/bigram.arpa", work / "lang")
    make_features(root, succeed, work / "data", 3)
    succeed(root / "steps/train_mono.sh", "--nj", 1, *TRAIN, work / "data", work / "lang", work / "mono")
    succeed(root / "utils/mkgraph.sh", work / "lang", work / "mono", work / "mono/graph")
    return work


def make_features(root, succeed, data, nj):
    succeed(root / "steps/make_mfcc.sh", "--nj", nj, "--mfcc-config", root / "conf/mfcc.conf", data)
    succeed(root / "steps/compute_cmvn_stats.sh", data)


@pytest.fixture
def data(work, tmp_path) -> Path:
    """A copy of the data directory, to be spoilt."""
    return Path(shutil.copytree(work / "data", tmp_path / "data"))


def commands(root, work, data, out) -> dict[str, list[object]]:
    """A call of every step that reads a data directory, one job."""
    one = ["--nj", 1]
    return {
        "make_mfcc": [root / "steps/make_mfcc.sh", *one, "--mfcc-config", root / "conf/mfcc.conf", data],
        "make_vad": [root / "steps/make_vad.sh", *one, "--vad-config", root / "conf/vad.conf", data],
        "compute_cmvn_stats": [root / "steps/compute_cmvn_stats.sh", data],
        "train_mono": [root / "steps/train_mono.sh", *one, *TRAIN, data, work / "lang", out],
        "align_si": [root / "steps/align_si.sh", *one, data, work / "lang", work / "mono", out],
        "decode": [root / "steps/decode_best_path.sh", *one, "--scales", "0.1", work / "mono/graph", data, out],
    }


STEPS = ["make_mfcc", "make_vad", "compute_cmvn_stats", "train_mono", "align_si", "decode"]


@pytest.mark.parametrize("speakers, separator", [(["s1", "s10", "s2"], "-"), (["z", "ä", "äb"], ".")])
def test_any_number_of_jobs_makes_the_same_sorted_features(root, make_corpus, succeed, tmp_path, speakers, separator):
    data = tmp_path / "data"
    utts = make_corpus(data, speakers, separator)
    first = None
    for nj in (3, 2, 1):
        make_features(root, succeed, data, nj)
        succeed(root / "steps/make_vad.sh", "--nj", nj, "--vad-config", root / "conf/vad.conf", data)
        for file in ("feats.scp", "utt2num_frames", "vad.scp"):
            assert keys(data / file) == utts
        assert keys(data / "cmvn.scp") == speakers
        feats = dict(read_table(f"scp:{data}/feats.scp", "matrix"))
        first = first or feats
        assert all(np.array_equal(feats[utt], first[utt]) for utt in utts)
        # Of a run with more jobs nothing is left.
        assert sorted(file.name for file in (data / "data").glob("raw*")) == [
            f"raw_mfcc_data.{job}.ark" for job in range(1, nj + 1)
        ]


def test_a_model_and_its_alignments_do_not_depend_on_the_jobs_of_the_steps_before(root, work, succeed, data):
    assert len(alignments(work / "mono")) == 6
    make_features(root, succeed, data, 1)
    result = succeed(root / "steps/train_mono.sh", "--nj", 1, *TRAIN, data, work / "lang", data / "mono")
    assert "trained on 6 of 6 sentences" in result.stdout and "lost" not in result.stderr
    assert (data / "mono/final.mdl").read_bytes() == (work / "mono/final.mdl").read_bytes()
    assert alignments(data / "mono") == alignments(work / "mono")
    for nj in (1, 2, 3):
        succeed(root / "steps/align_si.sh", "--nj", nj, data, work / "lang", work / "mono", data / f"ali{nj}")
        assert alignments(data / f"ali{nj}") == alignments(data / "ali1") and len(alignments(data / "ali1")) == 6


@pytest.mark.parametrize("step", STEPS)
def test_every_step_refuses_utterances_that_are_not_in_the_order_of_speakers(root, work, run, data, tmp_path, step):
    for name in ("utt2spk", "spk2utt", "text", "wav.scp", "feats.scp", "utt2num_frames"):
        lines = [line.replace("-u", "_u") for line in (data / name).read_text().splitlines()]
        (data / name).write_text("".join(f"{line}\n" for line in sorted(lines)))
    (data / "spk2utt").write_text("s1 s1_u0 s1_u1\ns10 s10_u0 s10_u1\ns2 s2_u0 s2_u1\n")
    before = {file: file.read_bytes() for file in data.rglob("*") if file.is_file()}
    out = work / "mono/out" if step == "decode" else tmp_path / "out"
    result = run(*commands(root, work, data, out)[step])
    assert result.returncode == 1 and not out.exists()
    assert (
        f"{data}/utt2spk, line 3: s1_u0 comes after s10_u1, but its speaker s1 sorts before s10; Kaldi's tools want "
        "utterances in the order of speakers: name them <speaker>-<…>, or give the speakers names of equal length"
    ) in result.stderr
    after = {file: file.read_bytes() for file in data.rglob("*") if file.is_file() and file not in before}
    assert all(file.read_bytes() == content for file, content in before.items())
    assert not [file for file in after if file.suffix in (".ark", ".scp")]


@pytest.mark.parametrize("step", ["train_mono", "align_si"])
def test_a_word_that_the_lang_directory_has_not_is_an_error_unless_mapped(root, work, run, data, tmp_path, step):
    text = (data / "text").read_text().replace("a m", "zz m", 2).replace("m sil", "m qq", 1)
    (data / "text").write_text(text)
    command = commands(root, work, data, tmp_path / "out")[step]
    result = run(*command)
    words = f"the word zz is not in {work}/lang/words.txt; in all 3 words, 2 different ones, are not: zz (2) qq (1)"
    assert result.returncode == 1
    assert f"{data}/text, s1-u0: {words}; correct them, or map them with --map-oov" in result.stderr
    assert not (tmp_path / "out").exists()
    result = run(*command[:1], "--map-oov", "true", "--max-lost", 1, *command[1:])
    assert f"warning: {data}/text, s1-u0: {words}; they become" in result.stderr


@pytest.mark.parametrize("step", ["train_mono", "align_si"])
def test_line_ends_of_windows_are_refused_by_file_and_line(root, work, run, data, tmp_path, step):
    (data / "text").write_text((data / "text").read_text().replace("\n", "\r\n"))
    result = run(*commands(root, work, data, tmp_path / "out")[step])
    assert result.returncode == 1 and not (tmp_path / "out").exists()
    assert f"{data}/text, line 1: a carriage return" in result.stderr


def lose(data: Path, utts: list[str]) -> None:
    """Take the features of some utterances away."""
    lines = (data / "feats.scp").read_text().splitlines()
    (data / "feats.scp").write_text("".join(f"{line}\n" for line in lines if line.split()[0] not in utts))


@pytest.mark.parametrize(
    "step, lost_text, kept_text",
    [
        ("train_mono", "5 of 6 sentences in {data} aligned", "trained on 5 of 6 sentences"),
        ("align_si", "5 of 6 sentences in {data} aligned", ""),
        ("decode", "5 of 6 utterances of {data} decoded", ""),
    ],
)
def test_more_lost_sentences_than_allowed_are_an_error_and_fewer_a_warning(
    root, work, run, succeed, data, step, lost_text, kept_text
):
    lose(data, ["s10-u1"])
    text = lost_text.format(data=data) + "; lost: s10-u1; see "
    out = data / "mono/decode" if step == "decode" else data / "mono"
    if step == "decode":
        shutil.copytree(work / "mono", data / "mono")
    command = commands(root, work, data, out)[step]
    mark = out / ("scale_0.1/words.txt" if step == "decode" else "final.mdl")
    result = run(*command)
    assert result.returncode == 1 and f"{text}{out}/log/" in result.stderr and not mark.exists()
    assert "no more than the part 0.05 of them may be lost" in result.stderr
    result = succeed(*command[:1], "--max-lost", "0.17", *command[1:])
    assert f"warning: {text}" in result.stderr and kept_text in result.stdout and mark.exists()


def test_half_of_the_sentences_lost_is_an_error(root, work, run, data, tmp_path):
    lose(data, ["s10-u1", "s2-u0", "s2-u1"])
    (data / "cmvn.scp").write_text("".join((data / "cmvn.scp").read_text().splitlines(True)[:2]))
    result = run(*commands(root, work, data, tmp_path / "out")["train_mono"])
    assert result.returncode == 1
    assert f"3 of 6 sentences in {data} aligned; lost: s10-u1 s2-u0 s2-u1; see " in result.stderr


def test_a_speaker_without_features_is_named(root, work, run, data):
    lose(data, ["s2-u0", "s2-u1"])
    result = run(root / "steps/compute_cmvn_stats.sh", data)
    assert result.returncode == 1 and f"sums for 2 of 3 speakers in {data}; lost: s2; see " in result.stderr
    assert not (data / "cmvn.scp").exists()


@pytest.mark.parametrize("step", ["train_mono", "align_si"])
def test_nothing_of_an_earlier_run_with_more_jobs_is_left(root, work, run, succeed, data, step):
    out = data / "out"
    command = commands(root, work, data, out)[step]
    more = [3 if word == 1 else word for word in command]
    succeed(*more)
    assert len(list(out.glob("ali.*.gz"))) == 3
    # A killed run leaves more.
    for name in ("ali.3", "feats.3.ark", "7.mdl", "7.3.acc", "7.occs", "ali.2.gz.keep", "ali.x.gz"):
        (out / name).write_text("old")
    succeed(*command)
    assert sorted(file.name for file in out.glob("ali.*.gz")) == ["ali.1.gz", "ali.x.gz"]
    assert (out / "num_jobs").read_text() == "1\n" and (out / "ali.2.gz.keep").exists()
    if step == "train_mono":
        kept = {"ali.x.gz", "ali.2.gz.keep", "log"}
        assert {file.name for file in out.iterdir()} == kept | {
            *("tree", "final.mdl", "final.occs", "num_jobs", "phones.txt", "cmvn_opts", "ali.1.gz", "fsts.1.gz")
        }


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("wrong", [["--nj", 4], ["--nj", 0], ["--nj", "1.5"], ["--nj", "-1"]])
def test_what_is_finished_stays_where_the_arguments_are_wrong(root, work, run, succeed, data, step, wrong):
    if step == "compute_cmvn_stats":
        wrong = ["--max-lost", 2]
    shutil.copytree(work / "mono", data / "mono")
    shutil.copytree(work / "mono", data / "ali")
    (data / "mono/decode/scale_0.1").mkdir(parents=True)
    (data / "mono/decode/best_wer").write_text("%WER\n")
    (data / "mono/decode/scale_0.1/words.txt").write_text("s1-u0 1\n")
    (data / "vad.scp").write_text((data / "feats.scp").read_text())
    before = {file: file.read_bytes() for file in data.rglob("*") if file.is_file()}
    out = {"train_mono": data / "mono", "align_si": data / "ali"}.get(step, data / "mono/decode")
    script, *words = commands(root, work, data, out)[step]
    del words[: 2 if "--nj" in words else 0]
    result = run(script, *wrong, *words)
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1, result.stderr
    assert {file: file.read_bytes() for file in before if file.exists()} == before


def test_a_step_that_fails_leaves_nothing_that_looks_complete(root, work, run, data):
    ali = shutil.copytree(work / "mono", data / "ali")
    (work / "mono/final.mdl").rename(work / "mono/good.mdl")
    (work / "mono/final.mdl").write_text("no model")
    try:
        result = run(*commands(root, work, data, ali)["align_si"])
    finally:
        (work / "mono/good.mdl").rename(work / "mono/final.mdl")
    assert result.returncode == 1 and "1 of 1 jobs failed" in result.stderr
    assert not (ali / "final.mdl").exists() and not (ali / "num_jobs").exists()


def test_an_evaluation_that_fails_leaves_no_figures_of_an_earlier_one(root, work, run, data):
    nnet = data / "nnet"
    nnet.mkdir()
    shutil.copy(work / "mono/final.mdl", nnet)
    (nnet / "final.pt").write_text("no network")
    for name in ("fer", "fer.json"):
        (nnet / name).write_text("%FER 1.00\n")
    evaluate = [root / "steps/nnet/evaluate.sh", "--nnet-opts", "--device cpu", data]
    result = run(*evaluate, data / "nowhere", nnet, nnet / "fer")
    assert result.returncode == 1 and "no such file: " in result.stderr and (nnet / "fer").exists()
    result = run(*evaluate, work / "mono", nnet, nnet / "fer")
    assert result.returncode == 1 and not list(nnet.glob("fer*"))


def test_an_alignment_is_not_written_over_its_model(root, work, run):
    result = run(root / "steps/align_si.sh", "--nj", 1, work / "data", work / "lang", work / "mono", f"{work}/mono/.")
    assert result.returncode == 1 and "is where the model is" in result.stderr
    assert (work / "mono/final.mdl").exists()


def test_a_second_beam_that_is_no_wider_is_refused_before_anything_is_made(root, work, run, tmp_path):
    words = [work / "data", work / "lang", work / "mono", tmp_path / "ali"]
    result = run(root / "steps/align_si.sh", "--nj", 1, "--beam", 10, "--retry-beam", 9.5, *words)
    assert result.returncode == 1
    assert "--retry-beam is 0 or more than the beam of the first try, 10; it is 9.5" in result.stderr
    assert not (tmp_path / "ali").exists()


@pytest.mark.parametrize(
    "scales, message",
    [
        ("--acoustic-scale=nan", "--acoustic-scale is a number > 0, not 'nan'"),
        ("--self-loop-scale=0.1 --acoustic-scale=0", "--acoustic-scale is a number > 0, not '0'"),
        ("--transition-scale=-1", "--transition-scale is a number >= 0, not '-1'"),
        ("--beam=9", "with =NUMBER, not '--beam=9'"),
    ],
)
@pytest.mark.parametrize("step", ["train_mono", "align_si"])
def test_scales_have_their_ranges_too(root, work, run, tmp_path, step, scales, message):
    script, *words = commands(root, work, work / "data", tmp_path / "out")[step]
    result = run(script, "--scale-opts", scales, *words)
    assert result.returncode == 1 and message in result.stderr and not (tmp_path / "out").exists()


def test_decoding_does_not_depend_on_the_number_of_jobs(root, work, succeed, data):
    (data / "mono").mkdir()
    for name in ("final.mdl", "cmvn_opts"):
        shutil.copy(work / "mono" / name, data / "mono")
    words = []
    for nj in (3, 1):
        out = data / "mono/decode"
        decode = [root / "steps/decode_best_path.sh", "--nj", nj, "--scales", "0.1 1.0" if nj == 3 else "0.1"]
        for name in ("best_wer", "best_scale", "wer_0.2", "per_utt", "wer_lenient"):  # of an earlier decoding
            out.mkdir(exist_ok=True)
            (out / name).write_text("0.2\n")
        succeed(*decode, work / "mono/graph", data, out)
        assert {file.name for file in out.iterdir()} <= {"log", "scale_0.1", "scale_1.0"}
        words.append((out / "scale_0.1/words.txt").read_text())
    assert words[0] == words[1] and [line.split()[0] for line in words[0].splitlines()] == keys(data / "utt2spk")
    # What score.sh would take for a scale of this decoding is gone.
    assert [folder.name for folder in out.glob("scale*")] == ["scale_0.1"]


def test_alignments_are_read_in_the_order_of_eleven_jobs(root, work, run, tmp_path):
    ali = tmp_path / "ali"
    ali.mkdir()
    shutil.copy(work / "mono/final.mdl", ali)
    path = next(iter(alignments(work / "mono").values()))
    for job in range(1, 12):
        with gzip.open(ali / f"ali.{job}.gz", "wt") as file:
            file.write(f"utt{job:02} {path}\n")
    (ali / "num_jobs").write_text("11\n")
    result = subprocess.run([root / "utils/ali_to_pdf.sh", ali], capture_output=True, check=True)
    (tmp_path / "pdf.ark").write_bytes(result.stdout)
    found = [key for key, _ in read_table(f"ark:{tmp_path}/pdf.ark", "int_vector")]
    assert found == [f"utt{job:02}" for job in range(1, 12)]
    assert result.stderr == b""
    (ali / "num_jobs").write_text("10\n")
    result = run(root / "utils/ali_to_pdf.sh", ali)
    assert result.returncode == 1 and result.stdout == ""
    assert "holds the alignments ali.JOB.gz of 11 jobs, but its num_jobs is 10" in result.stderr
    os.remove(ali / "ali.3.gz")
    assert f"no such file: {ali}/ali.3.gz; num_jobs is 10" in run(root / "utils/ali_to_pdf.sh", ali).stderr
