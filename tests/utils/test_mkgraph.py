"""utils/mkgraph.sh on Kaldi's language model, lexicon and monophones; and Kaldi's own mkgraph.sh on our programs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kaldi_programs import decode_faster_mapped
from kaldi_programs.common.fst import from_lists, read_fst, write_fst


def run(script: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess:
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PYTHON": sys.executable, "PATH": programs}
    return subprocess.run([script, *arguments], cwd=cwd, env=environment, capture_output=True, text=True)


def prepare(golden: Path, work: Path) -> Path:
    """A language and a model directory as Kaldi's scripts expect them."""
    (work / "lang/phones").mkdir(parents=True)
    (work / "mono").mkdir()
    for name in ("G.fst", "L_disambig.fst", "phones.txt", "words.txt"):
        shutil.copy(golden / "lang" / name, work / "lang" / name)
    shutil.copy(golden / "lang/disambig.int", work / "lang/phones/disambig.int")
    (work / "lang/phones/silence.csl").write_text("1\n")
    for name in ("final.mdl", "tree"):
        shutil.copy(golden / "mono" / name, work / "mono" / name)
    for path in work.rglob("*"):
        path.chmod(0o755)
    return work


@pytest.fixture(scope="module", params=["ours", "kaldi's"])
def built(request, root, golden, tmp_path_factory):
    """A directory in which the graph of the golden model lies."""
    script = (root if request.param == "ours" else request.getfixturevalue("kaldi_scripts")) / "utils/mkgraph.sh"
    work = prepare(golden, tmp_path_factory.mktemp("mkgraph"))
    result = run(script, "lang", "mono", "graph", cwd=work)
    assert result.returncode == 0, result.stdout + result.stderr
    return work


def test_the_graph_is_kaldis(golden, built):
    ours, kaldis = read_fst(str(built / "graph/HCLG.fst")), read_fst(str(golden / "graph/HCLG.fst"))
    assert ours.start == kaldis.start
    np.testing.assert_array_equal(ours.first_arcs, kaldis.first_arcs)
    for name in ("ilabel", "olabel", "nextstate"):
        np.testing.assert_array_equal(ours.arcs[name], kaldis.arcs[name])
    np.testing.assert_allclose(ours.arcs["weight"], kaldis.arcs["weight"], atol=2e-6)
    np.testing.assert_allclose(ours.finals, kaldis.finals, atol=2e-6)


@pytest.mark.parametrize("scale", ["1.0", "0.5", "0.2"])
def test_the_best_path_of_every_utterance_is_kaldis(golden, built, scale):
    options = [f"--acoustic-scale={scale}", "--beam=13", "--max-active=7000"]
    tables = [f"ark:{golden / 'decode/loglikes.ark'}", f"ark,t:{built / 'words'}", f"ark,t:{built / 'ali'}"]
    assert decode_faster_mapped.main([*options, golden / "mono/final.mdl", built / "graph/HCLG.fst", *tables]) == 0
    assert (built / "words").read_text() == (golden / f"decode/words.{scale}.txt").read_text()
    assert (built / "ali").read_text() == (golden / f"decode/ali.{scale}.txt").read_text()


def test_what_decoding_needs_lies_beside_the_graph(golden, built):
    graph = built / "graph"
    assert (graph / "words.txt").read_text() == (golden / "lang/words.txt").read_text()
    assert (graph / "phones.txt").read_text() == (golden / "lang/phones.txt").read_text()
    assert (graph / "phones/disambig.int").read_text() == (golden / "lang/disambig.int").read_text()
    assert (graph / "phones/silence.csl").read_text() == "1\n"
    assert (graph / "num_pdfs").read_text() == "144\n"
    assert not list(built.rglob("mkgraph.*"))


# What follows is about our script alone.


@pytest.fixture
def work(golden, tmp_path):
    return prepare(golden, tmp_path)


@pytest.fixture
def mkgraph(root, work):
    return lambda *arguments: run(root / "utils/mkgraph.sh", *arguments, cwd=work)


def test_an_up_to_date_graph_is_left_alone_and_an_outdated_one_built_anew(mkgraph, work):
    assert mkgraph("lang", "mono", "graph").returncode == 0
    graph, lg = work / "graph/HCLG.fst", work / "lang/tmp/LG.fst"
    times = graph.stat().st_mtime_ns, lg.stat().st_mtime_ns
    again = mkgraph("lang", "mono", "graph")
    assert again.returncode == 0 and "up to date" in again.stdout
    assert (graph.stat().st_mtime_ns, lg.stat().st_mtime_ns) == times
    (work / "mono/final.mdl").touch()
    mkgraph("lang", "mono", "graph")
    assert graph.stat().st_mtime_ns > times[0], "the model is newer"
    assert lg.stat().st_mtime_ns == times[1], "the model has no part in LG"
    content = graph.read_bytes()
    assert mkgraph("--self-loop-scale", "1.0", "lang", "mono", "graph").returncode == 0
    assert graph.read_bytes() != content, "with another scale it is another graph"


def test_remove_oov_takes_its_word_out_of_the_graph(mkgraph, work):
    (work / "lang/oov.int").write_text("5\n")
    for option in (["--mono", "--remove-oov"], ["--remove-oov", "true"]):
        shutil.rmtree(work / "graph", ignore_errors=True)
        assert mkgraph(*option, "lang", "mono", "graph").returncode == 0
        words = set(read_fst(str(work / "graph/HCLG.fst")).arcs["olabel"].tolist())
        assert 5 not in words and {4, 6} <= words


@pytest.mark.parametrize("missing", ["lang/G.fst", "lang/phones/disambig.int", "mono/tree", "mono/final.mdl"])
def test_a_missing_file_is_named(mkgraph, work, missing):
    (work / missing).unlink()
    result = mkgraph("lang", "mono", "graph")
    assert result.returncode == 1 and f"no such file: {missing}" in result.stderr


def test_a_failure_in_the_middle_leaves_no_graph_and_no_remains(mkgraph, work):
    (work / "graph").mkdir()
    (work / "graph/HCLG.fst").write_text("of an earlier model")
    (work / "mono/final.mdl").write_bytes(b"\0B<Nothing> ")
    result = mkgraph("lang", "mono", "graph")
    assert result.returncode != 0 and "mono/final.mdl" in result.stderr
    assert not (work / "graph/HCLG.fst").exists()
    assert not list(work.rglob("mkgraph.*"))
    (work / "lang/G.fst").write_bytes(b"rubbish")
    assert mkgraph("lang", "mono", "graph").returncode != 0
    assert not list(work.rglob("mkgraph.*"))


def test_a_language_model_without_a_word_of_the_lexicon_is_refused(mkgraph, work):
    write_fst(from_lists(0, [np.inf, 0.0], [[(70, 70, 0.0, 1)], []]), str(work / "lang/G.fst"))
    result = mkgraph("lang", "mono", "graph")
    assert result.returncode != 0 and "empty graph" in result.stderr


def test_other_numbers_of_arguments_are_refused_and_help_is_the_header(mkgraph):
    assert "expected <lang-dir> <model-dir> <graph-dir>" in mkgraph("lang").stderr
    help_text = mkgraph("--help").stdout
    assert "Usage: utils/mkgraph.sh" in help_text and "--remove-oov" in help_text
