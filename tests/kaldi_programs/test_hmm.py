"""Kaldi's models and trees as files, transition ids, and the programs that read the transition model alone."""

import io

import numpy as np
import pytest

from asrser_io.streams import open_output
from kaldi_programs import (
    ali_to_pdf,
    ali_to_phones,
    am_info,
    gmm_copy,
    gmm_init_mono,
    hmm_info,
    show_transitions,
    tree_info,
)
from kaldi_programs.common.hmm import parse_transition_model, read_transition_model
from kaldi_programs.common.tree import monophone_tree, parse_tree, read_tree

# Phone 1 has two states, of which the first can be skipped to leave the phone; phones 2 and 3 have one.
TOPOLOGY = """<Topology>
<TopologyEntry>
<ForPhones> 2 3 </ForPhones>
<State> 0 <PdfClass> 0 <Transition> 0 0.75 <Transition> 1 0.25 </State>
<State> 1 </State>
</TopologyEntry>
<TopologyEntry>
<ForPhones> 1 </ForPhones>
<State> 0 <PdfClass> 0 <Transition> 0 0.5 <Transition> 1 0.3 <Transition> 2 0.2 </State>
<State> 1 <PdfClass> 1 <Transition> 1 0.6 <Transition> 2 0.4 </State>
<State> 2 </State>
</TopologyEntry>
</Topology>
"""
# Its transition ids: phone 1: 1 loops, 2 moves on, 3 leaves, then 4 loops, 5 leaves; phone 2: 6, 7; phone 3: 8, 9.


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A folder with topo, phones.txt, and 1.mdl and tree made from them, which is where the test runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "topo").write_text(TOPOLOGY)
    (tmp_path / "phones.txt").write_text("<eps> 0\nsil 1\na 2\nb 3\n")
    assert gmm_init_mono.main(["topo", "2", "1.mdl", "tree"]) == 0
    return tmp_path


@pytest.fixture
def refusal(capsys):
    """The error of a program that must fail with one line on it."""

    def run(main, *words):
        capsys.readouterr()
        assert main(["--print-args=false", *words]) == 1
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1 and lines[0].startswith("ERROR ("), lines
        return lines[0]

    return run


def output(capsys, main, *words) -> str:
    capsys.readouterr()
    assert main(list(words)) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", ["final.mdl", "final.mdl.txt", "0.mdl"])
def test_a_model_of_kaldi_is_copied_byte_for_byte(golden, tmp_path, name):
    copy = tmp_path / "copy"
    assert gmm_copy.main([f"--binary={not name.endswith('txt')}", str(golden / "mono" / name), str(copy)]) == 0
    assert copy.read_bytes() == (golden / "mono" / name).read_bytes()


def test_a_binary_model_becomes_the_text_that_kaldi_made_of_it(golden, tmp_path):
    copy = tmp_path / "copy"
    assert gmm_copy.main(["--binary=false", str(golden / "mono" / "final.mdl"), str(copy)]) == 0
    assert copy.read_bytes() == (golden / "mono" / "final.mdl.txt").read_bytes()


def test_the_acoustic_part_can_be_copied_alone(golden, tmp_path):
    model, transitions, gmms = golden / "mono" / "final.mdl", tmp_path / "transitions", tmp_path / "gmms"
    assert gmm_copy.main(["--copy-am=false", str(model), str(transitions)]) == 0
    assert gmm_copy.main(["--copy-tm=false", f"tail -c +{transitions.stat().st_size + 1} {model} |", str(gmms)]) == 1
    command = f"(printf '\\0B'; tail -c +{transitions.stat().st_size + 1} {model}) |"
    assert gmm_copy.main(["--copy-tm=false", command, str(gmms)]) == 0
    assert transitions.read_bytes() + gmms.read_bytes()[2:] == model.read_bytes()


def test_the_tree_of_kaldi_is_written_as_it_was_read(golden, tmp_path):
    with open_output(str(tmp_path / "tree"), binary=True) as file:
        read_tree(str(golden / "mono" / "tree")).write(file, binary=True)
    assert (tmp_path / "tree").read_bytes() == (golden / "mono" / "tree").read_bytes()


def test_a_flat_start_has_the_tree_and_transitions_of_kaldi(golden, tmp_path):
    model, tree = str(tmp_path / "0.mdl"), tmp_path / "tree"
    assert gmm_init_mono.main([str(golden / "lang" / "topo"), "39", model, str(tree)]) == 0
    assert tree.read_bytes() == (golden / "mono" / "tree").read_bytes()
    transitions = tmp_path / "transitions"
    assert gmm_copy.main(["--copy-am=false", model, str(transitions)]) == 0
    assert (golden / "mono" / "0.mdl").read_bytes().startswith(transitions.read_bytes())


