"""The drawn world of the bundled networks, their training and their figures."""

from pathlib import Path

import animator.pocket

WEIGHTS = Path(animator.pocket.__file__).parent
"""Where the package keeps the bundled weights, their card and its figures."""

CHECKOUT = Path(__file__).parents[2]

JUDGE = CHECKOUT / "tests" / "data" / "judge"
"""Where a checkout keeps the judge: ``perceptor.safetensors`` and ``perceptor.json``."""
