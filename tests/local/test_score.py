"""Scores of decoded phones, against Kaldi's compute-wer and a hand-made case; and the RESULTS made of them."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCALES = ("0.2", "0.5", "1.0")


def run(*command, **environment):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=ROOT, **environment)


def score(*arguments):
    return run(ROOT / "local/score.sh", *arguments)


@pytest.fixture(scope="module")
def count_errors():
    spec = importlib.util.spec_from_file_location("count_errors", ROOT / "local/count_errors.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def decoded(golden, tmp_path):
    """What Kaldi decoded at three scales, and the data directory of the 14 sentences that it decoded."""
    for scale in SCALES:
        (tmp_path / f"decode/scale_{scale}").mkdir(parents=True)
        shutil.copy(golden / f"decode/words.{scale}.txt", tmp_path / f"decode/scale_{scale}/words.txt")
    utts = {line.split()[0] for line in (golden / "decode/words.1.0.txt").read_text().splitlines()}
    (tmp_path / "data").mkdir()
    for name in ("text", "utt2spk"):
        lines = (golden / "data" / name).read_text().splitlines(keepends=True)
        (tmp_path / "data" / name).write_text("".join(line for line in lines if line.split()[0] in utts))
    return tmp_path


def test_each_scale_scores_as_kaldi_scored_it(decoded, golden):
    result = score(decoded / "data", golden / "lang", decoded / "decode")
    assert result.returncode == 0, result.stderr
    for scale in SCALES:
        # Kaldi's had two utterances more in the reference and left them out: [PARTIAL]
        theirs = (golden / f"decode/wer.{scale}.txt").read_text().splitlines()[0].removesuffix(" [PARTIAL]")
        assert (decoded / f"decode/wer_{scale}").read_text().splitlines()[0] == theirs
        hyp = (decoded / f"decode/scoring/hyp_{scale}").read_text()
        assert hyp == (golden / f"decode/hyp39.{scale}.txt").read_text()


def test_the_best_scale_of_dev_is_kept_and_taken_for_test(decoded, golden):
    assert score(decoded / "data", golden / "lang", decoded / "decode").returncode == 0
    assert (decoded / "decode/best_scale").read_text() == "1.0\n"  # 41.80 against 42.34 and 47.03
    assert (decoded / "decode/best_wer").read_text().split()[-1] == f"{decoded}/decode/wer_1.0"

    # For the test set a worse scale of dev stays the one that is used.
    (decoded / "decode/best_scale").write_text("0.5\n")
    shutil.copytree(decoded / "decode/scale_0.5", decoded / "test/scale_0.5")
    shutil.copytree(decoded / "decode/scale_1.0", decoded / "test/scale_1.0")
    result = score("--scale-from", decoded / "decode", decoded / "data", golden / "lang", decoded / "test")
    assert result.returncode == 0, result.stderr
    assert (decoded / "test/best_wer").read_text().startswith("%WER 42.34 [ 235 / 555, 7 ins, 86 del, 142 sub ]")
    assert not (decoded / "test/wer_1.0").exists()


def test_of_equal_scales_the_smallest_is_taken(decoded, golden):
    shutil.copytree(decoded / "decode/scale_1.0", decoded / "decode/scale_0.9")
    shutil.copytree(decoded / "decode/scale_1.0", decoded / "decode/scale_10")
    assert score(decoded / "data", golden / "lang", decoded / "decode").returncode == 0
    assert (decoded / "decode/best_scale").read_text() == "0.9\n"


def test_errors_by_utterance_sum_to_kaldis_line(decoded, golden):
    score(decoded / "data", golden / "lang", decoded / "decode")
    rows = [line.split() for line in (decoded / "decode/per_utt").read_text().splitlines()]
    assert [sum(int(row[i]) for row in rows) for i in range(2, 7)] == [232, 555, 13, 78, 141]
    assert {row[0]: row[1] for row in rows} == dict(
        line.split() for line in (decoded / "data/utt2spk").read_text().splitlines()
    )


def test_an_utterance_that_was_not_decoded_counts_as_deleted(decoded, golden):
    result = score(golden / "data", golden / "lang", decoded / "decode")
    assert result.returncode == 0
    assert "14 of the 16 utterances" in result.stderr
    num_phones = {line.split()[0]: len(line.split()) - 1 for line in (golden / "data/text").read_text().splitlines()}
    lost = num_phones["fblv0_si2318"] + num_phones["madd0_si1798"]
    wer = (decoded / "decode/wer_1.0").read_text()
    assert f"[ {232 + lost} / {555 + lost}, 13 ins, {78 + lost} del, 141 sub ]" in wer


def test_the_lenient_figure_forgives_missing_silences_and_says_so(decoded, golden, count_errors):
    score(decoded / "data", golden / "lang", decoded / "decode")
    lenient = (decoded / "decode/wer_lenient").read_text()
    assert "lenient" in lenient
    rows = [line.split() for line in (decoded / "decode/per_utt_lenient").read_text().splitlines()]
    errors = sum(int(row[2]) for row in rows)
    assert errors < 232
    assert f"[ {errors} / 555, " in lenient
    ref = ["sil", "a", "sil", "b", "sil"]
    assert count_errors.edit_distance(ref, ["a", "b"]) == (3, 0, 3, 0)
    assert count_errors.edit_distance(ref, ["a", "b"], optional="sil") == (0, 0, 0, 0)
    assert count_errors.edit_distance(ref, ["a", "s", "b"], optional="sil")[0] == 1  # s, for a silence or beside it


@pytest.mark.parametrize(
    ("ref", "hyp", "expected"),
    [
        ("a b c", "a b c", (0, 0, 0, 0)),
        ("a b c", "", (3, 0, 3, 0)),
        ("", "a b", (2, 2, 0, 0)),
        ("a b c d", "a x c", (2, 0, 1, 1)),
        ("a b", "x a b y", (2, 2, 0, 0)),
    ],
)
def test_errors_of_small_cases(ref, hyp, expected, count_errors):
    assert count_errors.edit_distance(ref.split(), hyp.split()) == expected


def test_phones_of_an_own_corpus_are_scored_as_they_are(tmp_path):
    (tmp_path / "words.txt").write_text("<eps> 0\nsilence 1\nma 2\nmi 3\n")
    (tmp_path / "text").write_text("a_1 silence ma mi silence\n")
    (tmp_path / "utt2spk").write_text("a_1 a\n")
    (tmp_path / "decode/scale_1").mkdir(parents=True)
    (tmp_path / "decode/scale_1/words.txt").write_text("a_1 1 2 2\n")
    result = score("--phone-map", "", "--silence-phone", "silence", tmp_path, tmp_path, tmp_path / "decode")
    assert result.stdout.startswith("%WER 50.00 [ 2 / 4, 0 ins, 1 del, 1 sub ]"), result.stderr
    assert (tmp_path / "decode/wer_lenient").read_text().startswith("%WER 25.00 [ 1 / 4, 0 ins, 0 del, 1 sub ]")
    result = score(tmp_path, tmp_path, tmp_path / "decode")
    assert result.returncode == 1
    said = f"text of {tmp_path}: a_1: 'silence' is not in the second column of conf/phones.61-48-39.map"
    assert said in result.stderr


@pytest.fixture
def own(tmp_path):
    """Two utterances of an own corpus, decoded without an error."""

    def own(*phones):
        (tmp_path / "words.txt").write_text("".join(f"{p} {n}\n" for n, p in enumerate(["<eps>", *phones])))
        (tmp_path / "text").write_text("".join(f"{utt} {' '.join(phones)}\n" for utt in ("a_1", "b_1")))
        (tmp_path / "utt2spk").write_text("a_1 a\nb_1 b\n")
        (tmp_path / "decode/scale_1").mkdir(parents=True)
        numbers = " ".join(str(n) for n in range(1, len(phones) + 1))
        (tmp_path / "decode/scale_1/words.txt").write_text(f"a_1 {numbers}\nb_1 {numbers}\n")
        return score("--phone-map", "", tmp_path, tmp_path, tmp_path / "decode")

    return own


MARKUP = r"""{ a / b } @ (sil) uh- ;;x % é A a\ =41 ~ * <x> [b] 'n" """