@pytest.mark.parametrize("binary", [False, True])
def test_a_tree_with_questions_about_the_context_is_written_as_it_was_read(tmp_path, binary):
    text = b"ContextDependency 3 1 ToPdf SE 0 [ 1 2 ]\n{ CE 0 TE -1 2 ( CE 1 NULL ) \n} \nEndContextDependency "
    tree = parse_tree(io.BufferedReader(io.BytesIO(text)), binary=False)
    assert (tree.context_width, tree.central_position, tree.num_pdfs()) == (3, 1, 2)
    again = io.BytesIO()
    tree.write(again, binary)
    if binary:
        tree = parse_tree(io.BufferedReader(io.BytesIO(again.getvalue())), binary=True)
        again = io.BytesIO()
        tree.write(again, binary=False)
    assert again.getvalue() == text


@pytest.mark.parametrize("binary", [False, True])
def test_a_topology_with_self_loops_of_their_own_pdf_is_written_as_it_was_read(binary):
    text = (
        b"<TransitionModel> \n<Topology> \n<TopologyEntry> \n<ForPhones> \n1 \n</ForPhones> \n"
        b"<State> 0 <ForwardPdfClass> 0 <SelfLoopPdfClass> 1 <Transition> 0 0.5 <Transition> 1 0.5 </State> \n"
        b"<State> 1 </State> \n</TopologyEntry> \n</Topology> \n<Tuples> 1 \n1 0 0 1 \n</Tuples> \n"
        b"<LogProbs> \n [ 0 -0.6931472 -0.6931472 ]\n</LogProbs> \n</TransitionModel> \n"
    )
    model = parse_transition_model(io.BufferedReader(io.BytesIO(text)), binary=False)
    assert model.id_to_pdf[1:].tolist() == [1, 0]  # the self-loop, then the way out
    again = io.BytesIO()
    model.write(again, binary)
    if binary:
        model = parse_transition_model(io.BufferedReader(io.BytesIO(again.getvalue())), binary=True)
        again = io.BytesIO()
        model.write(again, binary=False)
    assert again.getvalue() == text


def test_the_objects_of_the_wheel_are_the_models_that_were_read(work, golden):
    for model_file, tree_file in (("1.mdl", "tree"), (golden / "mono" / "final.mdl", golden / "mono" / "tree")):
        model, tree = read_transition_model(str(model_file)), read_tree(str(tree_file))
        text = io.BytesIO()
        model.write(text, binary=False)
        words = str(model.to_wheel()).split()
        assert [word for word in words if not word.startswith("-")] == [
            word for word in text.getvalue().decode().split() if not word.startswith("-")
        ]
        np.testing.assert_array_equal(np.float32(model.to_wheel().log_probs), model.log_probs)
        text = io.BytesIO()
        tree.write(text, binary=False)
        assert str(tree.to_wheel()).split() == text.getvalue().decode().split()


def test_phones_of_one_set_share_their_pdfs(work):
    (work / "sets").write_text("1\n2 3\n")
    assert gmm_init_mono.main(["--shared-phones=sets", "topo", "2", "shared.mdl", "shared.tree"]) == 0
    model = read_transition_model("shared.mdl")
    assert model.id_to_pdf[1:].tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 2]
    assert read_transition_model("1.mdl").id_to_pdf[1:].tolist() == [0, 0, 0, 1, 1, 2, 2, 3, 3]
    pdfs, theirs_only = model.pdfs_of_phones([2])
    assert (pdfs.tolist(), theirs_only) == ([2], False)


@pytest.mark.parametrize("sets", ["1\n2\n", "1 2\n2 3\n", "1\n2 3\n\n", "1\nsil 3\n", "1\n2 3 4\n"])
def test_sets_that_do_not_have_each_phone_once_are_refused(work, refusal, sets):
    (work / "sets").write_text(sets)
    assert "sets: expected" in refusal(gmm_init_mono.main, "--shared-phones=sets", "topo", "2", "no.mdl", "no.tree")
    assert not list(work.glob("no.*"))


def test_a_model_says_what_it_holds(work, capsys):
    counts = "number of phones 3\nnumber of pdfs 4\nnumber of transition-ids 9\nnumber of transition-states 4\n"
    assert output(capsys, hmm_info.main, "1.mdl") == counts
    assert output(capsys, am_info.main, "1.mdl") == counts
    assert output(capsys, tree_info.main, "tree") == "num-pdfs 4\ncontext-width 1\ncentral-position 0\n"


