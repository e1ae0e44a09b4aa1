"""What a study says, in words: the paper's reading of it, and the one that controls allow."""

from typing import Any, NamedTuple

EXPERIMENTS = {
    "asr": "speech recognition (ASR) baseline",
    "ser": "emotion recognition (SER) baseline",
    "asr2ser": "ASR → SER",
    "ser2asr": "SER → ASR",
    "asr2asr": "control: ASR's own layers",
    "ser2ser": "control: SER's own layers",
    "random2asr": "control: random layers → ASR",
    "random2ser": "control: random layers → SER",
}
RANDOM_LAYERS = (
    "Random layers have weights as those with which a training begins, N(0, 2/n), and the BatchNorm statistics that "
    "the training set has behind them. The first l stay so, those after them are trained. They are drawn anew for each "
    "seed, each fold and each draw."
)
NO_CONTROLS = "No controls were run (--controls true)."
COMPARED = {"scratch": "a network from scratch", "own": "the task's own layers", "random": "random layers"}
CONCLUSIONS = {
    "better": "They know something of this task.",
    "worse": "They serve this task less than layers that have learnt nothing.",
    "can't be told": "Whether they know anything of this task can't be told.",
}


class Reading(NamedTuple):
    """A way to read a study: what it asks, and what it finds on test, a sentence for each transfer and l."""

    name: str
    explanation: str
    sentences: list[str]


def readings(results: dict[str, Any]) -> list[Reading]:
    rows = [row for row in results["summary"] if row["part"] == "test" and row["measure"] in ("PER", "UE")]
    transfers = [row for row in rows if row["source_task"] not in (None, row["task"], "random")]
    papers = [f"{_figure(row)}, {_difference(row, 'scratch')}." for row in transfers if "scratch" in row["comparisons"]]
    controlled = []
    for row in transfers:
        if names := [name for name in ("random", "own") if name in row["comparisons"]]:
            said = f"{_figure(row)}, {' and '.join(_difference(row, name) for name in names)}."
            controlled.append(said + _conclusion(row))
    return [
        Reading(
            "The paper's reading",
            "What does it cost to hold layers of the other task constant, beside a network trained from scratch? "
            "The less, the more general they are, says the paper.",
            papers,
        ),
        Reading(
            "The controlled reading",
            "That cost alone is no evidence for or against features that travel: to be held constant costs something, "
            "whatever a layer knows, and the layers behind it learn even from random ones. Beside random layers it "
            "shows what the other task's layers know of this one; beside the task's own layers, what they lack. "
            + (RANDOM_LAYERS if controlled else NO_CONTROLS),
            controlled,
        ),
    ]


def _figure(row: dict[str, Any]) -> str:
    layers = {0: "no layer", 1: "the first layer"}.get(
        row["constant_layers"], f"the first {row['constant_layers']} layers"
    )
    interval = "" if row["interval"] is None else " to ".join(f"{bound:.1f}" for bound in row["interval"]) + ", "
    figure = f"{row['measure']} {row['mean']:.1f} % ({interval}n {row['speakers']})"
    return f"{EXPERIMENTS[row['experiment']]} with {layers} constant: {figure}"


def _difference(row: dict[str, Any], name: str) -> str:
    comparison = row["comparisons"][name]
    verdict, other = comparison["verdict"], COMPARED[name]
    told = f"{verdict} than {other}" if verdict in ("better", "worse") else f"not told apart from {other}"
    low, high = comparison["interval"]
    return f"{told} ({comparison['difference']:+.1f}, {low:+.1f} to {high:+.1f}, n {comparison['speakers']})"


def _conclusion(row: dict[str, Any]) -> str:
    random = row["comparisons"].get("random")
    return f" {CONCLUSIONS[random['verdict']]}" if random else ""
