"""The sizes of a network. Imports no torch: they are looked at before anything slow."""

from dataclasses import dataclass
from typing import Any

from asrser_io.files import Failure

MOST_UNITS = 65536  # of a layer; two such layers would fill the memory of a large machine
RANGES = {  # of each number, ends included
    "num_coefficients": (0, MOST_UNITS), "num_classes": (0, MOST_UNITS), "context": (0, 1000),
    "channels": (1, MOST_UNITS), "kernels": (1, 1000), "paddings": (0, 1000), "pools": (1, 1000),
    "hidden": (1, MOST_UNITS),
}  # fmt: skip
PAIRS = ("kernels", "paddings", "pools")


@dataclass(frozen=True)
class Shape:
    """Sizes of a network. Pairs are (frequency, time). Coefficients and classes are 0 until the data have said them."""

    num_coefficients: int
    num_classes: int
    context: int = 15
    channels: tuple[int, ...] = (64, 128)
    kernels: tuple[tuple[int, int], ...] = ((5, 4), (3, 3))
    paddings: tuple[tuple[int, int], ...] = ((0, 0), (0, 0))
    pools: tuple[tuple[int, int], ...] = ((2, 2), (2, 2))
    hidden: tuple[int, ...] = (1024, 1024, 1024)

    def __post_init__(self) -> None:
        for name, (least, most) in RANGES.items():  # options lie within them; what stands in a file may not
            value = getattr(self, name)
            items = value if isinstance(value, tuple) else (value,)
            numbers = [number for item in items for number in (item if name in PAIRS else (item,))]
            if any(type(number) is not int or not least <= number <= most for number in numbers):
                raise Failure(f"--{name.replace('_', '-')} {value}: expected integers from {least} to {most}")
            if name in PAIRS and any(len(pair) != 2 for pair in value):
                raise Failure(f"--{name} {value}: expected pairs, frequency and time")
            if name in PAIRS and len(value) != len(self.channels):
                raise Failure(f"--{name} is of {len(value)} layers, but --channels of {len(self.channels)}")

    @property
    def num_layers(self) -> int:
        return len(self.channels) + len(self.hidden) + 1

    def sizes(self) -> list[tuple[int, int, int]]:
        """(channels, frequency, time) of the input and after each convolutional layer."""
        sizes = [(1, self.num_coefficients, 2 * self.context + 1)]
        layers = zip(self.channels, self.kernels, self.paddings, self.pools, strict=True)
        for number, (channels, kernel, padding, pool) in enumerate(layers, 1):
            frequency, time = (
                (size + 2 * pad - k + 1) // p
                for size, k, pad, p in zip(sizes[-1][1:], kernel, padding, pool, strict=True)
            )
            if frequency < 1 or time < 1:
                raise Failure(
                    f"--kernels {'x'.join(map(str, kernel))} and --pools {'x'.join(map(str, pool))} are too large for "
                    f"layer {number}, whose input is {sizes[-1][1]} x {sizes[-1][2]} (frequency x time)"
                )
            sizes.append((channels, frequency, time))
        return sizes


def as_tuples(value: Any) -> Any:
    """Lists, which is what files can hold, back to tuples, at any depth."""
    return tuple(as_tuples(item) for item in value) if isinstance(value, list | tuple) else value