def test_transitions_are_shown_with_state_pdf_and_count(work, capsys):
    (work / "occs").write_text(" [ 10 20 30 40 ]\n")
    lines = output(capsys, show_transitions.main, "phones.txt", "1.mdl", "occs").splitlines()
    assert lines[:4] == [
        "Transition-state 1: phone = sil hmm-state = 0 pdf = 0",
        " Transition-id = 1 p = 0.5 count of pdf = 10 [self-loop]",
        " Transition-id = 2 p = 0.3 count of pdf = 10 [0 -> 1]",
        " Transition-id = 3 p = 0.2 count of pdf = 10 [0 -> 2]",
    ]
    assert lines[-3:] == [
        "Transition-state 4: phone = b hmm-state = 0 pdf = 3",
        " Transition-id = 8 p = 0.75 count of pdf = 40 [self-loop]",
        " Transition-id = 9 p = 0.25 count of pdf = 40 [0 -> 1]",
    ]


# The same speech, once with self-loops behind the transition that leaves the state (as graphs have them), once before.
REORDERED = "2 1 1 5 4 7 7 6 9 3 1"
IN_ORDER = "1 1 2 4 5 7 6 7 9 1 3"


@pytest.mark.parametrize("alignment", [REORDERED, IN_ORDER])
@pytest.mark.parametrize(
    "options, expected",
    [
        ([], "utt 1 2 2 3 1 \n"),
        (["--per-frame"], "utt 1 1 1 1 1 2 2 2 3 1 1 \n"),
        (["--write-lengths"], "utt 1 5 ; 2 1 ; 2 2 ; 3 1 ; 1 2 \n"),
    ],
)
def test_phones_follow_from_transition_ids_in_either_order(work, capsys, alignment, options, expected):
    (work / "ali").write_text(f"utt {alignment}\n")
    assert output(capsys, ali_to_phones.main, *options, "1.mdl", "ark:ali", "ark,t:-") == expected


def test_an_alignment_that_was_cut_short_ends_with_its_unfinished_phone(work, capsys):
    (work / "ali").write_text("utt 7 6 2 1\n")
    assert output(capsys, ali_to_phones.main, "--write-lengths", "1.mdl", "ark:ali", "ark,t:-") == "utt 2 2 ; 1 2 \n"


def test_ctm_times_have_three_digits_at_kaldis_frame_shift_and_two_at_a_longer_one(work, capsys):
    (work / "ali").write_text("utt 7 6 6 9\n")
    ctm = ["--ctm-output", "1.mdl", "ark:ali", "-"]
    assert output(capsys, ali_to_phones.main, *ctm) == "utt 1 0.000 0.030 2\nutt 1 0.030 0.010 3\n"
    assert output(capsys, ali_to_phones.main, "--frame-shift=0.02", *ctm) == "utt 1 0.00 0.06 2\nutt 1 0.06 0.02 3\n"


def test_pdfs_and_phones_of_kaldis_alignments_are_kaldis(golden, capsys):
    model, ali = str(golden / "mono" / "final.mdl"), f"ark:{golden / 'mono' / 'ali.txt'}"
    assert output(capsys, ali_to_pdf.main, model, ali, "ark,t:-") == (golden / "mono" / "pdf.txt").read_text()
    phones = output(capsys, ali_to_phones.main, "--per-frame=true", model, ali, "ark,t:-")
    assert phones == (golden / "mono" / "phones.txt").read_text()


@pytest.mark.parametrize("main", [ali_to_pdf.main, ali_to_phones.main])
@pytest.mark.parametrize("wrong_id", ["10", "0", "-1"])
def test_an_alignment_of_another_model_is_refused_by_its_key(work, refusal, main, wrong_id):
    (work / "ali").write_text(f"fine 7 6\nbad 7 {wrong_id}\n")
    error = refusal(main, "1.mdl", "ark:ali", "ark,t:out")
    assert f"utterance bad has transition id {wrong_id}, but the model has 1 to 9" in error
    assert not (work / "out").exists()


def test_a_truncated_model_is_refused_wherever_it_ends(work, refusal):
    whole = (work / "1.mdl").read_bytes()
    gmm_copy.main(["--binary=false", "1.mdl", "1.txt"])
    text = (work / "1.txt").read_bytes().rstrip()
    for data in (whole, text):
        for size in range(3, len(data) - 1, 37):
            (work / "cut.mdl").write_bytes(data[:size])
            assert refusal(gmm_copy.main, "cut.mdl", "out").startswith("ERROR (gmm-copy:main()) cut.mdl: ")
    assert not (work / "out").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"\0Belephant", b"\0B<Nnet> ", b"<TransitionModel> <Elephant>", b"\xd6\xfd\xb2\x7e\x06\0\0\0vector", b"\0C"],
)
def test_a_file_of_another_format_is_refused_as_model_and_as_tree(work, refusal, content):
    (work / "other").write_bytes(content)
    for main in (hmm_info.main, tree_info.main):
        assert "other: " in refusal(main, "other")


