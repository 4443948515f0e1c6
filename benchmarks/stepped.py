"""A training stage with a progress bar of its steps: python -m benchmarks.stepped MODULE ARGUMENTS.

The stage's own bar counts epochs, of which the soak trains one. The stage runs as it is; torch tells of its steps.
"""

import runpy
import sys

from torch.optim.optimizer import register_optimizer_step_post_hook
from tqdm import tqdm

LABEL = "step"

if __name__ == "__main__":
    bar = tqdm(desc=LABEL, bar_format="{desc}: {n_fmt}/? [")
    register_optimizer_step_post_hook(lambda *_: bar.update())
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
