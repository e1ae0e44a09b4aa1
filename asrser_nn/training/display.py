"""What a training shows: a progress bar on a terminal, one line per epoch elsewhere; results go to stdout, not here."""

import sys
from typing import Any

from torch import Tensor
from tqdm import tqdm

from asrser_io.files import Failure
from asrser_nn.training.loop import Display


class LineDisplay(Display):
    def end_epoch(self, record: dict[str, Any]) -> None:
        task = f", {record['task']}" if "task" in record else ""
        print(
            f"epoch {record['epoch']}{task}: "
            f"train loss {record['train_loss']:.4f}, accuracy {record['train_accuracy']:.2f} %; "
            f"dev loss {record['dev_loss']:.4f}, accuracy {record['dev_accuracy']:.2f} %; "
            f"{record['seconds']:.1f} s, {record['frames_per_second']} frames/s",
            file=sys.stderr,
            flush=True,
        )


class BarDisplay(LineDisplay):
    """A bar per epoch, replaced by the epoch's line. Shows the running loss where reading it does not stop a GPU."""

    dev_accuracy = ""

    def start_epoch(self, epoch: int, num_steps: int) -> None:
        self.bar = tqdm(total=0, desc=f"epoch {epoch}", unit=" frames", unit_scale=True, leave=False, file=sys.stderr)
        self.num_steps = num_steps

    def step(self, num_frames: int, total_loss: Tensor, steps_done: int) -> None:
        self.bar.total = num_frames * self.num_steps
        if self.bar.update(num_frames):  # true when it has just been drawn
            loss = f"loss {total_loss.item() / steps_done:.3f}" if total_loss.device.type == "cpu" else ""
            self.bar.set_postfix_str(" ".join(filter(None, [loss, self.dev_accuracy])), refresh=False)

    def end_epoch(self, record: dict[str, Any]) -> None:
        self.bar.close()
        self.dev_accuracy = f"dev {record['dev_accuracy']:.2f} %"
        super().end_epoch(record)


class WithTensorBoard(Display):
    """Another display, and events for TensorBoard."""

    def __init__(self, display: Display, folder: str):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise Failure("--tensorboard: TensorBoard is not installed; pip install tensorboard") from error

        self.display = display
        self.make_writer = lambda: SummaryWriter(folder)
        self.writer: Any = None

    def start_epoch(self, epoch: int, num_steps: int) -> None:
        self.writer = self.writer or self.make_writer()  # which makes its folder
        self.display.start_epoch(epoch, num_steps)

    def step(self, num_frames: int, total_loss: Tensor, steps_done: int) -> None:
        self.display.step(num_frames, total_loss, steps_done)

    def end_epoch(self, record: dict[str, Any]) -> None:
        self.display.end_epoch(record)
        task = f"{record['task']}/" if "task" in record else ""
        for name, value in record.items():
            if name not in ("epoch", "task"):
                self.writer.add_scalar(task + name, value, record["epoch"])
        self.writer.flush()


def make_display(on_terminal: bool, tensorboard_folder: str | None) -> Display:
    display = BarDisplay() if on_terminal else LineDisplay()
    return WithTensorBoard(display, tensorboard_folder) if tensorboard_folder else display
