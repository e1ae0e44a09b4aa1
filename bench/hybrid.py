#!/usr/bin/env python
"""What a hybrid saves: phones and emotions of speech from two separate networks, and from two that share their layers.

Times are for an hour of speech (360 000 frames) in utterances of 3 s, by the paper's network, as asrser_nn predict
computes it: the shared layers once, those after them for each task. They take turns, several times; the least time of
each counts. Parameters are of both tasks together.

Usage: python bench/hybrid.py [--device cpu|cuda] [--precision fp32|tf32|bf16] [--threads N] [--minutes 1] [--turns 3]
                              [--json OUT]
"""

import numpy as np
import torch

from asrser_nn.network.convnet import ConvNet, Shape
from asrser_nn.network.device import precision_context, set_threads
from asrser_nn.network.sharing import count_parameters, layers_in_common, share_layers
from asrser_nn.prediction.forward import utterance_log_posteriors
from synthetic import CLASSES, clock, machine, option_parser, peak_memory, report

FRAMES = 300  # of an utterance, 3 s
EMOTIONS = 5


def networks_that_share(layers: int, device: torch.device) -> list[ConvNet]:
    networks = [ConvNet(Shape(40, CLASSES), seed=1).eval(), ConvNet(Shape(40, EMOTIONS), seed=2).eval()]
    share_layers(networks, layers, statistics=True)
    assert layers_in_common(networks) == layers
    return [network.to(device) for network in networks]


def main() -> None:
    parser = option_parser(__doc__)
    parser.add_argument("--minutes", type=float, default=1, help="of speech")
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    set_threads(options.threads)
    device = torch.device(options.device)
    random = np.random.default_rng(0)
    utterances = [random.standard_normal((FRAMES, 40), dtype=np.float32) for _ in range(round(20 * options.minutes))]
    tasks = {shared: networks_that_share(shared, device) for shared in range(6)}
    seconds: dict[int, float] = {}
    with precision_context(device, options.precision):
        for turn in range(options.turns + 1):  # the first one warms up
            for shared, networks in tasks.items():
                begin = clock(device)
                for feats in utterances:
                    utterance_log_posteriors(networks, feats, device, shared)
                if turn:
                    seconds[shared] = min(seconds.get(shared, float("inf")), clock(device) - begin)
    rows = {
        shared: {
            "seconds_per_hour": seconds[shared] * 3600 / (len(utterances) * FRAMES / 100),
            "time": seconds[shared] / seconds[0],
            "parameters": count_parameters(networks),
        }
        for shared, networks in tasks.items()
    }
    print(f"{'shared layers':13} {'s per hour':>11} {'of separate':>12} {'parameters':>12}")
    for shared, row in rows.items():
        of_separate = f"{100 * row['time']:.0f} %"
        print(f"{shared or 'separate':<13} {row['seconds_per_hour']:11.1f} {of_separate:>12} {row['parameters']:12,}")
    result = {
        "machine": machine(device, options.precision),
        "shared_layers": rows,
        "peak_memory_gib": peak_memory(device),
    }
    report(result, options.json)


if __name__ == "__main__":
    main()