def test_phones_that_are_markup_for_sclite_are_phones(own, tmp_path):
    result = own(*MARKUP.split())
    assert result.stdout.startswith(f"%WER 0.00 [ 0 / {2 * len(MARKUP.split())}, 0 ins, 0 del, 0 sub ]"), result.stderr
    if not (shutil.which("sclite") or shutil.which("sctk")):
        pytest.skip("sclite is not installed")
    # Read as they are, "{ a / b }" would be one phone and "@" none.
    assert (tmp_path / "decode/wer_sclite").read_text() == (
        f"%WER 0.00 [ 0 / {2 * len(MARKUP.split())}, 0 ins, 0 del, 0 sub ] sclite\n"
    )


def test_another_number_of_phones_in_sclite_is_an_error(own, tmp_path, monkeypatch):
    fake = tmp_path / "bin/sclite"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho '| Sum    |    2      3 |    3      0      0      0      0      0 |'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent), prepend=":")
    result = own("m", "a")
    assert result.returncode == 1
    assert "sclite found '2 3' utterances and phones in " in result.stderr
    assert f"compute-wer 2 and 4 in {tmp_path}/decode/scoring/ref; see " in result.stderr
    assert not (tmp_path / "decode/best_wer").exists() and not (tmp_path / "decode/wer_sclite").exists()