@pytest.mark.parametrize(
    "was, becomes, told",
    [
        ("<State> 1 </State>", "<State> 2 </State>", "expected state 1"),
        ("<Transition> 1 0.25", "<Transition> 7 0.25", "not there"),
        ("<Transition> 1 0.25", "<Transition> 1 0", "zero probability"),
        ("<Transition> 1 0.25", "<Transition> 0 0.25", "of its own"),
        ("2 3 </ForPhones>", "2 1 </ForPhones>", "appears twice"),
        ("2 3 </ForPhones>", "2 a </ForPhones>", "expected a phone id"),
        ("<State> 1 </State>", "", "must end in"),
        ("<Transition> 1 0.25", "<Transition> 1 inf", "zero probability, or none"),
        ("<PdfClass> 0", "<PdfClass> 7", "pdf classes [7"),
        ("<PdfClass> 0", "<PdfClass> 99999999999", "expected a number (int), found '99999999999'"),
        ("2 3 </ForPhones>", "2 99999999999 </ForPhones>", "expected a phone id, 1 to 1000000"),
        ("2 3 </ForPhones>", "2 \u00b2 </ForPhones>", "expected a phone id"),
        ("</Topology>", "", "truncated"),
    ],
)
def test_a_topology_with_a_mistake_is_refused_with_the_reason(work, refusal, was, becomes, told):
    (work / "bad").write_text(TOPOLOGY.replace(was, becomes, 1))
    error = refusal(gmm_init_mono.main, "bad", "2", "no.mdl", "no.tree")
    assert "bad: " in error and told in error


def counts(model, **by_id):
    result = np.zeros(model.num_ids + 1)
    for name, count in by_id.items():
        result[int(name[1:])] = count
    return result


def test_transition_probabilities_become_relative_counts_but_not_less_than_the_floor(work):
    model = read_transition_model("1.mdl")
    before = model.log_probs.copy()
    result = model.update(counts(model, _1=60, _2=40, _3=0, _4=2, _5=2, _6=9, _7=1), 0.01, 5, share_for_pdfs=False)
    probs = np.exp(model.log_probs)
    # 0 is floored to 0.01; the others are scaled down and floored again, three times over.
    np.testing.assert_allclose(probs[1:4], [0.6 / 1.01, 0.4 / 1.01, 0.01], rtol=2e-4)
    np.testing.assert_allclose(probs[6:8], [0.9, 0.1], rtol=1e-6)
    np.testing.assert_array_equal(model.log_probs[[4, 5, 8, 9]], before[[4, 5, 8, 9]])  # 4 frames, and none: too few
    assert (result["frames"], result["floored"], result["skipped"]) == (114, 1, 2)
    gain = 60 * np.log(probs[1] / 0.5) + 40 * np.log(probs[2] / 0.3) + 9 * np.log(0.9 / 0.75) + np.log(0.1 / 0.25)
    assert result["gain"] == pytest.approx(gain, rel=1e-5)


def test_states_that_share_a_pdf_can_share_their_transition_probabilities(work):
    (work / "sets").write_text("1\n2 3\n")
    gmm_init_mono.main(["--shared-phones=sets", "topo", "2", "shared.mdl", "shared.tree"])
    model = read_transition_model("shared.mdl")
    model.update(counts(model, _6=5, _7=3, _8=1, _9=1), 0.01, 5, share_for_pdfs=True)
    np.testing.assert_allclose(np.exp(model.log_probs[6:10]), [0.6, 0.4, 0.6, 0.4], rtol=1e-6)


def test_a_monophone_tree_numbers_pdfs_by_phone_and_state(work):
    tree = monophone_tree([[1], [2], [3]], read_transition_model("1.mdl").topology)
    assert tree.to_pdf.pdfs() == [0, 1, 2, 3]
    assert tree.to_wheel().compute([3], 0) == (True, 3)


@pytest.mark.parametrize("other", ["--per-frame", "--write-lengths"])
def test_a_ctm_file_of_frames_or_lengths_is_asked_for_in_vain(other, capsys):
    assert ali_to_phones.main(["--ctm-output", other, "no.mdl", "ark:no", "-"]) == 1
    assert "exclude each other" in capsys.readouterr().err
