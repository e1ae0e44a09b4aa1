"""The sizes of a network. Imports no torch: they are looked at before anything slow."""

from dataclasses import dataclass
from typing import Any

from asrser_io.files import Failure


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

    @property
    def num_layers(self) -> int:
        return len(self.channels) + len(self.hidden) + 1

    def sizes(self) -> list[tuple[int, int, int]]:
        """(channels, frequency, time) of the input and after each convolutional layer."""
        sizes = [(1, self.num_coefficients, 2 * self.context + 1)]
        for channels, kernel, padding, pool in zip(self.channels, self.kernels, self.paddings, self.pools, strict=True):
            frequency, time = (
                (size + 2 * pad - k + 1) // p
                for size, k, pad, p in zip(sizes[-1][1:], kernel, padding, pool, strict=True)
            )
            if frequency < 1 or time < 1:
                raise Failure(f"the kernels and pools of this network are too large for its input of {sizes[0][1:]}")
            sizes.append((channels, frequency, time))
        return sizes


def as_tuples(value: Any) -> Any:
    """Lists, which is what files can hold, back to tuples, at any depth."""
    return tuple(as_tuples(item) for item in value) if isinstance(value, list | tuple) else value
