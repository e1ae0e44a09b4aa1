"""Declare a task in a work directory: write exp/<task>/task.json, which asrser_nn/study/task.py explains.

Usage: python local/declare_task.py <work-dir> <task>
       python local/declare_task.py --corpus <task>
 e.g.: python local/declare_task.py work ser
local/tasks/<task>.json says what a person has to say of a task. What it leaves out is as of all tasks with folds whose
classes are those of utterances, and silence; folds and classes are those that are there. "states_of" in it names the
model whose pdf ids are the classes. "corpora" are those whose speech the task can be about, asr and ser: the first one,
or the one behind a hyphen, as in gender-asr; --corpus prints which. Of a task of your own, data/<task> says it.
"""

import argparse
import json
import re
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

from asrser_io.files import Failure, write_text
from asrser_io.messages import as_script
from asrser_io.text import read_list
from asrser_nn.study.task import Task, task_of

DECLARATIONS = Path(__file__).resolve().parent / "tasks"


def num_pdfs(model: str) -> int:
    if not Path(model).is_file():
        raise Failure(f"no such file: {model}; run stages 1 to 6 first")
    done = subprocess.run(["hmm-info", "--print-args=false", model], capture_output=True, text=True)
    if not (found := re.search(r"number of pdfs (\d+)", done.stdout)):
        raise Failure(
            f"{model}: hmm-info says no number of pdfs of it ({done.stderr.strip() or 'nothing at all'}): "
            "is it damaged? remove it, and run stage 4 again"
        )
    return int(found[1])


def read_declaration(name: str, work: str | None = None) -> tuple[dict[str, Any], str]:
    """What local/tasks says of a task, or the data of one of your own in a work directory, and the corpus."""
    kind, hyphen, corpus = name.partition("-")
    path = DECLARATIONS / f"{kind}.json"
    if work and (own := Path(work, "data", name, "declaration.json")).is_file():
        try:
            said = json.loads(own.read_bytes())
            return said, said.pop("corpus", name)
        except (ValueError, AttributeError, TypeError) as error:
            expected = "expected names and values as JSON"
            raise Failure(f"{own}: {expected} ({error}); remove it, and run stage 9 again") from error
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in DECLARATIONS.glob("*.json")))
        raise Failure(f"there is no task '{name}'; local/tasks declares {known}, and --task-data DIR one of your own")
    said = json.loads(path.read_bytes())
    corpora = said.pop("corpora")
    if hyphen and corpus not in corpora[1:]:
        others = ", ".join([kind, *(f"{kind}-{other}" for other in corpora[1:])])
        raise Failure(f"there is no task '{name}', but {others}")
    if hyphen:
        said["label"] += f" ({corpus.upper()})"
    return said, corpus or corpora[0]


def declaration(work: str, name: str) -> dict[str, Any]:
    """The whole of it."""
    said, corpus = read_declaration(name, work)
    common: dict[str, Any] = {"folds": [], "silence_class": None, "utt2class": None, "decodings": []}
    if model := said.pop("states_of", None):
        common |= {"num_classes": num_pdfs(model.replace("{work}", work)), "class_names": []}
    else:
        common |= in_folds(work, name)
    whole = common | said | {"name": name, "corpus": corpus}
    return {field.name: whole.pop(field.name) for field in fields(Task) if field.name in whole} | whole


def in_folds(work: str, name: str) -> dict[str, Any]:
    """What tasks with folds have in common."""
    if not (folds := read_list(listed := f"{work}/exp/{name}/folds/list")):
        raise Failure(f"{listed} is empty; remove it and run stage 9 again")
    classes = read_list(f"{work}/exp/{name}/folds/{folds[0]}/train/classes")
    part = f"{{work}}/exp/{name}/folds/{{fold}}/{{part}}"
    return {
        "about": f"{{work}}/data/{name}",
        "data": {"all": f"{{work}}/data_fbank/{name}"},
        "feats": part,
        "labels": part,
        "num_classes": len(classes),
        "class_names": classes,
        "measures": ["E", "UE", "UE without silence", "WA", "UA"],
        "main_measure": "UE",
        "folds": folds,
        "silence_class": "silence",
        "utt2class": f"{part}/utt2class",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", action="store_true", help="only print whose speech the task is about")
    parser.add_argument("work", metavar="work-dir", nargs="?")
    parser.add_argument("task")
    given = parser.parse_args()
    with as_script("local/declare_task.py"):
        if given.corpus:
            print(read_declaration(given.task)[1])
        elif given.work is None:
            parser.error("expected <work-dir> <task>")
        else:
            declare(given.work.rstrip("/") or "/", given.task)


def declare(work: str, name: str) -> None:
    path = Path(work, "exp", name, "task.json")
    declared = declaration(work, name)
    task_of(declared, path)
    lines = [f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in declared.items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


if __name__ == "__main__":
    main()