def test_decoded_utterances_that_are_not_in_the_data_are_left_out_by_name(own, tmp_path):
    own("m", "a")
    with open(tmp_path / "decode/scale_1/words.txt", "a") as words:
        words.write("c_1 1 2\n")
    result = score("--phone-map", "", tmp_path, tmp_path, tmp_path / "decode")
    assert result.returncode == 0
    assert f"words.txt has utterances that {tmp_path}/text has not, which are left out: c_1\n" in result.stderr
    assert result.stdout.startswith("%WER 0.00 [ 0 / 4, ")


def test_no_scores_of_scales_before_are_left(own, tmp_path):
    own("m", "a")
    (tmp_path / "decode/wer_0.5").write_text("old")
    (tmp_path / "decode/scoring/hyp_0.5").write_text("old")
    assert score("--phone-map", "", tmp_path, tmp_path, tmp_path / "decode").returncode == 0
    assert not (tmp_path / "decode/wer_0.5").exists() and not (tmp_path / "decode/scoring/hyp_0.5").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a ah", "line 3: expected one phone, which is dropped, or three, found 'a ah'"),
        ("a ah ah ah", "line 3: expected '<phone> [<phone in training>] [<phone in scoring>]'"),
        ("aa ah ah", "line 3: aa stands in the first column for the second time"),
        ("ax aa ah", "line 3: aa becomes ah here, aa in a line before"),
    ],
)
def test_a_map_that_says_two_things_or_none_is_refused(tmp_path, line, message):
    (tmp_path / "map").write_text(f"# a comment\naa aa aa\n{line}\n")
    command = ["python", str(ROOT / "local/fold_phones.py"), "--map", str(tmp_path / "map")]
    result = subprocess.run(command, input="u1 aa\n", capture_output=True, text=True)
    assert result.returncode == 1 and f"{tmp_path}/map, {message}" in result.stderr and result.stdout == ""


def test_all_phones_outside_a_map_are_counted_and_named(tmp_path):
    (tmp_path / "map").write_text("aa aa aa\nq\n")
    command = ["python", str(ROOT / "local/fold_phones.py"), "--map", str(tmp_path / "map"), "--name", "data/text"]
    result = subprocess.run(command, input="u1 aa\nu2 aa zz q\nu3 zz\n", capture_output=True, text=True)
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr == (
        f"local/fold_phones.py: data/text: u2: 'zz' is not in the second column of {tmp_path}/map; in all 3, "
        "2 different ones: zz (2) q (1)\n"
    )


@pytest.mark.parametrize(
    ("ref", "hyp", "utt2spk", "message"),
    [
        ("u1 a\nu2 a\n", "u1 a\n", "u1 s\n", "utt2spk lacks 1 utterances of "),
        ("u1 a\n", "u1 a\nu2 a\n", "u1 s\n", "hyp, the first is u2: are they of the same data?"),
        ("u1 a\nu1 b\n", "u1 a\n", "u1 s\n", "u1"),
    ],
)
def test_errors_are_counted_of_utterances_that_are_known_once(tmp_path, ref, hyp, utt2spk, message):
    for name, text in (("ref", ref), ("hyp", hyp), ("utt2spk", utt2spk)):
        (tmp_path / name).write_text(text)
    result = run("python", ROOT / "local/count_errors.py", *(tmp_path / name for name in ("ref", "hyp", "utt2spk")))
    assert result.returncode == 1 and message in result.stderr and result.stdout == ""
    assert len(result.stderr.splitlines()) == 1


