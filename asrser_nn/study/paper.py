"""What Fayek, Lech and Cavedon published (Interspeech 2016, Tables 2 and 3), in per cent."""

# number of constant layers, None for the baseline → measure → (dev, test)
ASR: dict[int | None, dict[str, tuple[float, float]]] = {
    None: {"FER": (30.53, 31.61), "PER": (18.71, 20.18)},
    5: {"FER": (71.09, 71.64), "PER": (61.15, 61.82)},
    4: {"FER": (53.26, 53.92), "PER": (42.96, 44.13)},
    3: {"FER": (40.29, 40.97), "PER": (28.81, 30.48)},
    2: {"FER": (31.75, 32.87), "PER": (20.08, 21.85)},
    1: {"FER": (30.83, 32.01), "PER": (18.99, 20.94)},
    0: {"FER": (30.62, 31.65), "PER": (18.73, 20.57)},
}
SER: dict[int | None, dict[str, tuple[float, float]]] = {
    None: {"E": (44.63, 46.44), "UE": (46.34, 48.96)},
    5: {"E": (52.55, 59.20), "UE": (62.50, 64.03)},
    4: {"E": (51.94, 53.34), "UE": (56.21, 56.18)},
    3: {"E": (50.22, 52.01), "UE": (54.18, 54.37)},
    2: {"E": (47.39, 48.50), "UE": (47.72, 49.82)},
    1: {"E": (46.37, 48.36), "UE": (47.61, 50.57)},
    0: {"E": (45.26, 46.97), "UE": (46.60, 48.95)},
}
# what its tables of transfers are called: (source, task) → number
TABLES = {("ser", "asr"): 2, ("asr", "ser"): 3}
CORPORA = {"asr": "TIMIT", "ser": "IEMOCAP"}
NUM_FOLDS = {"ser": 8}
NUM_COEFFICIENTS = 40  # filterbanks
NUM_TRANSFERS = 6  # l = 0 … 5
# experiment → the rows of the paper it is to be compared with; controls have none
ROWS = {"asr": ASR, "ser2asr": ASR, "ser": SER, "asr2ser": SER}


def costs(source: str, task: str, measure: str) -> list[float]:
    """What l = 0, 1, … constant layers of another task cost on test, beside a network trained from scratch."""
    scratch, *held = (ROWS[f"{source}2{task}"][layers][measure][1] for layers in (None, *range(NUM_TRANSFERS)))
    return [figure - scratch for figure in held]


def published(experiment: str, constant_layers: int | None, measure: str, part: str) -> float | None:
    """The paper's figure in per cent, None where it gives none."""
    row = ROWS.get(experiment, {}).get(constant_layers, {})
    return row[measure][("dev", "test").index(part)] if measure in row else None
