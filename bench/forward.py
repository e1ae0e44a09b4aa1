#!/usr/bin/env python
"""The forward pass over an hour of speech: asrser_nn forward's way against one window at a time, in one run.

  windows    every window of 31 frames through the network, in minibatches of 256, as plain PyTorch does it
  utterances the convolutional layers once per frame, shared by all windows; equal to 1e-4 and checked here

Times are for an hour (360 000 frames) of the paper's network; `windows` is measured on a part of it.

Usage: python bench/forward.py [--device cpu|cuda] [--precision fp32|tf32|bf16] [--threads N] [--minutes 60]
                               [--json OUT]
"""

import torch

from asrser_nn.network.convnet import ConvNet, Shape, log_posteriors
from asrser_nn.network.device import precision_context, set_threads
from synthetic import BATCH, CLASSES, clock, machine, option_parser, peak_memory, report, synthetic_corpus

FRAMES_PER_MINUTE = 6000
PART = 0.05  # of the frames, for the slow way


@torch.no_grad()
def main() -> None:
    parser = option_parser(__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="of speech")
    options = parser.parse_args()
    set_threads(options.threads)
    device = torch.device(options.device)
    network = ConvNet(Shape(40, CLASSES)).to(device).eval()
    corpus = synthetic_corpus(int(options.minutes * FRAMES_PER_MINUTE)).to(device)
    part = torch.arange(max(BATCH, int(PART * corpus.num_frames)), device=device)

    seconds = {}
    with precision_context(device, options.precision):
        network(corpus.inputs(part[:BATCH]))  # warms up
        begin = clock(device)
        slow = torch.cat([network(corpus.inputs(frames)).float().log_softmax(1) for frames in part.split(BATCH)])
        seconds["windows"] = (clock(device) - begin) * corpus.num_frames / len(part)
        begin = clock(device)
        fast = torch.cat([scores for _, scores in log_posteriors(network, corpus)])
        seconds["utterances"] = clock(device) - begin
    difference = (slow - fast[: len(slow)]).abs().max().item()
    hour = 60 / options.minutes
    for way, value in seconds.items():
        print(f"{way:12} {value * hour:8.1f} s per hour of speech, {value * hour / 3600:.4f} of real time")
    ratio = seconds["windows"] / seconds["utterances"]
    print(f"ratio {ratio:.2f}; largest difference of a log posterior {difference:.1e}")
    result = {
        "machine": machine(device, options.precision),
        "seconds_per_hour": {way: value * hour for way, value in seconds.items()},
        "ratio": ratio,
        "largest_difference": difference,
        "peak_memory_gib": peak_memory(device),
    }
    report(result, options.json)


if __name__ == "__main__":
    main()