def test_words_are_what_compute_wer_takes_for_words(own):
    # A no-break space is part of a phone, as in Kaldi.
    assert own("m\u00a0a", "a").stdout.startswith("%WER 0.00 [ 0 / 4, ")


def test_what_cannot_be_scored_is_refused(decoded, golden):
    def refusal(*arguments):
        result = score(*arguments)
        assert result.returncode == 1
        assert not (decoded / "decode/best_wer").exists()
        return result.stderr.splitlines()[-1]

    data, lang, decode = decoded / "data", golden / "lang", decoded / "decode"
    assert "nothing decoded: no " in refusal(data, lang, decoded)
    assert "best_scale; score the dev set first" in refusal("--scale-from", decode, data, lang, decode)
    assert "no such file: " in refusal(decoded, lang, decode)
    (decode / "scale_0.5/words.txt").write_text("fblv0_sx68 1 77\n")
    assert "fblv0_sx68: no symbol 77 in " in refusal(data, lang, decode)
    (decode / "scale_0.5/words.txt").write_text("other_1 1 2\n")
    assert "has none of the 14 utterances" in refusal(data, lang, decode)


@pytest.mark.parametrize("table", ["data/text", "decode/scale_0.5/words.txt"])
def test_an_utterance_that_is_there_twice_is_refused_and_older_scores_stay(decoded, golden, table):
    arguments = decoded / "data", golden / "lang", decoded / "decode"
    assert score(*arguments).returncode == 0
    first = (decoded / table).read_text().splitlines()[0]
    with open(decoded / table, "a") as file:
        file.write(f"{first}\n")
    result = score(*arguments)
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
    assert f"{decoded}/{table}: {first.split()[0]} is there twice" in result.stderr
    assert (decoded / "decode/best_wer").exists()


def test_sclite_counts_what_compute_wer_counts(decoded, golden):
    if not (shutil.which("sclite") or shutil.which("sctk")):
        pytest.skip("sclite is not installed")
    score(decoded / "data", golden / "lang", decoded / "decode")
    assert (decoded / "decode/wer_sclite").read_text() == "%WER 41.80 [ 232 / 555, 13 ins, 78 del, 141 sub ] sclite\n"


def test_results_name_corpus_scale_and_interval_and_what_is_missing(decoded, golden):
    work = decoded / "work"
    assert score(decoded / "data", golden / "lang", decoded / "decode").returncode == 0
    (work / "data/asr").mkdir(parents=True)
    (work / "data/asr/corpus").write_text("TIMIT sample\n")
    shutil.copytree(decoded / "decode", work / "exp/mono/decode_dev")
    result = run(ROOT / "local/results.sh", work)
    assert result.returncode == 0, result.stderr
    text = (work / "exp/RESULTS").read_text()
    assert text == result.stdout
    assert text.startswith("# TIMIT sample: phone error rate at the acoustic scale")
    assert "%WER 41.80 [ 232 / 555, 13 ins, 78 del, 141 sub ] exp/mono/decode_dev/wer_1.0\n" in text
    # Two speakers: 123 errors in 289 phones and 109 in 266.
    assert "95% interval 40.98 to 42.56 over 2 speakers" in text
    assert "# exp/mono/decode_test: missing" in text
    assert "# exp/asr/decode_dev: missing" in text


@pytest.mark.parametrize(
    ("name", "text"), [("per_utt", ""), ("per_utt", "u s x 9\n"), ("per_utt", "u s 0 0\n"), ("wer_0.5", "")]
)
def test_damaged_scores_are_named(tmp_path, name, text):
    decode = tmp_path / "exp/asr/decode_dev"
    decode.mkdir(parents=True)
    (tmp_path / "data/asr").mkdir(parents=True)
    (tmp_path / "data/asr/corpus").write_text("TIMIT sample\n")
    sound = {"best_wer": "x\n", "best_scale": "0.5\n", "wer_0.5": "%WER 0.00 [ 0 / 9, ]\n", "per_utt": "u s 0 9\n"}
    for file, content in (sound | {name: text}).items():
        (decode / file).write_text(content)
    result = run(ROOT / "local/results.sh", tmp_path)
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
    assert f"{decode}/{name}: damaged" in result.stderr and not (tmp_path / "exp/RESULTS").exists()


def test_results_of_nothing_are_an_error(tmp_path):
    result = run(ROOT / "local/results.sh", tmp_path)
    assert result.returncode == 1
    assert "nothing scored" in result.stderr
    assert not (tmp_path / "exp").exists()
