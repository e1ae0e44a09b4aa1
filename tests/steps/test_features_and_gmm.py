"""The steps before the network, on 16 sentences of TIMIT: features, normalisation, training, alignment."""

import gzip
import shutil
import subprocess

import numpy as np
import pytest

from asrser_io.tables import read_table
from kaldi_programs.copy_feats import main as copy_feats


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True)


def succeed(*command):
    result = run(*command)
    assert result.returncode == 0, result.stdout + result.stderr
    return result


@pytest.fixture
def data(root, golden, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(golden / "data", data)
    wavs = [line.split() for line in (data / "wav.scp").read_text().splitlines()]
    (data / "wav.scp").write_text("".join(f"{utt} {root / wav}\n" for utt, wav in wavs))
    return data


@pytest.fixture(scope="module")
def trained(root, golden, tmp_path_factory):
    """Features, lang and a GMM-HMM of three iterations; one sentence has more phones than frames, one finds no path."""
    work = tmp_path_factory.mktemp("trained")
    data = work / "data"
    shutil.copytree(golden / "data", data)
    lines = (data / "text").read_text().splitlines()
    lines[0] += " sil" * 1000
    (data / "text").write_text("\n".join(lines) + "\n")
    phones = sorted({phone for line in lines for phone in line.split()[1:]})
    (work / "phones").write_text("\n".join(phones) + "\n")
    succeed(root / "utils/prepare_lang.sh", work / "phones", work / "lang")
    assert copy_feats([f"ark:{golden}/feats/mfcc.ark", f"ark,scp:{work}/mfcc.ark,{data}/feats.scp"]) == 0
    succeed(root / "steps/compute_cmvn_stats.sh", data)
    options = ["--nj", "2", "--num-iters", "3", "--max-iter-inc", "2", "--totgauss", "100", "--max-lost", "0.13"]
    result = succeed(root / "steps/train_mono.sh", *options, data, work / "lang", work / "mono")
    return work, result.stdout


@pytest.mark.parametrize("kind", ["mfcc", "fbank"])
def test_the_features_are_those_of_kaldi(root, golden, data, kind):
    config = root / f"conf/{kind}.conf"
    succeed(root / f"steps/make_{kind}.sh", "--nj", "2", "--compress", "false", f"--{kind}-config", config, data)
    ours = dict(read_table(f"scp:{data}/feats.scp", "matrix"))
    kaldis = dict(read_table(f"ark:{golden}/feats/{kind}.ark", "matrix"))
    assert list(ours) == list(kaldis)
    for utt, feats in ours.items():
        np.testing.assert_allclose(feats, kaldis[utt], atol=2e-3)
    frames = [line.split() for line in (data / "utt2num_frames").read_text().splitlines()]
    assert frames == [[utt, str(len(feats))] for utt, feats in kaldis.items()]
    assert (data / "frame_shift").read_text() == "0.01\n"


def test_a_recording_that_cannot_be_read_is_left_out_if_few_are(root, data):
    wavs = (data / "wav.scp").read_text().splitlines()
    wavs[3] = wavs[3].split()[0] + " /nowhere.wav"
    (data / "wav.scp").write_text("\n".join(wavs) + "\n")
    make = [root / "steps/make_mfcc.sh", "--nj", "2", "--mfcc-config", root / "conf/mfcc.conf"]
    result = run(*make, data)
    assert result.returncode == 1 and "features of 15 of 16 utterances" in result.stderr
    assert not (data / "feats.scp").exists()
    result = run(*make, "--max-missing", "0.1", data)
    assert result.returncode == 0 and "warning: features of 15 of 16 utterances" in result.stderr
    assert len((data / "feats.scp").read_text().splitlines()) == 15


def test_features_of_a_data_directory_out_of_order_are_refused(root, data):
    lines = (data / "utt2spk").read_text().splitlines()
    (data / "utt2spk").write_text("\n".join(reversed(lines)) + "\n")
    result = run(root / "steps/make_mfcc.sh", "--nj", "2", data)
    assert result.returncode == 1 and "utt2spk, line 2: " in result.stderr and "stands after" in result.stderr


def test_the_sums_for_normalisation_are_those_of_kaldi(golden, trained):
    ours = dict(read_table(f"scp:{trained[0]}/data/cmvn.scp", "double_matrix"))
    kaldis = dict(read_table(f"ark:{golden}/feats/cmvn.txt", "double_matrix"))
    assert list(ours) == list(kaldis)
    for speaker in ours:
        np.testing.assert_allclose(ours[speaker], kaldis[speaker], rtol=1e-5)


def test_a_training_leaves_what_kaldis_leaves(trained):
    mono = trained[0] / "mono"
    files = {"tree", "final.mdl", "final.occs", "num_jobs", "phones.txt", "cmvn_opts", "log"}
    files |= {f"{kind}.{job}.gz" for kind in ("fsts", "ali") for job in (1, 2)}
    assert {file.name for file in mono.iterdir()} == files
    assert (mono / "num_jobs").read_text() == "2\n"


def aligned(directory):
    return [line.split()[0] for n in (1, 2) for line in gzip.open(directory / f"ali.{n}.gz", "rt")]


def test_a_sentence_shorter_than_its_phones_is_left_out(root, trained):
    work, screen = trained
    first = (work / "data/text").read_text().split()[0]
    assert first not in aligned(work / "mono")
    assert "trained on 14 of 16 sentences" in screen
    align = [root / "steps/align_si.sh", "--nj", "2", "--retry-beam", "400"]
    words = [work / "data", work / "lang", work / "mono", work / "ali"]
    result = run(*align, *words)
    assert result.returncode == 1 and not (work / "ali/final.mdl").exists()
    assert f"15 of 16 sentences in {work}/data aligned; lost: {first}; see {work}/ali/log/align.*.log" in result.stderr
    result = run(*align, "--max-lost", "0.07", *words)
    assert result.returncode == 0 and "warning: 15 of 16 sentences" in result.stderr
    assert len(aligned(work / "ali")) == 15 and first not in aligned(work / "ali")


def test_an_alignment_with_another_set_of_phones_is_refused(root, trained, tmp_path):
    work = trained[0]
    shutil.copytree(work / "lang", tmp_path / "lang")
    (tmp_path / "lang/phones.txt").write_text("<eps> 0\n")
    result = run(root / "steps/align_si.sh", work / "data", tmp_path / "lang", work / "mono", tmp_path / "ali")
    assert result.returncode == 1 and "are not the same phones" in result.stderr
    assert not (tmp_path / "ali").exists()


def test_a_network_is_not_trained_on_alignments_of_two_models(root, trained, tmp_path):
    work = trained[0]
    shutil.copytree(work / "mono", tmp_path / "other")
    (tmp_path / "other/final.mdl").write_text("another model")
    words = [work / "data", work / "data", work / "lang", work / "mono", tmp_path / "other", tmp_path / "nnet"]
    result = run(root / "steps/nnet/train.sh", "--nnet-config", "", *words)
    assert result.returncode == 1 and "aligned with different models" in result.stderr
    assert not (tmp_path / "nnet").exists()


STEPS = ["make_mfcc", "make_fbank", "compute_cmvn_stats", "train_mono", "align_si", "decode_best_path"]


@pytest.mark.parametrize("script", [*STEPS, "nnet/train", "nnet/evaluate", "nnet/decode"])
def test_a_step_without_arguments_says_what_it_expects(root, script):
    result = run(root / f"steps/{script}.sh")
    assert result.returncode == 1 and "expected <" in result.stderr and len(result.stderr.splitlines()) == 1
    help_text = succeed(root / f"steps/{script}.sh", "--help").stdout
    assert f"Usage: steps/{script}.sh" in help_text or f"steps/{script}.sh --nj" in help_text


def test_mfcc_and_filterbanks_are_made_by_one_script_under_two_names(root):
    """A copy in the place of a link would go its own way unseen, as once after an edit of all scripts."""
    for name in ("make_mfcc.sh", "make_fbank.sh"):
        assert (root / "steps" / name).is_symlink() and (root / "steps" / name).samefile(root / "steps/make_feats.sh")
